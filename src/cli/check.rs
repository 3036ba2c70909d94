//! `check`.

use std::path::PathBuf;

use clap::Args;

use lab::check::{Check, CheckOutcome};

const EXAMPLES: &str = "\
Examples:
  Record a run, and check it against the rules and its inputs:
      bittorrent launch -i inputs/test2 -o out --trace t.jsonl
      bittorrent check t.jsonl --inputs inputs/test2";

/// Says of every rule of the protocol whether a run kept it, from the run's trace
#[derive(Debug, Args)]
#[command(after_long_help = explanation())]
pub(super) struct CheckArguments {
    /// The trace that --trace has written, or FILE.parts of a run that was broken off
    #[arg(value_name = "TRACE")]
    trace: PathBuf,

    /// Hold the run against the inputs in this folder as well
    #[arg(long, value_name = "DIR")]
    inputs: Option<PathBuf>,

    /// Print the verdicts as JSON
    #[arg(long)]
    json: bool,
}

impl CheckArguments {
    /// What is to be checked.
    pub(super) fn check(self) -> Check {
        Check {
            trace: self.trace,
            inputs: self.inputs,
            json: self.json,
        }
    }
}

/// What the options leave out.
fn explanation() -> String {
    let statuses = CheckOutcome::ALL.map(|outcome| format!("  {}  {outcome}\n", outcome as u8));
    format!("{EXAMPLES}\n\nExit status:\n{}", statuses.concat())
}
