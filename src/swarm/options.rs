//! The options of a run, as each of its ranks has them.

use std::path::PathBuf;
use std::time::Duration;

use crate::progress::Style;
use crate::protocol::Rank;
use crate::report::Plan;
use crate::scenario::Cast;
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
    /// The run is ended when the tracker hears of no client for this long. `None`: it waits for ever.
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

impl Options {
    /// A run of `clients` clients, in which the scenario's parts are not dealt yet.
    pub fn plan(&self, clients: usize) -> Plan {
        Plan {
            settings: self.settings,
            clients,
            corrupt: self.corrupt.clone(),
            cast: Cast::default(),
        }
    }

    /// Whether a run whose segments take up to `upload_time` is never taken for stalled: the tracker
    /// hears of every segment that is served, but of nothing while one is on its way.
    pub fn allow(&self, upload_time: Duration) -> bool {
        self.stall_timeout
            .is_none_or(|patience| patience >= upload_time.saturating_mul(2))
    }
}
