//! The command line. These types stop at the edge: [`crate::runtime`] gets its own options.
#![allow(
    rustdoc::invalid_html_tags,
    reason = "the same texts are the help in a terminal"
)]

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::client::Settings;
use crate::exit::Exit;
use crate::protocol::Rank;
use crate::runtime::Options;

/// What the options leave out.
fn explanation() -> String {
    let mut text = String::from(
        "\
Every client R reads in<R>.txt, downloads the files that it wants from the other clients, segment
by segment, and writes client<R>_<NAME> for each. More ranks than cores: mpirun --oversubscribe.

Exit status:
",
    );
    for exit in Exit::ALL {
        text += &format!("  {}  {exit}\n", exit.status());
    }
    text
}

/// Simulates BitTorrent on MPI: a tracker on rank 0, a client on every other rank
#[derive(Debug, Parser)]
#[command(version, override_usage = "mpirun -np N bittorrent [OPTIONS]", after_help = explanation())]
pub struct Arguments {
    /// Where the clients find in<R>.txt
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    input_dir: PathBuf,

    /// Where the clients write client<R>_<NAME>; created if missing
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output_dir: PathBuf,

    /// After how many segments of a file a client asks the tracker for the swarm anew
    #[arg(long, value_name = "N", default_value_t = Settings::default().update_interval)]
    update_interval: NonZeroUsize,

    /// How many segment requests a client has in flight at most; 1 is the assignment's one by one
    #[arg(long, value_name = "N", default_value_t = Settings::default().window)]
    window: NonZeroUsize,

    /// Clients that answer every request with a wrong hash: an experiment on the others
    #[arg(long, value_name = "R[,R...]", value_delimiter = ',', value_parser = client_rank)]
    corrupt: Vec<Rank>,

    /// How long no client may be heard of before the run is ended (60, 90s, 5min); 0 is for ever
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    stall_timeout: Duration,

    /// Print nothing but problems
    #[arg(short, long)]
    quiet: bool,
}

impl From<Arguments> for Options {
    fn from(arguments: Arguments) -> Self {
        let Arguments {
            update_interval,
            window,
            stall_timeout,
            ..
        } = arguments;
        Options {
            input_dir: arguments.input_dir,
            output_dir: arguments.output_dir,
            settings: Settings {
                update_interval,
                window,
            },
            corrupt: arguments.corrupt,
            stall_timeout: (!stall_timeout.is_zero()).then_some(stall_timeout),
            quiet: arguments.quiet,
        }
    }
}

fn client_rank(text: &str) -> Result<Rank, String> {
    match text.parse() {
        Ok(rank) if rank != Rank::TRACKER.0 => Ok(Rank(rank)),
        _ => Err("expected the rank of a client, 1 or more".into()),
    }
}

/// A time with a unit, or in seconds.
fn duration(text: &str) -> Result<Duration, humantime::DurationError> {
    match text.parse() {
        Ok(seconds) => Ok(Duration::from_secs(seconds)),
        Err(_) => humantime::parse_duration(text),
    }
}
