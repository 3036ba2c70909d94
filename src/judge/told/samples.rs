//! A grading for tests: two checks are wrong, one cannot be told, and all others are right.

use crate::checks::{Check, Evidence};
use crate::seen::condition::{Condition, Origin};
use crate::told::grading::{
    Grading, Judgement, MarkLine, Marks, Ours, Place, SCHEMA, Speed, Tally, TestReport, Verdict,
};

/// A judgement without anything but its verdict.
pub(crate) fn judgement(check: Check, verdict: Verdict) -> Judgement {
    let is = |it| if verdict == it { 60 } else { 0 };
    Judgement {
        check,
        subject: check.subject(),
        verdict,
        wrong: is(Verdict::Wrong),
        right: is(Verdict::Right),
        untold: is(Verdict::CannotBeTold),
        rate: None,
        evidence: None,
        place: None,
        reason: None,
    }
}

fn place(test: &str, condition: Condition, run: usize, noise: Option<u64>) -> Place {
    Place {
        test: test.into(),
        condition,
        run,
        noise,
    }
}

fn test(name: &str, ranks: usize, right: [usize; 3]) -> TestReport {
    let conditions = [Condition::AsItIs, Condition::Noise, Condition::Synchronous];
    let tallies = conditions.into_iter().zip(right);
    TestReport {
        name: name.into(),
        ranks,
        origin: Origin::Given,
        beyond: None,
        runs: tallies
            .map(|(condition, right)| Tally {
                condition,
                runs: 5,
                right,
                untold: 0,
            })
            .collect(),
    }
}

pub(crate) fn grading() -> Grading {
    let outputs = Judgement {
        wrong: 3,
        right: 57,
        rate: Some([0.0171, 0.137]),
        evidence: Some(
            Evidence::new(
                "client 2 wrote 9 of the 10 lines of client2_file1, and the last one is not there",
                "how the download knows that a file is whole: it may count what it has asked for, \
                 and not what came",
            )
            .with_details(vec![
                "line  expected  found".into(),
                format!("10    {}  nothing", "a".repeat(70)),
            ]),
        ),
        place: Some(place("test2", Condition::Noise, 3, Some(77))),
        ..judgement(Check::Outputs, Verdict::Wrong)
    };
    let sources = Judgement {
        wrong: 12,
        evidence: Some(Evidence::new(
            "client 3 had all 20 segments of file1 from client 1",
            "how the client chooses whom it asks",
        )),
        place: Some(place("test1", Condition::Recorded, 1, None)),
        ..judgement(Check::Sources, Verdict::Wrong)
    };
    let serving = Judgement {
        reason: Some("only 3 runs gave occasion, and 5 are needed".into()),
        ..judgement(Check::Serving, Verdict::CannotBeTold)
    };
    let others = [outputs, sources, serving];
    let checks = Check::ALL.map(|check| {
        let other = others.iter().find(|other| other.check == check);
        other.cloned().unwrap_or_else(|| Judgement {
            rate: Some([0.0, 0.0602]),
            ..judgement(check, Verdict::Right)
        })
    });
    let crash = Judgement {
        evidence: Some(Evidence::new("client 1 died of signal 11", "its arrays")),
        place: Some(place("names", Condition::AsItIs, 1, None)),
        ..judgement(Check::Crash, Verdict::Wrong)
    };
    let generated = TestReport {
        origin: Origin::Generated,
        ..test("star", 12, [5, 5, 5])
    };
    let names = TestReport {
        beyond: Some("a name of 16 letters".into()),
        ..test("names", 3, [0, 0, 0])
    };
    Grading {
        interrupted: None,
        saw_no_mpi: false,
        notes: Vec::new(),
        schema: SCHEMA,
        version: "0.1.0".into(),
        program: "./tema2".into(),
        mpi: "Open MPI 4.1.4".into(),
        seed: 7,
        tests: vec![
            test("test1", 4, [5, 5, 5]),
            test("test2", 6, [5, 4, 3]),
            generated,
            names,
        ],
        checks: checks.to_vec(),
        beyond: vec![crash],
        counts_beyond: false,
        sanitized: None,
        speed: vec![Speed {
            test: "test1".into(),
            wall: 0.61,
            empty: 0.48,
            cpu: 1.204,
            messages: Some(2.5),
            ours: Some(Ours {
                wall: 0.5,
                cpu: 0.9,
                messages: None,
            }),
        }],
        marks: Marks {
            total: 38.0,
            at_most: 38.0,
            of: 40.0,
            lines: vec![
                MarkLine {
                    reason: "test1: 5 of 5 runs right as it is".into(),
                    points: 40.0,
                    untold: 0.0,
                    of: 40.0,
                },
                MarkLine {
                    reason: "sources is wrong".into(),
                    points: -2.0,
                    untold: 0.0,
                    of: 0.0,
                },
            ],
        },
    }
}
