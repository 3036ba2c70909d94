//! What came of a program that never was: a grading, and runs.

use std::collections::BTreeMap;
use std::time::Duration;

use judge::checks::{Check, Evidence};
use judge::seen::calls::{
    Call, Datatype, Kind, Level, Levels, Peer, Polling, RankRecord, Recording, Tag, Taken,
    ThreadRecord,
};
use judge::seen::condition::{Condition, Origin};
use judge::seen::known::Known;
use judge::seen::run::{Ending, Hung, RankEnd, Run};
use judge::told::grading::{
    Grading, Judgement, MarkLine, Marks, Ours, Place, SCHEMA, Speed, Tally, TestReport, Verdict,
};
use swarm::manifest::parse;
use swarm::protocol::Rank;

use support::job::hash;

/// Text that would do something if it were not taken as text.
pub const HOSTILE: &str = "<b>x</b></script>&amp;\"'";

/// The run that failed.
pub fn place() -> Place {
    Place {
        test: HOSTILE.into(),
        condition: Condition::Synchronous,
        run: 2,
        noise: Some(u64::MAX),
    }
}

/// Three things are wrong, and two cannot be told.
pub fn grading() -> Grading {
    let hang = Evidence::new(
        "clients 1 and 2 wait for each other: each is in MPI_Ssend, and neither receives",
        "send without waiting (MPI_Isend), or let one of the two receive first",
    )
    .with_details(vec![
        format!("rank 1  main thread  MPI_Ssend to rank 2, tag 7 {HOSTILE}"),
        "rank 2  main thread  MPI_Ssend to rank 1, tag 7".into(),
    ]);
    let leftover = Evidence::new(
        "nobody received a message of 33 bytes from client 2 to the tracker, tag 3",
        "the tracker's loop, which ends when the last client has said that it is done",
    );
    let answers = Evidence::new(
        "client 1 sends hashes of file1 that it never got",
        "the answer to a request for a segment that the client lacks",
    );
    let wrong = BTreeMap::from([
        (Check::Hang, hang),
        (Check::Leftover, leftover),
        (Check::Answers, answers),
    ]);
    let untold = [Check::Verification, Check::Sources];
    let checks = Check::ALL.map(|check| {
        let evidence = wrong.get(&check).cloned();
        let verdict = if evidence.is_some() {
            Verdict::Wrong
        } else if untold.contains(&check) {
            Verdict::CannotBeTold
        } else {
            Verdict::Right
        };
        let wrong = if evidence.is_some() { 3 } else { 0 };
        Judgement {
            check,
            subject: check.subject(),
            verdict,
            wrong,
            right: 12 - wrong,
            untold: 1,
            rate: (wrong > 0).then_some([0.0889, 0.532]),
            evidence,
            place: (wrong > 0).then(place),
            reason: (verdict == Verdict::CannotBeTold)
                .then(|| "no run had a client that could choose".into()),
        }
    });
    let test = |name: &str, right, origin, beyond: Option<&str>| TestReport {
        name: name.into(),
        ranks: 4,
        origin,
        beyond: beyond.map(str::to_owned),
        runs: Condition::of_every_test()
            .map(|condition| Tally {
                condition,
                runs: 5,
                untold: 0,
                right: if condition == Condition::AsItIs {
                    5
                } else {
                    right
                },
            })
            .collect(),
    };
    Grading {
        interrupted: None,
        saw_no_mpi: false,
        notes: vec![format!("its memory is never empty {HOSTILE}")],
        schema: SCHEMA,
        version: "0.1.0".into(),
        program: "build/tema2".into(),
        mpi: "Open MPI 4.1.4".into(),
        seed: u64::MAX,
        tests: vec![
            test("test1", 5, Origin::Given, None),
            test(HOSTILE, 3, Origin::Given, None),
            test(
                "a file of 0 segments",
                0,
                Origin::Generated,
                Some("an empty file"),
            ),
        ],
        checks: checks.into(),
        beyond: Vec::new(),
        counts_beyond: false,
        sanitized: None,
        speed: vec![Speed {
            test: "test1".into(),
            wall: 0.412,
            empty: 0.305,
            cpu: 0.93,
            messages: Some(3.2),
            ours: Some(Ours {
                wall: 0.321,
                cpu: 0.41,
                messages: Some(2.4),
            }),
        }],
        marks: Marks {
            total: 27.5,
            at_most: 27.5,
            of: 40.0,
            lines: vec![
                MarkLine {
                    reason: "tests that come out right".into(),
                    points: 30.0,
                    untold: 0.0,
                    of: 40.0,
                },
                MarkLine {
                    reason: "a run hangs".into(),
                    points: -2.5,
                    untold: 0.0,
                    of: 0.0,
                },
            ],
        },
    }
}

