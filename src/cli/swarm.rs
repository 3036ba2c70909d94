//! The options of a swarm, which are those of its ranks.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use super::{conflict, seed};
use crate::policy::order::{self, SegmentOrder};
use crate::policy::selection::{self, PeerSelection};
use crate::policy::{Named, TrackerIndex};
use crate::protocol::Rank;
use crate::runtime::{Options, Style};
use crate::settings::Settings;

#[derive(Debug, Args)]
pub struct SwarmArguments {
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

    /// What the tracker knows of a swarm, and tells its members
    #[arg(long, value_name = "INDEX", default_value = TrackerIndex::ALL[0].name, value_parser = by_name(TrackerIndex::ALL))]
    tracker_index: &'static Named<TrackerIndex>,

    /// Whom a client asks for a segment
    #[arg(long, value_name = "POLICY", default_value = selection::ALL[0].name, value_parser = by_name(selection::ALL))]
    peer_selection: &'static PeerSelection,

    /// Which segment of a file it asks for next
    #[arg(long, value_name = "POLICY", default_value = order::ALL[0].name, value_parser = by_name(order::ALL))]
    segment_order: &'static SegmentOrder,

    /// The tracker grants every segment before it is asked for, and is told when it came
    #[arg(long)]
    tracker_grants: bool,

    /// How long serving a segment occupies a client's upload link (5ms, 1s)
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = duration)]
    upload_time: Duration,

    /// How many segments wait for a client's upload link or are on it, at most; 0 is no limit
    #[arg(long, value_name = "K", default_value_t = Settings::default().upload_slots.map_or(0, NonZeroUsize::get))]
    upload_slots: usize,

    /// What all random choices follow from; left out, it is a different one every time
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Clients that answer every request with a wrong hash: an experiment on the others
    #[arg(long, value_name = "R[,R...]", value_delimiter = ',', value_parser = client_rank)]
    corrupt: Vec<Rank>,

    /// How long no client may be heard of, or MPI may take to start, before the run is ended
    /// (60, 90s, 5min); 0 is for ever
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    stall_timeout: Duration,

    /// Write what was measured to this file, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Record every message and what came of it in this file, compressed if it ends in .zst
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,

    /// When to show how far the downloads are
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(super) progress: Progress,

    /// How wide the terminal is that launch has found
    #[arg(long, hide = true)]
    terminal_width: Option<u16>,

    /// Print nothing but problems
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Progress {
    /// on a terminal, which mpirun hides from its ranks: launch tells them
    Auto,
    /// also where there is no terminal, by a line every few seconds
    Always,
    /// not at all
    Never,
}

impl SwarmArguments {
    /// The same for the runtime.
    ///
    /// # Errors
    /// When options contradict each other.
    pub(super) fn options(self) -> Result<Options, clap::Error> {
        let stall_timeout = self.stall_timeout;
        let options = Options {
            input_dir: self.input_dir,
            output_dir: self.output_dir,
            settings: Settings {
                update_interval: self.update_interval,
                window: self.window,
                tracker_index: self.tracker_index,
                peer_selection: self.peer_selection,
                segment_order: self.segment_order,
                tracker_grants: self.tracker_grants,
                upload_time: self.upload_time,
                upload_slots: NonZeroUsize::new(self.upload_slots),
                seed: seed(self.seed),
            },
            corrupt: self.corrupt,
            stall_timeout: (!stall_timeout.is_zero()).then_some(stall_timeout),
            report: self.report,
            trace: self.trace,
            progress: match (self.progress, self.terminal_width) {
                (Progress::Always, Some(columns)) => Some(Style::Live(columns)),
                (Progress::Always, None) => Some(Style::Lines),
                (Progress::Auto | Progress::Never, _) => None,
            },
            quiet: self.quiet,
        };
        if !options.settings.are_consistent() {
            let order = options.settings.segment_order;
            return Err(conflict(format!(
                "--segment-order {order} goes by what the members hold, \
                 which only --tracker-index segments tells"
            )));
        }
        // Every segment that is served is heard of, but nothing is while one is on its way.
        if options
            .stall_timeout
            .is_some_and(|patience| patience < 2 * options.settings.upload_time)
        {
            return Err(conflict(
                "--stall-timeout has to be at least twice --upload-time",
            ));
        }
        Ok(options)
    }
}

/// One of a list, by its name.
fn by_name<T: Sync>(all: &'static [Named<T>]) -> impl TypedValueParser<Value = &'static Named<T>> {
    let names = all
        .iter()
        .map(|named| PossibleValue::new(named.name).help(named.about));
    PossibleValuesParser::new(names)
        .map(|name| Named::find(all, &name).expect("only these names are possible"))
}

fn client_rank(text: &str) -> Result<Rank, String> {
    match text.parse() {
        Ok(rank) if rank != Rank::TRACKER.0 => Ok(Rank(rank)),
        _ => Err("expected the rank of a client, 1 or more".into()),
    }
}

/// A time with a unit, or in seconds.
pub(super) fn duration(text: &str) -> Result<Duration, humantime::DurationError> {
    match text.parse() {
        Ok(seconds) => Ok(Duration::from_secs(seconds)),
        Err(_) => humantime::parse_duration(text),
    }
}
