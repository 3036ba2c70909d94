//! What the page of a run tells, gathered event by event.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Serialize;

use super::histogram::Histogram;
use super::messages::{Key, MessageTable, Messages};
use super::recount::Recount;
use super::shared_file::SharedFile;
use pages::column::{Column, Columns};
use swarm::event::{Deed, Event, Thread};
use swarm::protocol::{
    Answer, FileId, FileName, Init, InitAck, Letter, OwnedFile, Rank, SegmentAnswer, SegmentIndex,
    ToDownload, ToTracker,
};
use swarm::report::Measured;
use swarm::settings::Settings;

/// The most clients that the map and the charts show, the first ones.
const SHOWN: usize = 256;

/// The most cells of the map of segments. If there are more segments, a cell stands for several.
const CELLS: usize = 200_000;

/// The most deeds that are marked in the diagram.
const MARKS: usize = 20_000;

/// The bins of a curve.
const CURVE: usize = 300;

/// The bins of a lane of the diagram, where there are too many messages to draw each.
const LANE: usize = 400;

/// A run, as it is gathered.
#[derive(Default)]
pub(super) struct Story {
    clients: usize,
    recount: Recount,
    messages: Messages,
    files: BTreeMap<FileId, SharedFile>,
    numbers: BTreeMap<FileName, FileId>,
    /// What each client owns, in the order of its INIT.
    owned: BTreeMap<Rank, Vec<OwnedFile>>,
    gained: Vec<Gained>,
    marks: Vec<Mark>,
    served: BTreeMap<Rank, Histogram>,
    verified: BTreeMap<Rank, Histogram>,
    /// What happens in each lane.
    activity: BTreeMap<(Rank, Thread), Histogram>,
    /// The first and the last moment.
    span: Option<(Duration, Duration)>,
}

/// A segment that a client has verified.
struct Gained {
    time: f64,
    client: Rank,
    file: FileId,
    segment: SegmentIndex,
    from: Rank,
}

