use std::fs;

use super::*;
use crate::checks::Evidence;
use crate::told::samples;

fn parsed(text: &str) -> Points {
    Points::parse(text).unwrap_or_else(|(_, why)| panic!("{why}"))
}

/// A given test with its right runs and all runs, as it is, with noise, and with synchronous sends.
fn test(name: &str, runs: [(usize, usize); 3]) -> TestReport {
    let tallies = [Condition::AsItIs, Condition::Noise, Condition::Synchronous]
        .into_iter()
        .zip(runs);
    TestReport {
        name: name.into(),
        ranks: 4,
        origin: Origin::Given,
        beyond: None,
        runs: tallies
            .map(|(condition, (right, runs))| Tally {
                condition,
                runs,
                right,
                untold: 0,
            })
            .collect(),
    }
}

fn judgement(check: Check, verdict: Verdict) -> Judgement {
    let said = Evidence::new("client 2 has one thread", "look");
    Judgement {
        evidence: (verdict == Verdict::Wrong).then_some(said),
        ..samples::judgement(check, verdict)
    }
}

fn lines(marks: &Marks) -> Vec<(&str, f64, f64)> {
    let lines = marks.lines.iter();
    lines
        .map(|line| (&line.reason[..], line.points, line.of))
        .collect()
}

const GOOD: [(usize, usize); 3] = [(5, 5), (5, 5), (5, 5)];

#[test]
fn the_course_gives_ten_points_for_each_of_its_tests_that_is_always_right() {
    let tests = [
        test("test1", [(5, 5), (0, 5), (0, 5)]),
        test("test2", [(4, 5), (5, 5), (5, 5)]),
        test("test3", [(0, 0), (5, 5), (5, 5)]),
        test("test4", GOOD),
    ];
    let marks = Points::default().marks(&tests, &[]);
    assert_eq!((marks.total, marks.of), (20.0, 40.0));
    assert_eq!(
        lines(&marks),
        [
            ("test1: 5 of 5 runs right as it is", 10.0, 10.0),
            ("test2: 4 of 5 runs right as it is", 0.0, 10.0),
            ("test3: no run as it is", 0.0, 10.0),
            ("test4: 5 of 5 runs right as it is", 10.0, 10.0),
        ]
    );
}

#[test]
fn a_test_whose_runs_do_not_tell_may_be_worth_nothing_or_all() {
    let mut slow = test("slow", [(3, 5), (0, 0), (0, 0)]);
    slow.runs[0].untold = 2;
    let mut wrong = test("wrong", [(3, 5), (0, 0), (0, 0)]);
    wrong.runs[0].untold = 1;
    let marks =
        Points::default().marks(&[slow, wrong, test("right", GOOD), test("good", GOOD)], &[]);
    assert_eq!((marks.total, marks.at_most, marks.of), (20.0, 30.0, 40.0));
    assert_eq!(range(marks.total, marks.at_most), "20 to 30");
    assert_eq!(
        lines(&marks)[..2],
        [
            (
                "slow: 3 of 5 runs right as it is, and 2 cannot be told",
                0.0,
                10.0
            ),
            (
                "wrong: 3 of 5 runs right as it is, and 1 cannot be told",
                0.0,
                10.0
            ),
        ]
    );
    assert_eq!([marks.lines[0].untold, marks.lines[1].untold], [10.0, 0.0]);
}

#[test]
fn tests_of_ones_own_share_the_points_and_neither_generated_ones_nor_those_beyond_get_any() {
    let mut generated = test("star", GOOD);
    generated.origin = Origin::Generated;
    let mut beyond = test("names", GOOD);
    beyond.beyond = Some("a name of 16 letters".into());
    let tests = [generated, beyond, test("a", GOOD), test("b", GOOD)];
    let marks = Points::default().marks(&tests, &[]);
    assert_eq!((marks.total, marks.of, marks.lines.len()), (40.0, 40.0, 2));
    let none = Points::default().marks(&tests[..2], &[]);
    assert_eq!((none.total, none.of), (0.0, 0.0));
}

#[test]
fn what_the_course_deducts_for_is_named_and_takes_nothing() {
    let checks = [
        judgement(Check::TwoThreads, Verdict::Wrong),
        judgement(Check::Peers, Verdict::CannotBeTold),
        judgement(Check::Hang, Verdict::Wrong),
    ];
    let marks = Points::default().marks(&[test("test1", GOOD)], &checks);
    assert_eq!(marks.total, 40.0);
    assert_eq!(
        lines(&marks)[1..],
        [
            ("two-threads is wrong: client 2 has one thread", 0.0, 0.0),
            (
                "peers cannot be told: see whether clients get segments from each other",
                0.0,
                0.0
            ),
        ]
    );
    assert!(
        marks
            .lines
            .iter()
            .all(|line| line.points.is_sign_positive())
    );
}

