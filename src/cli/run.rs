//! The options of a swarm, which are those of its ranks.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::common::{CommonArguments, duration};
use super::conflict;
use super::heading::{OUTPUT, SWARM};
use swarm::options::Options;
use swarm::progress::Style;

#[derive(Debug, Args)]
pub struct SwarmArguments {
    /// Where the clients find in<R>.txt
    #[arg(short, long, help_heading = SWARM, value_name = "DIR", default_value = ".")]
    input_dir: PathBuf,

    /// Where the clients write client<R>_<NAME>; created if missing
    #[arg(short, long, help_heading = SWARM, value_name = "DIR", default_value = ".")]
    output_dir: PathBuf,

    #[command(flatten)]
    common: CommonArguments,

    /// End the run when nothing moves for this time (60, 90s, 5min); 0: never
    ///
    /// Nothing moves when no client is heard of, or when MPI does not start or end.
    #[arg(long, help_heading = SWARM, value_name = "TIME", default_value = "60s", value_parser = duration)]
    stall_timeout: Duration,

    /// When to show how far the downloads are
    #[arg(long, help_heading = OUTPUT, value_name = "WHEN", default_value = "auto")]
    pub(super) progress: ShowProgress,

    /// How wide the terminal is that launch has found
    #[arg(long, hide = true)]
    terminal_width: Option<u16>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum ShowProgress {
    /// on a terminal, which mpirun hides from its ranks: launch tells them
    Auto,
    /// also where there is no terminal, by a line every few seconds
    Always,
    /// not at all
    Never,
}

impl SwarmArguments {
    /// The options as the runtime takes them.
    ///
    /// # Errors
    /// When options contradict each other.
    pub(super) fn options(self) -> Result<Options, clap::Error> {
        let settings = self.common.settings()?;
        let stall_timeout = self.stall_timeout;
        let options = Options {
            input_dir: self.input_dir,
            output_dir: self.output_dir,
            settings,
            corrupt: self.common.corrupt,
            scenario: self.common.scenario,
            stall_timeout: (!stall_timeout.is_zero()).then_some(stall_timeout),
            report: self.common.report,
            trace: self.common.trace,
            progress: match (self.progress, self.terminal_width) {
                (ShowProgress::Always, Some(columns)) => Some(Style::Live(columns)),
                (ShowProgress::Always, None) => Some(Style::Lines),
                (ShowProgress::Auto | ShowProgress::Never, _) => None,
            },
            quiet: self.common.quiet,
        };
        if !options.allow(options.settings.upload_time) {
            return Err(conflict(
                "--stall-timeout has to be at least twice --upload-time",
            ));
        }
        Ok(options)
    }
}
