//! What the picture of a run's calls is told: a lane for each thread, a bar for each call, an arrow for
//! each message.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use serde::Serialize;

use super::rank_end;
use crate::seen::calls::{
    Call, Datatype, Kind, Peer, RankRecord, Recording, Segment, Tag, Taken, Thread, What,
};
use crate::seen::known::Known;
use crate::seen::messages::messages;
use crate::seen::run::Ending;
use pages::column::{Column, Columns};
use swarm::protocol::Rank;

/// The most calls that the page has. They are the last ones: how a run ended is explained by its end.
const MOST: usize = 20_000;

/// What calls do, in the order of their enum: as the script knows it, as the legend says it, and its hue.
const USES: [(&str, &str, &str); 6] = [
    ("send", "Sends", "blue"),
    ("receive", "Receives", "orange"),
    ("find", "Probes", "purple"),
    ("wait", "Waits and tests", "sky"),
    ("together", "Collectives", "green"),
    ("other", "Others", "grey"),
];

/// The most stretches of segments that are named; others are counted.
const STRETCHES: usize = 4;

/// The picture's data. Times are in seconds.
#[derive(Serialize)]
pub(super) struct CallDiagram {
    /// The first and the last moment of the calls.
    span: [f64; 2],
    /// What is shown first: all but the start and the end of MPI, which take longer than all the rest.
    home: [f64; 2],
    /// How many calls were recorded.
    calls_in_all: usize,
    uses: [(&'static str, &'static str, &'static str); 6],
    /// Each function that a call's `kind` is a place of: its name, and the place of its use.
    kinds: Vec<(String, usize)>,
    /// The names that a call's `datatype` is a place of.
    datatypes: Vec<&'static str>,
    ranks: Vec<RankLanes>,
    /// In the order of their start.
    calls: Columns,
    /// In the order of their sending: the places of the two calls, and to whom. As `taken`, -1 is that nobody took
    /// it; -2 is a call that is not in the picture.
    messages: Columns,
    /// The segments in a call's message, by the call's place.
    segments: BTreeMap<usize, String>,
}

#[derive(Serialize)]
struct RankLanes {
    /// The number of its lanes, at least one.
    threads: usize,
    /// The thread level that it has, if it came to MPI.
    level: Option<String>,
    /// How it ended, if not well.
    end: Option<String>,
    is_cut: bool,
}

/// A call with its rank, and how many looks it stands for.
type Row<'a> = (Rank, &'a Call, u64);

/// Gathers the data from a recording.
pub(super) fn diagram(recording: &Recording, ending: &Ending, known: &Known) -> CallDiagram {
    let looks: Vec<(Rank, Call, u64)> = (recording.by_rank())
        .flat_map(|(rank, record)| looks(record).map(move |(call, times)| (rank, call, times)))
        .collect();
    let messages = messages(recording);
    let unreceived: HashSet<*const Call> = (messages.iter())
        .filter(|message| message.taken.is_none())
        .map(|message| std::ptr::from_ref(message.sent))
        .collect();

    let calls = recording.calls().map(|(rank, call)| (rank, call, 0));
    let mut rows: Vec<Row<'_>> = calls.collect();
    let calls_in_all = rows.len();
    // What is still underway at the end belongs to the end, however early it began.
    rows.sort_by_key(|(_, call, _)| {
        let is_open = unreceived.contains(&std::ptr::from_ref(*call));
        let end = call.returned.filter(|_| !is_open);
        std::cmp::Reverse(end.unwrap_or(Duration::MAX))
    });
    rows.truncate(MOST);
    rows.extend((looks.iter()).map(|(rank, call, times)| (*rank, call, *times)));
    rows.sort_by_key(|(_, call, _)| call.started);

    // A call is known by where it lies in the recording.
    let places: HashMap<*const Call, usize> = (rows.iter())
        .enumerate()
        .map(|(place, (_, call, _))| (std::ptr::from_ref(*call), place))
        .collect();
    let place = |call: &Call| places.get(&std::ptr::from_ref(call)).copied();

    let mut segments = BTreeMap::new();
    let mut drawn = Vec::new();
    for message in &messages {
        let sent = place(message.sent);
        let taken = message.taken.and_then(place);
        if sent.is_none() && taken.is_none() {
            continue;
        }
        if !message.sent.segments.is_empty() {
            let names = names(known, &message.sent.segments);
            for place in [sent, taken].into_iter().flatten() {
                segments.insert(place, names.clone());
            }
        }
        // Who has made calls that are not known may have taken it in one of them.
        let receiver = recording.of(message.to);
        let is_known = |record: &RankRecord| !record.is_cut && record.not_followed.is_empty();
        let is_lost = message.taken.is_none() && receiver.is_some_and(is_known);
        let number = |place: Option<usize>, none| place.map_or(none, |place| place as i32);
        let taken = number(taken, if is_lost { -1 } else { -2 });
        drawn.push((number(sent, -2), taken, message.to.0 as i32));
    }
    let drawn_column = |of: fn(&(i32, i32, i32)) -> i32| Column::i32(drawn.iter().map(of));

    let mut first_lane = Vec::new();
    let mut lanes = 0;
    for record in &recording.ranks {
        first_lane.push(lanes);
        lanes += threads(record);
    }
    let lane = |rank: Rank, thread: Thread| first_lane[rank.0 as usize] + usize::from(thread);
    CallDiagram {
        span: span(&rows),
        home: home(&rows, rows.len() < calls_in_all),
        calls_in_all,
        uses: USES,
        kinds: (functions(&rows).into_iter())
            .map(|(name, what)| (name.to_owned(), what as usize))
            .collect(),
        datatypes: datatypes(&rows),
        ranks: (recording.by_rank())
            .map(|(rank, record)| RankLanes {
                threads: threads(record),
                level: record.levels.map(|levels| levels.given.to_string()),
                end: ending.ranks.get(&rank).and_then(|end| rank_end(*end)),
                is_cut: record.is_cut,
            })
            .collect(),
        calls: columns(&rows, lane),
        messages: Columns::from([
            ("sent", drawn_column(|message| message.0)),
            ("taken", drawn_column(|message| message.1)),
            ("to", drawn_column(|message| message.2)),
        ]),
        segments,
    }
}

/// What each thread has been looking for at the end, as a call that has not returned.
fn looks(record: &RankRecord) -> impl Iterator<Item = (Call, u64)> + '_ {
    let threads = (0..).zip(&record.threads);
    threads.filter_map(|(thread, state)| {
        let polling = state.polling.as_ref()?;
        let call = Call {
            thread,
            kind: polling.kind,
            name: None,
            peer: polling.peer,
            tag: polling.tag,
            comm: polling.comm,
            bytes: 0,
            datatype: Datatype::Other,
            started: polling.since,
            returned: None,
            completed: None,
            error: None,
            taken: None,
            is_cancelled: false,
            segments: Vec::new(),
        };
        Some((call, polling.times.max(1)))
    })
}

