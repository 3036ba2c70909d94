//! The options of a run, as each of its ranks has them.

use std::path::PathBuf;
use std::time::Duration;

use crate::progress::Style;
use crate::protocol::Rank;
use crate::settings::Settings;

/// What a run needs to know.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where `in<R>.txt` are.
    pub input_dir: PathBuf,
    /// Where `client<R>_<NAME>` go.
    pub output_dir: PathBuf,
    /// How the swarm works; of the seeds, rank 0's counts.
    pub settings: Settings,
    /// The clients that answer with wrong hashes, besides those of the scenario.
    pub corrupt: Vec<Rank>,
    /// Where the scenario is, if there is one; only rank 0 reads it.
    pub scenario: Option<PathBuf>,
    /// How long no client may be heard of before the run is ended; for ever, if there is none.
    pub stall_timeout: Option<Duration>,
    /// Where the report goes.
    pub report: Option<PathBuf>,
    /// Where the trace goes.
    pub trace: Option<PathBuf>,
    /// How rank 0 shows the progress, if it does.
    pub progress: Option<Style>,
    /// Print nothing but problems.
    pub quiet: bool,
}