/// Something to be marked in a lane: when, whose, and what.
#[derive(Serialize)]
struct Mark(f64, u32, Thread, &'static str, Option<String>);

impl Story {
    /// The story of a run of `clients` clients. Of the messages, only those are drawn that were underway in the
    /// window, if there is one.
    pub(super) fn new(clients: usize, window: Option<RangeInclusive<Duration>>) -> Story {
        Story {
            clients,
            messages: Messages::new(window),
            ..Story::default()
        }
    }

    /// Takes the next event, which is on this line of the trace.
    pub(super) fn see(&mut self, line: u64, event: &Event) {
        let is_gain = self.recount.see(event);
        let (first, last) = self.span.unwrap_or((event.time, event.time));
        self.span = Some((first.min(event.time), last.max(event.time)));
        let number = |name: &FileName| self.numbers.get(name).copied();
        self.messages.see(line, event, number);
        let lane = (event.rank, event.thread);
        match &event.deed {
            Deed::Posted { to, letter, .. } => {
                self.activity.entry(lane).or_default().count(event.time);
                self.posted(event, *to, letter);
            }
            Deed::Taken { .. } => self.activity.entry(lane).or_default().count(event.time),
            Deed::Verified {
                from,
                file,
                segment,
            } if is_gain => self.gain(event, *from, *file, *segment),
            Deed::Verified { .. } => {}
            Deed::WrongHash { from, .. } => {
                self.mark(event, "wrong hash", Some(format!("from client {from}")));
            }
            Deed::Saved { file, problem } => match problem {
                None => self.mark(event, "saved", Some(file.to_string())),
                Some(why) => self.mark(event, "not saved", Some(format!("{file}: {why}"))),
            },
            Deed::Begun => self.mark(event, "begun", None),
            Deed::Left => self.mark(event, "left", None),
            Deed::Ended => self.mark(event, "ended", None),
        }
    }

    fn posted(&mut self, event: &Event, to: Rank, letter: &Letter) {
        match letter {
            Letter::ToTracker(ToTracker::Init(Init::Ready(owned))) => {
                self.owned.insert(event.rank, owned.clone());
            }
            Letter::ToDownload(ToDownload::InitAck(InitAck::Start(numbers))) => {
                let owned = self.owned.get(&to).into_iter().flatten();
                for (OwnedFile { name, hashes }, &number) in owned.zip(numbers) {
                    self.numbers.insert(name.clone(), number);
                    let file = self.files.entry(number);
                    let file = file.or_insert_with(|| SharedFile::new(name.clone(), hashes.len()));
                    file.owned_by(to);
                }
            }
            Letter::ToDownload(ToDownload::Segment(SegmentAnswer {
                answer: Answer::Ack(_),
                ..
            })) => self.served.entry(event.rank).or_default().count(event.time),
            Letter::ToTracker(_) | Letter::ToDownload(_) | Letter::ToUpload(_) => {}
        }
    }

    fn gain(&mut self, event: &Event, from: Rank, file: FileId, segment: SegmentIndex) {
        let Some(known) = self.files.get_mut(&file) else {
            return;
        };
        if segment.0 >= known.copies.len() {
            return;
        }
        known.gained(event.time.as_secs_f64(), segment);
        let verified = self.verified.entry(event.rank).or_default();
        verified.count(event.time);
        self.gained.push(Gained {
            time: event.time.as_secs_f64(),
            client: event.rank,
            file,
            segment,
            from,
        });
    }

    fn mark(&mut self, event: &Event, what: &'static str, text: Option<String>) {
        if self.marks.len() < MARKS && event.rank.0 as usize <= SHOWN {
            let time = event.time.as_secs_f64();
            self.marks
                .push(Mark(time, event.rank.0, event.thread, what, text));
        }
    }

    /// The row of a message in the columns.
    pub(super) fn place(&self, key: Key) -> Option<usize> {
        self.messages.place(key)
    }

    /// Everything, for the page.
    pub(super) fn tell(mut self, settings: &Settings) -> ToldStory {
        self.messages.close();
        let shown = self.clients.min(SHOWN);
        let (first, last) = self.span.unwrap_or_default();
        let span = [first, last].map(|time| time.as_secs_f64());
        let spread = |histogram: Option<&Histogram>, bins| {
            let counts = histogram.map_or(vec![0; bins], |it| it.spread(span, bins));
            counts.into_iter().map(u64::from)
        };
        let served = |client| Column::u32(spread(self.served.get(&client), CURVE));
        let held = |client| {
            let mut sum = 0;
            Column::u32(spread(self.verified.get(&client), CURVE).map(|count| {
                sum += count;
                sum
            }))
        };
        let places: BTreeMap<FileId, usize> = self.files.keys().copied().zip(0..).collect();
        let messages = self.messages.table(|file| places.get(&file).copied());
        let activity = (!messages.drawable).then(|| {
            let counts = lanes(shown).map(|lane| spread(self.activity.get(&lane), LANE));
            Activity {
                bins: LANE,
                counts: counts.map(Column::u32).collect(),
            }
        });
        let measured = self.recount.measured(settings, self.clients);
        let series = Series {
            bins: CURVE,
            served: Rank::clients(shown).map(served).collect(),
            held: Rank::clients(shown).map(held).collect(),
            wanted: (measured.clients.iter().take(shown))
                .map(|client| client.downloads.iter().map(|file| file.segments).sum())
                .collect(),
            rarest: (self.files.values().enumerate())
                .map(|(file, known)| Rarest {
                    file,
                    steps: known.rarest.clone(),
                })
                .collect(),
        };
        ToldStory {
            shown,
            span,
            measured,
            messages,
            activity,
            deeds: self.marks,
            cells: cells(&self.gained, shown, &self.files, &places),
            series,
            files: self.files.into_values().map(ToldFile::from).collect(),
        }
    }
}

/// The lanes of the diagram from the top down.
fn lanes(clients: usize) -> impl Iterator<Item = (Rank, Thread)> {
    let of_client = |client| [(client, Thread::Download), (client, Thread::Upload)];
    [(Rank::TRACKER, Thread::Tracker)]
        .into_iter()
        .chain(Rank::clients(clients).flat_map(of_client))
}

/// The map of segments: cells of as few segments as there may be.
fn cells(
    gained: &[Gained],
    shown: usize,
    files: &BTreeMap<FileId, SharedFile>,
    places: &BTreeMap<FileId, usize>,
) -> Cells {
    let gained = gained.iter().filter(|cell| cell.client.0 as usize <= shown);
    let bucket = gained.clone().count().div_ceil(CELLS).max(1);
    // How much of each cell is held.
    let mut held: BTreeMap<(Rank, FileId, usize), usize> = BTreeMap::new();
    let whole: Vec<(&Gained, usize)> = gained
        .filter_map(|one| {
            let cell = one.segment.0 / bucket;
            let held = held.entry((one.client, one.file, cell)).or_default();
            *held += 1;
            let size = bucket.min(files[&one.file].copies.len() - cell * bucket);
            (*held == size).then_some((one, cell))
        })
        .collect();
    let file = |one: &Gained| places[&one.file] as u32;
    let all = || whole.iter().map(|(one, _)| one);
    let columns = Columns::from([
        ("time", Column::f64(all().map(|one| one.time))),
        ("client", Column::u16(all().map(|one| one.client.0))),
        ("file", Column::u16(all().map(|one| file(one)))),
        ("cell", Column::u32(whole.iter().map(|it| it.1 as u64))),
        ("from", Column::u16(all().map(|one| one.from.0))),
    ]);
    Cells { bucket, columns }
}

/// What the page draws. Times are in seconds.
#[derive(Serialize)]
pub(super) struct ToldStory {
    shown: usize,
    span: [f64; 2],
    measured: Measured,
    files: Vec<ToldFile>,
    messages: MessageTable,
    activity: Option<Activity>,
    deeds: Vec<Mark>,
    cells: Cells,
    series: Series,
}

#[derive(Serialize)]
struct ToldFile {
    name: FileName,
    segments: usize,
    owners: Vec<u32>,
}

impl From<SharedFile> for ToldFile {
    fn from(file: SharedFile) -> ToldFile {
        ToldFile {
            segments: file.copies.len(),
            owners: file.owners.iter().map(|owner| owner.0).collect(),
            name: file.name,
        }
    }
}

/// How many messages are posted and taken, by lane and bin of the span.
#[derive(Serialize)]
struct Activity {
    bins: usize,
    counts: Vec<Column>,
}

/// When which cells were whole, in that order.
#[derive(Serialize)]
struct Cells {
    /// How many segments a cell has.
    bucket: usize,
    columns: Columns,
}

/// What grows over time, in bins of the span.
#[derive(Serialize)]
struct Series {
    bins: usize,
    served: Vec<Column>,
    held: Vec<Column>,
    wanted: Vec<usize>,
    rarest: Vec<Rarest>,
}

#[derive(Serialize)]
struct Rarest {
    file: usize,
    steps: Vec<(f64, usize)>,
}