fn threads(record: &RankRecord) -> usize {
    let called = record.calls.iter().map(|call| usize::from(call.thread) + 1);
    called.max().unwrap_or(1).max(record.threads.len())
}

/// Of each call. A number that there is not is -1, and what is any is -2; a time that there is not is NaN.
fn columns(rows: &[Row<'_>], lane: impl Fn(Rank, Thread) -> usize) -> Columns {
    let calls = || rows.iter().map(|(_, call, _)| *call);
    let number = |of: fn(&Call) -> i32| Column::i32(calls().map(of));
    let time = |of: fn(&Call) -> Option<Duration>| {
        Column::f64(calls().map(move |call| of(call).map_or(f64::NAN, |time| time.as_secs_f64())))
    };
    let place = |found: Option<usize>| found.expect("the list was made of what is looked for");
    let datatypes = datatypes(rows);
    let datatype = |call: &Call| {
        let name = datatype(call.datatype);
        place(datatypes.iter().position(|it| *it == name))
    };
    let functions = functions(rows);
    let kind = |call: &Call| {
        let of = (call.function(), call.kind.what());
        place(functions.iter().position(|function| *function == of))
    };
    let taken = |of: fn(&Taken) -> i32| {
        Column::i32(calls().map(move |call| call.taken.as_ref().map_or(-1, of)))
    };
    let lanes = rows
        .iter()
        .map(|(rank, call, _)| lane(*rank, call.thread) as u32);
    let peer = number(|call| match call.peer {
        Peer::One(rank) => rank.0 as i32,
        Peer::None => -1,
        Peer::Any => -2,
    });
    let tag = number(|call| match call.tag {
        Tag::One(tag) => tag,
        Tag::None => -1,
        Tag::Any => -2,
    });
    let bytes = |taken: &Taken| i32::try_from(taken.bytes).unwrap_or(i32::MAX);
    Columns::from([
        ("lane", Column::u16(lanes)),
        ("kind", Column::u8(calls().map(kind))),
        ("peer", peer),
        ("tag", tag),
        ("comm", Column::u32(calls().map(|call| call.comm.into()))),
        ("bytes", Column::u32(calls().map(|call| call.bytes))),
        ("datatype", Column::u8(calls().map(datatype))),
        ("started", time(|call| Some(call.started))),
        ("returned", time(|call| call.returned)),
        // NaN, too, if nobody found out.
        ("completed", time(|call| call.completed)),
        // 0 for none.
        ("error", number(|call| call.error.unwrap_or(0))),
        ("from", taken(|taken| taken.from.0 as i32)),
        ("taken_tag", taken(|taken| taken.tag)),
        ("taken_bytes", taken(bytes)),
        // For looks that found nothing, how many they were; 0 for a call.
        ("times", Column::u32(rows.iter().map(|(.., times)| *times))),
    ])
}

/// The functions that were called, each with what it does.
fn functions<'a>(rows: &[Row<'a>]) -> Vec<(&'a str, What)> {
    let mut functions: Vec<(&str, What)> = Vec::new();
    for (_, call, _) in rows {
        let function = (call.function(), call.kind.what());
        if !functions.contains(&function) {
            functions.push(function);
        }
    }
    functions
}

