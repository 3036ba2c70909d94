//! The command line. These types stop at the edge: [`crate::runtime`] gets its own options.
#![allow(
    rustdoc::invalid_html_tags,
    reason = "the same texts are the help in a terminal"
)]

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Parser;

use crate::client::Settings;
use crate::exit::Exit;
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

    /// Print nothing but problems
    #[arg(short, long)]
    quiet: bool,
}

impl From<Arguments> for Options {
    fn from(arguments: Arguments) -> Self {
        let Arguments {
            input_dir,
            output_dir,
            update_interval,
            window,
            quiet,
        } = arguments;
        let settings = Settings {
            update_interval,
            window,
        };
        Options {
            input_dir,
            output_dir,
            settings,
            quiet,
        }
    }
}
