//! What rank 0 tells the user at the end.

use std::time::Duration;

use crate::exit::Exit;
use crate::tracker::{Ending, Tally};

/// Prints how the run ended, and says what that means for the exit status.
///
/// The summary goes to standard output, unless `quiet`; problems go to standard error.
pub fn show(ending: &Ending, clients: usize, time: Duration, quiet: bool) -> Exit {
    match ending {
        Ending::Refused(problems) => {
            for problem in problems {
                eprintln!("{problem}");
            }
            Exit::Refused
        }
        Ending::Complete(tally) => {
            for (client, file) in &tally.missing {
                eprintln!(
                    "client {client} did not get '{}': {}",
                    file.name, file.reason
                );
            }
            if !quiet {
                println!("{}", summary(tally, clients, time));
            }
            if tally.missing.is_empty() {
                Exit::Complete
            } else {
                Exit::Missing
            }
        }
    }
}

/// The closing line of a run.
fn summary(tally: &Tally, clients: usize, time: Duration) -> String {
    let count = |number: usize, noun: &str| match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    };
    format!(
        "{} downloaded by {}, {} in {:.3} s",
        count(tally.files, "file"),
        count(clients, "client"),
        count(tally.segments, "segment"),
        time.as_secs_f64()
    )
}
