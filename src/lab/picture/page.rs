//! The page of a run, and what its script is told.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::letter::look;
use super::story::{Story, ToldStory};
use crate::check::{CheckOutcome, Checked, Judged};
use crate::rules::{Judgement, Verdict};
use pages::page::{DrawnPage, Mark};
use swarm::event::{Event, Thread};
use swarm::protocol::Tag;
use swarm::report::Plan;
use swarm::scenario::Cast;
use swarm::settings::Settings;
use swarm::trace::Header;

const PAGE: DrawnPage<'static> = DrawnPage {
    title: "bittorrent show",
    main: include_str!("page/main.html"),
    // What is vendored has its licence beside it.
    style: &[
        include_str!("page/vendor/uPlot.min.css"),
        include_str!("page/run.css"),
    ],
    script: &[
        include_str!("page/vendor/uPlot.iife.min.js"),
        include_str!("page/looks.js"),
        include_str!("page/data.js"),
        include_str!("page/spacetime.js"),
        include_str!("page/segments.js"),
        include_str!("page/charts.js"),
        include_str!("page/main.js"),
    ],
};

/// The version of what the script is told.
const SCHEMA: u32 = 2;

/// All that the script is told.
#[derive(Serialize)]
struct RunPage<'a> {
    schema: u32,
    version: &'a str,
    /// The name of the trace.
    trace: String,
    complete: bool,
    clients: usize,
    events: u64,
    outcome: String,
    outcome_mark: Mark,
    settings: &'a Plan,
    /// The settings of a run without options.
    defaults: Plan,
    hosts: BTreeSet<&'a str>,
    uncertainty: Option<f64>,
    rules: Vec<JudgedHere<'a>>,
    tags: Vec<ToldTag>,
    /// The time whose messages are drawn. `None`: all are.
    window: Option<[f64; 2]>,
    #[serde(flatten)]
    told: ToldStory,
}

/// What `check` says of a rule, with what it is about and where the offence was.
#[derive(Serialize)]
struct JudgedHere<'a> {
    #[serde(flatten)]
    judged: Judged<'a>,
    mark: Mark,
    about: &'static str,
    place: Option<&'a OffencePlace>,
}

/// Where an offence was.
#[derive(Serialize)]
pub(super) struct OffencePlace {
    time: f64,
    rank: u32,
    thread: Thread,
    /// The row of its message, if that is drawn.
    message: Option<usize>,
}

impl OffencePlace {
    pub(super) fn new(event: &Event, message: Option<usize>) -> OffencePlace {
        OffencePlace {
            time: event.time.as_secs_f64(),
            rank: event.rank.0,
            thread: event.thread,
            message,
        }
    }
}

#[derive(Serialize)]
struct ToldTag {
    name: String,
    reader: Thread,
    hue: &'static str,
    dash: &'static str,
}

/// Writes the page.
pub(super) fn page(
    trace: &Path,
    header: &Header,
    checked: &Checked,
    places: &BTreeMap<u64, OffencePlace>,
    story: Story,
    window: Option<RangeInclusive<Duration>>,
) -> Result<String> {
    let uncertain = header.clocks.iter().map(|clock| clock.uncertainty);
    let name = trace.file_name().unwrap_or(trace.as_os_str());
    let run = RunPage {
        schema: SCHEMA,
        version: &header.version,
        trace: name.to_string_lossy().into_owned(),
        complete: header.complete,
        clients: header.clients,
        events: checked.events,
        outcome: checked.outcome().to_string(),
        outcome_mark: match checked.outcome() {
            CheckOutcome::Holds => Mark::Good,
            CheckOutcome::Broken => Mark::Bad,
            CheckOutcome::Unreadable | CheckOutcome::Untold => Mark::Doubt,
        },
        settings: &header.plan,
        defaults: Plan {
            settings: Settings::default(),
            clients: header.clients,
            corrupt: Vec::new(),
            cast: Cast::default(),
        },
        hosts: (header.clocks.iter())
            .map(|clock| &clock.host[..])
            .collect(),
        uncertainty: uncertain.max_by(f64::total_cmp),
        rules: (checked.judgements().iter())
            .map(|judgement| judged(judgement, places))
            .collect(),
        tags: Tag::ALL.map(ToldTag::from).into(),
        window: window.map(|window| {
            let [start, end] = [window.start(), window.end()].map(Duration::as_secs_f64);
            [start, end]
        }),
        told: story.tell(&header.plan.settings),
    };
    PAGE.telling(&run)
}

fn judged<'a>(judgement: &'a Judgement, places: &'a BTreeMap<u64, OffencePlace>) -> JudgedHere<'a> {
    let (mark, place) = match &judgement.verdict {
        Verdict::Holds => (Mark::Good, None),
        Verdict::Broken { first, .. } => (Mark::Bad, places.get(&first.line)),
        Verdict::CannotBeTold => (Mark::Doubt, None),
    };
    JudgedHere {
        judged: judgement.into(),
        mark,
        about: judgement.rule.about(),
        place,
    }
}

impl From<Tag> for ToldTag {
    fn from(tag: Tag) -> ToldTag {
        let (hue, dash) = look(tag);
        ToldTag {
            name: tag.to_string(),
            reader: tag.reader(),
            hue,
            dash,
        }
    }
}