/// A call from one microsecond to another.
fn call(thread: u16, kind: Kind, peer: Peer, tag: i32, times: (u64, Option<u64>)) -> Call {
    let returned = times.1.map(Duration::from_micros);
    Call {
        thread,
        kind,
        name: None,
        peer,
        tag: if peer == Peer::None {
            Tag::None
        } else {
            Tag::One(tag)
        },
        comm: 0,
        bytes: if peer == Peer::None { 0 } else { 33 },
        datatype: Datatype::Basic {
            name: "MPI_CHAR",
            size: 1,
        },
        started: Duration::from_micros(times.0),
        returned,
        completed: returned,
        error: None,
        taken: None,
        is_cancelled: false,
        segments: Vec::new(),
    }
}

fn send(to: u32, tag: i32, from: u64, until: Option<u64>) -> Call {
    call(0, Kind::Send, Peer::One(Rank(to)), tag, (from, until))
}

fn receive(from: u32, tag: i32, start: u64, until: u64) -> Call {
    let peer = Peer::One(Rank(from));
    let taken = Taken {
        from: Rank(from),
        tag,
        bytes: 33,
    };
    Call {
        taken: Some(taken),
        ..call(0, Kind::Recv, peer, tag, (start, Some(until)))
    }
}

fn rank(calls: Vec<Call>, threads: usize) -> RankRecord {
    let init = call(0, Kind::InitThread, Peer::None, 0, (0, Some(300_000)));
    RankRecord {
        levels: Some(Levels {
            asked: Level::Multiple,
            given: Level::Multiple,
        }),
        threads: vec![ThreadRecord::default(); threads],
        calls: [vec![init], calls].concat(),
        ..RankRecord::default()
    }
}

/// One owner of a file, and one who wants it.
pub fn known() -> Known {
    let hashes = ['x', 'y', 'z'].map(hash).join(" ");
    let inputs = [format!("1 file1 3 {hashes} 0"), "0 1 file1".into()];
    Known::new(&inputs.map(|input| parse(input.as_bytes()).expect("an input")))
}

/// Client 1 and client 2 send to each other, and nobody receives; the tracker has missed a message.
pub fn deadlock() -> Run {
    let t = 300_000;
    let told = Call {
        segments: vec![0, 1, 2],
        ..send(0, 1, t + 40, Some(t + 95))
    };
    let tracker = vec![
        receive(1, 1, t + 20, t + 100),
        receive(2, 1, t + 105, t + 160),
        send(1, 2, t + 165, Some(t + 175)),
        send(2, 2, t + 180, Some(t + 190)),
        call(0, Kind::Finalize, Peer::None, 0, (t + 420, None)),
    ];
    let asking = Call {
        tag: Tag::Any,
        ..call(1, Kind::Recv, Peer::Any, 0, (t + 230, None))
    };
    let wanting = |other, from| call(0, Kind::Ssend, Peer::One(Rank(other)), 7, (from, None));
    let join = call(0, Kind::Join, Peer::One(Rank(1)), 0, (t + 1, None));
    let client = |other, from| {
        vec![
            receive(0, 2, t + from - 60, t + from - 40),
            asking.clone(),
            wanting(other, t + from),
        ]
    };
    let first = [vec![told], client(2, 240)].concat();
    let second = [
        vec![send(0, 1, t + 90, Some(t + 120))],
        client(1, 260),
        vec![Call {
            segments: vec![1],
            thread: 1,
            ..send(0, 3, t + 225, Some(t + 228))
        }],
    ]
    .concat();
    let mut ranks = vec![
        rank(tracker, 1),
        rank(first, 2),
        rank(second, 2),
        rank(vec![join], 2),
    ];
    ranks[3].threads[1].polling = Some(Polling {
        kind: Kind::Iprobe,
        peer: Peer::Any,
        tag: Tag::Any,
        comm: 0,
        times: 12_345,
        since: Duration::from_micros(t + 200),
    });
    Run {
        ending: Ending {
            hung: Some(Hung::Standstill(Duration::from_secs(5))),
            ..Ending::default()
        },
        printed: format!("client 1 starts\n{HOSTILE}\n"),
        recording: Recording { ranks },
        ..Run::default()
    }
}

/// A run in which the tracker sends `messages` messages to the clients in turn, and then client 2
/// dies.
pub fn busy(messages: u64) -> Run {
    let (mut sends, mut receives) = (Vec::new(), vec![Vec::new(), Vec::new()]);
    for n in 0..messages {
        let (start, to) = (300_000 + n * 40, n % 2);
        sends.push(Call {
            segments: vec![(n % 3) as u32],
            ..send(to as u32 + 1, 5, start, Some(start + 20))
        });
        receives[to as usize].push(receive(0, 5, start + 5, start + 30));
    }
    let clients = receives.into_iter().map(|calls| rank(calls, 1));
    let ranks = [rank(sends, 1)].into_iter().chain(clients);
    let mut ending = Ending {
        status: Some(139),
        ..Ending::default()
    };
    ending.ranks.insert(Rank(2), RankEnd::Signal(11));
    Run {
        ending,
        recording: Recording {
            ranks: ranks.collect(),
        },
        ..Run::default()
    }
}
