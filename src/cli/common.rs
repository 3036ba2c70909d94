//! The options that a swarm has wherever it is: of ranks, and in a simulation.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, RangedU64ValueParser, TypedValueParser};

use super::heading::{DESIGN, EXPERIMENT, OUTPUT};
use super::{conflict, seed};
use swarm::limits::{self, MOST_CLIENTS, MOST_SEGMENTS};
use swarm::policy::order::{self, SegmentOrder};
use swarm::policy::selection::{self, PeerSelection};
use swarm::policy::{Named, TrackerIndex};
use swarm::protocol::Rank;
use swarm::settings::Settings;

#[derive(Debug, Args)]
pub(super) struct CommonArguments {
    /// A client asks the tracker for the swarm anew after every N segments of a file
    #[arg(long, help_heading = DESIGN, value_name = "N", default_value_t = Settings::default().update_interval, value_parser = number(MOST_SEGMENTS))]
    update_interval: NonZeroUsize,

    /// A client has N segment requests in flight at most; 1 is the assignment's one by one
    #[arg(long, help_heading = DESIGN, value_name = "N", default_value_t = Settings::default().window, value_parser = number(MOST_SEGMENTS))]
    window: NonZeroUsize,

    /// The tracker tells of K members at most, drawn anew each time [default: all]
    #[arg(long, help_heading = DESIGN, value_name = "K", value_parser = number(MOST_CLIENTS))]
    members: Option<NonZeroUsize>,

    /// What the tracker knows of a swarm, and tells its members
    #[arg(long, help_heading = DESIGN, value_name = "INDEX", default_value = TrackerIndex::ALL[0].name, value_parser = by_name(TrackerIndex::ALL))]
    tracker_index: &'static Named<TrackerIndex>,

    /// Whom a client asks for a segment
    #[arg(long, help_heading = DESIGN, value_name = "POLICY", default_value = selection::ALL[0].name, value_parser = by_name(selection::ALL))]
    peer_selection: &'static PeerSelection,

    /// Which segment of a file it asks for next
    #[arg(long, help_heading = DESIGN, value_name = "POLICY", default_value = order::ALL[0].name, value_parser = by_name(order::ALL))]
    segment_order: &'static SegmentOrder,

    /// The tracker grants every segment before it is asked for
    #[arg(long, help_heading = DESIGN)]
    tracker_grants: bool,

    /// How long a segment occupies a client's upload link (5ms, 1s)
    #[arg(long, help_heading = EXPERIMENT, value_name = "TIME", default_value = "0ms", value_parser = duration)]
    upload_time: Duration,

    /// K segments wait for an upload link or are on it, at most; 0: no limit
    #[arg(long, help_heading = DESIGN, value_name = "K", default_value_t = Settings::default().upload_slots.map_or(0, NonZeroUsize::get), value_parser = up_to(MOST_SEGMENTS))]
    upload_slots: usize,

    /// All random choices follow from this number [default: another one every time]
    #[arg(long, help_heading = EXPERIMENT, value_name = "N")]
    seed: Option<u64>,

    /// These clients answer every request with a wrong hash
    #[arg(long, help_heading = EXPERIMENT, value_name = "R[,R...]", value_delimiter = ',', value_parser = client_rank)]
    pub(super) corrupt: Vec<Rank>,

    /// Read which clients come late, are slow, serve nobody or leave (TOML)
    #[arg(long, help_heading = EXPERIMENT, value_name = "FILE")]
    pub(super) scenario: Option<PathBuf>,

    /// Write what was measured to this file, as JSON
    #[arg(long, help_heading = OUTPUT, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,

    /// Record every message in this file, compressed if it ends in .zst
    #[arg(long, help_heading = OUTPUT, value_name = "FILE")]
    pub(super) trace: Option<PathBuf>,

    /// Print nothing but problems
    #[arg(short, long, help_heading = OUTPUT)]
    pub(super) quiet: bool,
}

impl CommonArguments {
    /// How the swarm works. Drawn anew each time, if the user names no seed.
    ///
    /// # Errors
    /// When options contradict each other.
    pub(super) fn settings(&self) -> Result<Settings, clap::Error> {
        let settings = Settings {
            update_interval: self.update_interval,
            window: self.window,
            members: self.members,
            tracker_index: self.tracker_index,
            peer_selection: self.peer_selection,
            segment_order: self.segment_order,
            tracker_grants: self.tracker_grants,
            upload_time: self.upload_time,
            upload_slots: NonZeroUsize::new(self.upload_slots),
            seed: seed(self.seed),
        };
        if !settings.are_consistent() {
            let order = settings.segment_order;
            return Err(conflict(format!(
                "--segment-order {order} goes by what the members hold, \
                 which only --tracker-index segments tells"
            )));
        }
        Ok(settings)
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

/// A number from 1 to `most`.
pub(super) fn number(most: usize) -> impl TypedValueParser<Value = NonZeroUsize> {
    let numbers = RangedU64ValueParser::<usize>::new().range(1..=most as u64);
    numbers.try_map(NonZeroUsize::try_from)
}

/// A number from 0 to `most`.
pub(super) fn up_to(most: usize) -> impl TypedValueParser<Value = usize> {
    RangedU64ValueParser::<usize>::new().range(0..=most as u64)
}

fn client_rank(text: &str) -> Result<Rank, String> {
    let rank = text
        .parse()
        .ok()
        .filter(|rank| (1..=MOST_CLIENTS as u32).contains(rank));
    rank.map(Rank)
        .ok_or_else(|| format!("expected the rank of a client, 1 to {MOST_CLIENTS}"))
}

/// A time with a unit, or in seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) => limits::short_enough(Duration::from_secs(seconds)),
        Err(_) => limits::time(text),
    }
}
