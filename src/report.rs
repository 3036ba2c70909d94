//! What rank 0 tells the user at the end.

use std::time::Duration;

use crate::exit::Exit;
use crate::protocol::Reason;
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
            verdict(tally)
        }
    }
}

/// What is missing because it could not be written is the user's to mend first.
fn verdict(tally: &Tally) -> Exit {
    let not_written = |reason: &Reason| matches!(reason, Reason::NotWritten(_));
    if tally
        .missing
        .iter()
        .any(|(_, file)| not_written(&file.reason))
    {
        Exit::NotWritten
    } else if !tally.missing.is_empty() {
        Exit::Missing
    } else {
        Exit::Complete
    }
}

/// The closing line of a run.
fn summary(tally: &Tally, clients: usize, time: Duration) -> String {
    format!(
        "{} downloaded by {}, {} in {:.3} s",
        count(tally.files, "file"),
        count(clients, "client"),
        count(tally.segments, "segment"),
        time.as_secs_f64()
    )
}

fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}