#[test]
fn a_file_says_what_tests_are_worth_and_what_is_taken() {
    let points = parsed(
        "conditions = ['as-it-is', 'noise']\n\
         [tests]\neach = 5\ntest2 = 7.5\ntest9 = 1\n\
         [deduct]\nhang = 2\ntwo-threads = 3",
    );
    let tests = [
        test("test1", [(5, 5), (4, 5), (5, 5)]),
        test("test2", [(5, 5), (5, 5), (0, 5)]),
    ];
    let checks = [
        judgement(Check::TwoThreads, Verdict::Wrong),
        judgement(Check::Hang, Verdict::CannotBeTold),
    ];
    let marks = points.marks(&tests, &checks);
    assert_eq!((marks.total, marks.of), (4.5, 13.5));
    let said = lines(&marks);
    assert_eq!(
        said[0],
        (
            "test1: 5 of 5 runs right as it is, 4 of 5 runs right with noise",
            0.0,
            5.0
        )
    );
    assert_eq!((said[1].1, said[1].2), (7.5, 7.5));
    assert_eq!(said[2], ("test9: no such test was given", 0.0, 1.0));
    assert_eq!(said[3].1, 0.0, "{}", said[3].0);
    assert_eq!(said[4].1, -3.0, "{}", said[4].0);
}

#[test]
fn a_test_beyond_the_assignment_has_points_only_where_it_is_named() {
    let mut beyond = test("names", GOOD);
    beyond.beyond = Some("a name of 16 letters".into());
    let tests = [beyond];
    let marks = |text| parsed(text).marks(&tests, &[]).of;
    assert_eq!(marks("[tests]\neach = 5"), 0.0);
    assert_eq!(marks("[tests]\neach = 5\nnames = 3"), 3.0);
}

#[test]
fn marks_are_never_below_nothing_and_right_checks_cost_nothing() {
    let points = parsed("of = 10\n[deduct]\nhang = 30\ncrash = 4");
    let mut checks = [
        judgement(Check::Hang, Verdict::Wrong),
        judgement(Check::Crash, Verdict::Right),
    ];
    let marks = points.marks(&[test("a", GOOD)], &checks);
    assert_eq!((marks.total, marks.of, marks.lines.len()), (0.0, 10.0, 2));
    checks[0].verdict = Verdict::Right;
    assert_eq!(points.marks(&[test("a", GOOD)], &checks).total, 10.0);
}

#[test]
fn an_empty_file_is_the_courses_own() {
    assert_eq!(parsed(""), Points::default());
    assert_eq!(parsed("[deduct]").deduct, BTreeMap::new());
}

#[test]
fn what_is_wrong_in_a_file_is_said_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("points.toml");
    for (text, place, said) in [
        ("of = 40\npionts = 3", "2:1", "unknown field `pionts`"),
        (
            "of = 'x'",
            "1:6",
            "a number from 0 to 1000000, found a value of type string",
        ),
        (
            "of = -1",
            "1:6",
            "expected points, a number from 0 to 1000000, found -1",
        ),
        (
            "of = 1e300",
            "1:6",
            "a number from 0 to 1000000, found 1e300",
        ),
        (
            "of = nan",
            "1:6",
            "expected points, a number from 0 to 1000000, found NaN",
        ),
        ("of = 1\n\n[tests]\na = 1", "3:1", "found both"),
        ("[tests]\na = -2", "2:5", "expected points"),
        (
            "[deduct]\nhang = 1\nTwoThreads = 2",
            "3:1",
            "found 'TwoThreads'",
        ),
        ("[deduct]\nhang = -1", "2:8", "expected points"),
        (
            "conditions = []",
            "1:14",
            "expected a condition, found none",
        ),
        ("conditions = ['noise', 'lying']", "1:24", "found 'lying'"),
        ("conditions = ['noise', 'noise']", "1:24", "found it again"),
        ("of = ", "1:6", ""),
    ] {
        fs::write(&path, text).unwrap();
        let error = Points::read(&path).unwrap_err().to_string();
        let start = format!("{}:{place}: ", path.display());
        assert!(error.starts_with(&start), "{text}: {error}");
        assert!(error.contains(said), "{text}: {error}");
        assert!(!error.contains('\n'), "{text}: {error}");
    }
    let error = Points::read(&folder.path().join("none.toml")).unwrap_err();
    assert!(error.to_string().starts_with("cannot read "), "{error}");
}

#[test]
fn points_are_shown_without_digits_that_say_nothing() {
    let texts = [0.0, -2.0, 7.5, 13.333_33, 40.0].map(shown);
    assert_eq!(texts, ["0", "-2", "7.5", "13.33", "40"]);
}
