//! The page of a grading that is made up: a program whose two clients wait for each other.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bittorrent::grade::calls::{
    Call, Datatype, Kind, Level, Levels, Peer, Polling, RankRecord, Recording, Tag, Taken,
    ThreadRecord,
};
use bittorrent::grade::grading::{
    Grading, Judgement, MarkLine, Marks, Origin, Ours, Place, SCHEMA, Speed, Tally, TestReport,
    Verdict,
};
use bittorrent::grade::inputs::Known;
use bittorrent::grade::page::{Failing, page};
use bittorrent::grade::run::{Condition, Ending, Hung, RankEnd, Run};
use bittorrent::grade::verdict::{Check, Evidence};
use bittorrent::manifest::parse;
use bittorrent::protocol::Rank;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::browser::visit;
use crate::{hash, told};

const HOSTILE: &str = "<b>x</b></script>&amp;\"'";

fn place() -> Place {
    Place {
        test: HOSTILE.into(),
        condition: Condition::Synchronous,
        run: 2,
        noise: Some(u64::MAX),
    }
}

fn grading() -> Grading {
    let evidence = |check| match check {
        Check::Hang => Evidence::new(
            "clients 1 and 2 wait for each other: each is in MPI_Ssend, and neither receives",
            "send without waiting (MPI_Isend), or let one of the two receive first",
        )
        .with_details(vec![
            format!("rank 1  main thread  MPI_Ssend to rank 2, tag 7 {HOSTILE}"),
            "rank 2  main thread  MPI_Ssend to rank 1, tag 7".into(),
        ]),
        Check::Leftover => Evidence::new(
            "nobody received a message of 33 bytes from client 2 to the tracker, tag 3",
            "the tracker's loop, which ends when the last client has said that it is done",
        ),
        _ => Evidence::new(
            "client 1 sends hashes of file1 that it never got",
            "the answer to a request for a segment that the client lacks",
        ),
    };
    let checks = Check::ALL.map(|check| {
        let verdict = match check {
            Check::Hang | Check::Leftover | Check::Answers => Verdict::Wrong,
            Check::Verification | Check::Sources => Verdict::CannotBeTold,
            _ => Verdict::Right,
        };
        let wrong = if verdict == Verdict::Wrong { 3 } else { 0 };
        Judgement {
            check,
            subject: check.subject(),
            verdict,
            wrong,
            right: 12 - wrong,
            untold: 1,
            rate: (wrong > 0).then_some([0.0889, 0.532]),
            evidence: (wrong > 0).then(|| evidence(check)),
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
        runs: Condition::ALL
            .map(|condition| Tally {
                condition,
                runs: 5,
                right: if condition == Condition::AsItIs {
                    5
                } else {
                    right
                },
            })
            .into(),
    };
    Grading {
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
            of: 40.0,
            lines: vec![
                MarkLine {
                    reason: "tests that come out right".into(),
                    points: 30.0,
                    of: 40.0,
                },
                MarkLine {
                    reason: "a run hangs".into(),
                    points: -2.5,
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

fn known() -> Known {
    let hashes = ['x', 'y', 'z'].map(hash).join(" ");
    let inputs = [format!("1 file1 3 {hashes} 0"), "0 1 file1".into()];
    Known::new(&inputs.map(|input| parse(input.as_bytes()).expect("an input")))
}

/// Client 1 and client 2 send to each other, and nobody receives; the tracker has missed a message.
fn deadlock() -> Run {
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

/// So many messages from the tracker to clients in turn; then client 2 dies.
fn busy(messages: u64) -> Run {
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

/// Writes the page of a run. Returns its folder, too, which goes with it.
fn written(run: &Run, title: &str) -> (TempDir, PathBuf) {
    let (known, place) = (known(), place());
    let failing = Failing {
        title,
        place: &place,
        known: &known,
        run,
    };
    let html = page(&grading(), Some(failing)).expect("a page");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("g.html");
    fs::write(&path, html).expect("a file");
    (folder, path)
}

#[test]
fn the_page_of_a_grading_says_what_is_wrong_and_why() {
    let (_folder, path) = written(&deadlock(), "clients 1 and 2 wait for each other");
    let told = told(&path);
    assert_eq!(told["headline"], "tema2: 3 things are wrong");
    assert_eq!(told["grading"]["seed"], u64::MAX.to_string());
    assert_eq!(told["failing"]["calls_in_all"], 19);
    let script = "
        const text = (selector) => [...document.querySelectorAll(selector)].map((it) => it.textContent);
        return {
            title: one('h1').textContent,
            verdicts: [...document.querySelectorAll('.checks li')].map((it) => it.dataset.verdict[0]).join(''),
            hang: one('[data-check=hang]').textContent,
            titles: text('h2'),
            tests: text('#tests tbody tr'),
            printed: one('#printed pre').textContent,
            explained: text('#explained .said'),
            bold: [...document.querySelectorAll('b')].filter((it) => it.textContent === 'x').length,
        };";
    let Some(said) = visit(&path, script) else {
        return;
    };
    assert_eq!(said["thrown"], Value::Null);
    assert_eq!(said["title"], told["headline"]);
    assert_eq!(
        said["verdicts"], "wrrrwrrrrrrwccrrrrrr",
        "the worst of each subject first"
    );
    assert_eq!(said["titles"][0], "How the runs end: 1 wrong, 3 right");
    let hang = said["hang"].as_str().unwrap();
    for expected in [
        "Clients 1 and 2 wait for each other: each is in MPI_Ssend",
        HOSTILE,
        "Hint: send without waiting",
        "Wrong in 3 of 12 runs: with 95 % confidence in 9 % to 53 % of all. 1 more run did not tell.",
        "with synchronous sends, run 2, seed of the noise 18446744073709551615",
    ] {
        assert!(hang.contains(expected), "{expected}: {hang}");
    }
    assert_eq!(said["explained"].as_array().map(Vec::len), Some(3));
    assert!(
        said["tests"][1].as_str().unwrap().contains(HOSTILE),
        "{said}"
    );
    assert!(
        said["printed"].as_str().unwrap().contains(HOSTILE),
        "{said}"
    );
    assert_eq!(said["bold"], 0);
}

/// Messages that nobody took, as the page is told of them.
fn lost(run: &Run) -> usize {
    let (_folder, path) = written(run, "a run");
    let column = told(&path)["failing"]["messages"]["taken"].clone();
    let bytes = STANDARD.decode(column.as_str().expect("text"));
    let bytes = bytes.expect("Base64");
    bytes.chunks(4).filter(|it| *it == [0xff; 4]).count()
}

#[test]
fn a_message_to_a_rank_with_calls_that_were_not_recorded_may_have_been_taken() {
    let mut run = deadlock();
    assert_eq!(lost(&run), 3);
    run.recording.ranks[0].is_cut = true;
    assert_eq!(lost(&run), 2);
}

#[test]
fn what_cannot_be_told_is_not_called_wrong() {
    let mut grading = grading();
    for judgement in &mut grading.checks {
        judgement.verdict = judgement.verdict.max(Verdict::CannotBeTold);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("g.html");
    fs::write(&path, page(&grading, None).expect("a page")).expect("a file");
    let headline = "tema2: nothing is wrong, and 5 things cannot be told";
    assert_eq!(told(&path)["headline"], headline);
    let script =
        "return [one('h1').textContent, one('#outcome').className, one('#failing').hidden];";
    if let Some(said) = visit(&path, script) {
        assert_eq!(said, json!([headline, "doubt", true]));
    }
}

#[test]
fn the_calls_of_a_deadlock_can_be_looked_at() {
    let (_folder, path) = written(&deadlock(), "clients 1 and 2 wait for each other");
    let script = "
        const it = window.bittorrent, said = { drawn: it.drawn() };
        const box = one('#diagram').getBoundingClientRect();
        const over = ([x, y]) => {
            const point = { clientX: box.left + x, clientY: box.top + y, bubbles: true };
            one('#diagram').dispatchEvent(new PointerEvent('pointermove', point));
            it.redraw();
            return one('#tooltip').hidden ? '' : [...one('#tooltip').children].map((it) => it.textContent).join('; ');
        };
        const calls = it.counts.slice(0, 6).reduce((sum, n) => sum + n);
        const all = Array.from({ length: calls }, (_, call) => {
            const [left, width, top, high] = it.barOf(call);
            return over([Math.min(left + width / 2, 1180), top + high / 2]);
        });
        said.waiting = all.find((told) => told.startsWith('MPI_Ssend'));
        said.looking = all.find((told) => told.startsWith('MPI_Iprobe'));
        said.took = all.find((told) => told.startsWith('MPI_Recv') && told.includes('file1'));
        said.lost = Array.from({ length: it.counts[6] }, (_, way) => it.told(calls + way)).filter(({ facts }) => facts.includes('nobody took it'));
        const view = it.view();
        const wheel = { deltaY: -300, bubbles: true, cancelable: true, clientX: box.left + 600, clientY: box.top + 60 };
        one('#diagram').dispatchEvent(new WheelEvent('wheel', wheel));
        said.zooms = it.view()[1] - it.view()[0] < view[1] - view[0];
        one('#fit').click();
        it.redraw();
        said.fitted = it.drawn();
        one('[data-use=Messages]').click();
        one('[data-use=Sends]').click();
        it.redraw();
        said.without = it.drawn();
        return said;";
    let Some(said) = visit(&path, script) else {
        return;
    };
    assert_eq!(said["thrown"], Value::Null);
    // All calls, and what a thread looks for.
    let drawn = json!({ "calls": 20, "messages": 7 });
    assert_eq!(
        (&said["drawn"], &said["fitted"]),
        (&drawn, &drawn),
        "{said}"
    );
    assert_eq!(said["without"], json!({ "calls": 13, "messages": 0 }));
    assert_eq!(said["zooms"], true);
    let text = |name: &str| said[name].as_str().unwrap_or_default();
    assert!(
        text("waiting").contains("to client 2, tag 7, 33 bytes, MPI_CHAR"),
        "{said}"
    );
    assert!(text("waiting").contains("and never returned"), "{said}");
    assert!(
        text("looking").contains("called 12,345 times since"),
        "{said}"
    );
    assert!(text("took").contains("hashes of file1[0–2]"), "{said}");
    assert_eq!(said["lost"].as_array().map(Vec::len), Some(3), "{said}");
}

#[test]
fn many_calls_are_drawn_and_of_too_many_the_last_ones() {
    let (_folder, path) = written(&busy(2_000), "client 2 dies");
    let script = "return window.bittorrent.drawn();";
    if let Some(drawn) = visit(&path, script) {
        assert_eq!(drawn, json!({ "calls": 4_003, "messages": 2_000 }));
    }
    let (_folder, path) = written(&busy(15_000), "client 2 dies");
    assert_eq!(told(&path)["failing"]["calls_in_all"], 30_003);
    let script = "return [window.bittorrent.drawn().calls, one('#note').textContent];";
    if let Some(said) = visit(&path, script) {
        assert_eq!(said[0], 20_000);
        let note = said[1].as_str().unwrap();
        assert!(
            note.contains("Only the last 20,000 of 30,003 are here"),
            "{note}"
        );
    }
}
