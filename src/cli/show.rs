//! `show`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{common, conflict};
use lab::picture::Show;

const EXAMPLES: &str = "\
Examples:
  Record a run, and draw it as t.html:
      bittorrent launch -i inputs/test2 -o out --trace t.jsonl
      bittorrent show t.jsonl
  Only the first 20 milliseconds, where there are too many messages to draw them all:
      bittorrent show t.jsonl --to 20ms";

/// Draws a run as a page for the browser, from the run's trace
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct ShowArguments {
    /// The trace that --trace has written, or FILE.parts of a run that was broken off
    #[arg(value_name = "TRACE")]
    trace: PathBuf,

    /// The page [default: the trace's name with .html]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Write the same for the Perfetto viewer (ui.perfetto.dev), as JSON
    #[arg(long, value_name = "FILE")]
    perfetto: Option<PathBuf>,

    /// Draw messages from this time on: of a long run, where there are too many to draw them all
    #[arg(long, value_name = "TIME", value_parser = common::duration)]
    from: Option<Duration>,

    /// Draw messages up to this time
    #[arg(long, value_name = "TIME", value_parser = common::duration)]
    to: Option<Duration>,
}

impl ShowArguments {
    /// What is to be shown.
    ///
    /// # Errors
    /// When the time to be shown ends before it begins.
    pub(super) fn show(self) -> Result<Show, clap::Error> {
        let start = self.from.unwrap_or(Duration::ZERO);
        let end = self.to.unwrap_or(Duration::MAX);
        if start >= end {
            return Err(conflict("--from has to be before --to"));
        }
        Ok(Show {
            trace: self.trace,
            output: self.output,
            perfetto: self.perfetto,
            window: (self.from.is_some() || self.to.is_some()).then_some(start..=end),
        })
    }
}
