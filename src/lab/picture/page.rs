//! The page: one file, with its style, its script and what it tells inside.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::Place;
use super::story::{Story, Told};
use crate::check::{Checked, Judged};
use crate::rules::{Judgement, Verdict};
use pages::html;
use swarm::event::Thread;
use swarm::protocol::Tag;
use swarm::report::{Plan, SettingsReport};
use swarm::scenario::Cast;
use swarm::settings::Settings;
use swarm::trace::Header;

const PAGE: &str = include_str!("page/page.html");

/// The vendored part first, whose licence lies beside it.
const STYLE: [&str; 2] = [include_str!("page/vendor/uPlot.min.css"), html::STYLE];
const SCRIPT: [&str; 6] = [
    include_str!("page/vendor/uPlot.iife.min.js"),
    include_str!("page/data.js"),
    include_str!("page/spacetime.js"),
    include_str!("page/segments.js"),
    include_str!("page/charts.js"),
    include_str!("page/main.js"),
];

/// The version of what the script is told.
const SCHEMA: u32 = 1;

/// What the script is told.
#[derive(Serialize)]
struct Run<'a> {
    schema: u32,
    version: &'a str,
    /// The name of the trace.
    trace: String,
    complete: bool,
    clients: usize,
    events: u64,
    outcome: String,
    settings: &'a SettingsReport,
    /// The same without options.
    defaults: SettingsReport,
    hosts: Vec<&'a str>,
    uncertainty: Option<f64>,
    rules: Vec<JudgedHere<'a>>,
    tags: Vec<TagReport>,
    /// The time whose messages are drawn, if not all are.
    window: Option<[f64; 2]>,
    #[serde(flatten)]
    told: Told,
}

/// What `check` says of a rule, with what it is about and where the offence was.
#[derive(Serialize)]
struct JudgedHere<'a> {
    #[serde(flatten)]
    judged: Judged<'a>,
    about: &'static str,
    place: Option<PlaceReport>,
}

/// Where an offence was.
#[derive(Serialize)]
struct PlaceReport {
    time: f64,
    rank: u32,
    thread: Thread,
    message: Option<usize>,
}

#[derive(Serialize)]
struct TagReport {
    name: String,
    reader: Thread,
}

/// Writes the page.
pub(super) fn page(
    trace: &Path,
    header: &Header,
    checked: &Checked,
    places: &BTreeMap<u64, Place>,
    story: Story,
    window: Option<RangeInclusive<Duration>>,
) -> Result<String> {
    let (settings, _) = header.settings.parse()?;
    let mut hosts: Vec<&str> = header
        .clocks
        .iter()
        .map(|clock| clock.host.as_str())
        .collect();
    hosts.sort_unstable();
    hosts.dedup();
    let uncertain = header.clocks.iter().map(|clock| clock.uncertainty);
    let name = trace.file_name().unwrap_or(trace.as_os_str());
    let run = Run {
        schema: SCHEMA,
        version: &header.version,
        trace: name.to_string_lossy().into_owned(),
        complete: header.complete,
        clients: header.clients,
        events: checked.events(),
        outcome: checked.outcome().to_string(),
        settings: &header.settings,
        defaults: defaults(header.clients),
        hosts,
        uncertainty: uncertain.max_by(f64::total_cmp),
        rules: (checked.judgements().iter())
            .map(|judgement| judged(judgement, places))
            .collect(),
        tags: Tag::ALL.map(TagReport::from).into(),
        window: window.map(|window| {
            let [start, end] = [window.start(), window.end()].map(Duration::as_secs_f64);
            [start, end]
        }),
        told: story.tell(&settings),
    };
    html::page(PAGE, &STYLE, &run, &SCRIPT)
}

fn defaults(clients: usize) -> SettingsReport {
    let plan = Plan {
        settings: Settings::default(),
        clients,
        corrupt: Vec::new(),
        cast: Cast::default(),
    };
    SettingsReport::from(&plan)
}

fn judged<'a>(judgement: &'a Judgement, places: &BTreeMap<u64, Place>) -> JudgedHere<'a> {
    let place = match &judgement.verdict {
        Verdict::Broken { first, .. } => places.get(&first.line),
        Verdict::Holds | Verdict::CannotBeTold => None,
    };
    JudgedHere {
        judged: judgement.into(),
        about: judgement.rule.about(),
        place: place.map(PlaceReport::from),
    }
}

impl From<&Place> for PlaceReport {
    fn from(Place { event, message }: &Place) -> PlaceReport {
        PlaceReport {
            time: event.time.as_secs_f64(),
            rank: event.rank.0,
            thread: event.thread,
            message: *message,
        }
    }
}

impl From<Tag> for TagReport {
    fn from(tag: Tag) -> TagReport {
        TagReport {
            name: tag.to_string(),
            reader: Thread::reading(tag),
        }
    }
}