fn span(rows: &[Row<'_>]) -> [f64; 2] {
    let first = rows.iter().map(|(_, call, _)| call.started).min();
    let last = rows.iter().map(|(_, call, _)| end(call)).max();
    [first, last].map(|time| time.unwrap_or_default().as_secs_f64())
}

/// The last that is known of a call.
fn end(call: &Call) -> Duration {
    let ends = [call.returned, call.completed];
    ends.into_iter().flatten().fold(call.started, Duration::max)
}

fn home(rows: &[Row<'_>], is_part: bool) -> [f64; 2] {
    let is_start = |call: &Call| matches!(call.kind, Kind::Init | Kind::InitThread);
    let is_end = |call: &Call| call.kind == Kind::Finalize;
    let calls = || rows.iter().map(|(_, call, _)| *call);
    let work = || calls().filter(|call| !is_start(call) && !is_end(call));
    let never_began = calls().any(|call| is_start(call) && call.returned.is_none());
    // Of a part, what was underway before it may have begun long before.
    let first = if is_part {
        work().filter_map(|call| call.returned).min()
    } else {
        work().map(|call| call.started).min()
    };
    let ends = calls().filter(|call| is_end(call));
    let last = work().map(end).chain(ends.map(|call| call.started)).max();
    match (first, last) {
        (Some(first), Some(last)) if !never_began && first < last => {
            [first, last].map(|time| time.as_secs_f64())
        }
        _ => span(rows),
    }
}

fn datatypes(rows: &[Row<'_>]) -> Vec<&'static str> {
    let mut names: Vec<_> = (rows.iter())
        .map(|(_, call, _)| datatype(call.datatype))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn datatype(datatype: Datatype) -> &'static str {
    match datatype {
        Datatype::Basic { name, .. } => name,
        Datatype::Bytes | Datatype::Other => "",
    }
}

/// Segments as people say them: `file1[0–44], file2[3] and 5 more`. A place counts from 0.
fn names(known: &Known, segments: &[Segment]) -> String {
    let is_known = |segment: &&Segment| (**segment as usize) < known.segments.len();
    let file = |segment: Segment| known.segments[segment as usize].file;
    let mut stretches: Vec<(Segment, Segment)> = Vec::new();
    for &segment in segments.iter().filter(is_known) {
        match stretches.last_mut() {
            Some((_, last)) if *last + 1 == segment && file(*last) == file(segment) => {
                *last = segment;
            }
            _ => stretches.push((segment, segment)),
        }
    }
    let (named, others) = stretches.split_at(stretches.len().min(STRETCHES));
    let named = named.iter().map(|&(first, last)| {
        let (name, from) = (&known.file_of(first).name, known.place(first));
        if first == last {
            format!("{name}[{from}]")
        } else {
            format!("{name}[{from}–{}]", known.place(last))
        }
    });
    let said = named.collect::<Vec<_>>().join(", ");
    match others.iter().map(|(first, last)| last - first + 1).sum() {
        0u32 => said,
        more => format!("{said} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use swarm::manifest::parse;

    #[test]
    fn segments_are_named_by_stretches_of_a_file() {
        let hash = |n: usize| format!("{n:032x}");
        let file = |name: &str, first: usize| {
            let hashes: Vec<_> = (first..first + 10).map(hash).collect();
            format!("{name} 10 {}", hashes.join(" "))
        };
        let input = format!("2 {} {} 0", file("a", 0), file("b", 10));
        let known = Known::new(&[parse(input.as_bytes()).expect("an input")]);
        assert_eq!(names(&known, &[3]), "a[3]");
        assert_eq!(names(&known, &[8, 9, 10, 11, 5]), "a[8–9], b[0–1], a[5]");
        assert_eq!(
            names(&known, &[0, 2, 4, 6, 8, 9, 90]),
            "a[0], a[2], a[4], a[6] and 2 more"
        );
    }
}
