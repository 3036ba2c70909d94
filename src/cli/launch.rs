//! `launch`, whose options are the ranks' and a few of its own.

use std::ffi::OsString;
use std::io;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args};

use super::heading::SWARM;
use super::run::{ShowProgress, SwarmArguments};
use swarm::launch::Launch;
use swarm::terminal;

const EXAMPLES: &str = "\
Examples:
  The swarm of a folder:
      bittorrent launch -i inputs/test1 -o out
  Random sources, a report for programs, and a trace to check and to draw:
      bittorrent launch -i inputs/test1 -o out --peer-selection random --report r.json --trace t.jsonl
  On several hosts that share a file system:
      bittorrent launch -i swarm -o out -- --hostfile hosts";

/// Starts a swarm: mpirun, with one rank for each in<R>.txt and one for the tracker
///
/// The options are those of the ranks, besides --mpirun. Open MPI is told if there are more ranks
/// than cores, and if it runs as root.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct LaunchArguments {
    #[command(flatten)]
    swarm: SwarmArguments,

    /// The mpirun to use, where it is not the one that is found
    #[arg(long, help_heading = SWARM, value_name = "PATH", env = "MPIRUN", hide_env_values = true)]
    mpirun: Option<OsString>,

    /// Options of mpirun: -- --hostfile hosts
    #[arg(last = true, value_name = "MPIRUN_OPTIONS")]
    mpirun_options: Vec<OsString>,
}

impl LaunchArguments {
    /// What is to be launched.
    ///
    /// # Errors
    /// When options contradict each other.
    pub(super) fn launch(self, matches: &ArgMatches) -> Result<Launch, clap::Error> {
        let progress = self.swarm.progress;
        let options = self.swarm.options()?;
        let mut of_ranks = as_written(matches);
        of_ranks.extend(on_terminal(progress, options.quiet));
        Ok(Launch {
            input_dir: options.input_dir,
            mpirun: self.mpirun.filter(|path| !path.is_empty()),
            mpirun_options: self.mpirun_options,
            options: of_ranks,
            quiet: options.quiet,
        })
    }
}

/// The swarm's options of a command line, as they were written there.
fn as_written(matches: &ArgMatches) -> Vec<OsString> {
    let mut options = Vec::new();
    for argument in SwarmArguments::augment_args(clap::Command::new("swarm")).get_arguments() {
        let id = argument.get_id().as_str();
        if id == "progress" || matches.value_source(id) != Some(ValueSource::CommandLine) {
            continue;
        }
        let name = argument.get_long().expect("every option has a long name");
        if argument.get_action().takes_values() {
            for value in matches.get_raw(id).into_iter().flatten() {
                let mut option = OsString::from(format!("--{name}="));
                option.push(value);
                options.push(option);
            }
        } else {
            options.push(format!("--{name}").into());
        }
    }
    options
}

/// What the ranks are to know of the terminal that this process has, and they have not.
fn on_terminal(progress: ShowProgress, is_quiet: bool) -> Vec<OsString> {
    let columns = terminal::width(&io::stderr());
    let is_shown = match progress {
        ShowProgress::Auto => columns.is_some() && !is_quiet,
        ShowProgress::Always => true,
        ShowProgress::Never => false,
    };
    let columns = columns.filter(|_| is_shown);
    let shown = is_shown.then(|| "--progress=always".into());
    let width = columns.map(|columns| format!("--terminal-width={columns}").into());
    shown.into_iter().chain(width).collect()
}
