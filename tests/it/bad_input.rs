//! Inputs and options that cannot be used are refused under a real `mpirun`: all problems at once,
//! in words that say what to change.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;

use support::job::{Job, hash};

/// Inputs that cannot be used, each with the messages about it, without the name of its file.
fn cases() -> Vec<(Vec<u8>, Vec<String>)> {
    let a = hash('a');
    let long = "n".repeat(201);
    let short = &a[1..];
    let case = |input: &str, problem: &str| (input.into(), vec![problem.to_owned()]);
    let cut = |input: &str, what: &str| {
        let line = input.lines().count() + 1;
        case(
            input,
            &format!("{line}: expected {what}, found the end of the file"),
        )
    };
    let number = |found: &str| {
        let problem = format!("1: expected the number of owned files, found '{found}'");
        case(found, &problem)
    };
    vec![
        cut("", "the number of owned files"),
        cut(
            "2\nf 1\nH\n".replace('H', &a).as_str(),
            "the name of owned file 2",
        ),
        cut(
            "1\nf 3\nH\nH\n".replace('H', &a).as_str(),
            "the hash of segment 3 of 'f'",
        ),
        cut(
            "1\nf 9999999\nH\n".replace('H', &a).as_str(),
            "the hash of segment 2 of 'f'",
        ),
        cut("0\n2\nf\n", "the name of wanted file 2"),
        number("many"),
        number("-1"),
        case(
            "18446744073709551616",
            "1: expected the number of owned files, at most 1000000, found '18446744073709551616'",
        ),
        case(
            "1\nf 4000000000\n",
            "2: expected the number of segments of 'f', at most 10000000, found '4000000000'",
        ),
        case(
            "0\n1\nf\ng\n",
            "4: expected the end of the file after the last wanted name, found 'g'",
        ),
        case(
            &format!("1\nf 1\n{short}\n0\n"),
            &format!(
                "3: expected the hash of segment 1 of 'f', found '{short}': \
                 31 characters instead of 32"
            ),
        ),
        case(
            &format!("1\nf 1\n{a}x\n0\n"),
            &format!(
                "3: expected the hash of segment 1 of 'f', found '{a}x': \
                 33 characters instead of 32"
            ),
        ),
        case(
            &format!("1\nf 1\n{short}é\n0\n"),
            &format!(
                "3: expected the hash of segment 1 of 'f', found '{short}\\xc3\\xa9': \
                 the byte 0xc3, which is not a printable ASCII character"
            ),
        ),
        case(
            &format!("0\n1\n{long}"),
            "3: expected the name of wanted file 1, found a name of 201 bytes, more than 200",
        ),
        case(
            "0\n1\n..",
            "3: expected the name of wanted file 1, found the name of a folder, '.' or '..'",
        ),
        case(
            "0\n1\n../../etc/passwd",
            "3: expected the name of wanted file 1, found a name with '/' in it",
        ),
        case(
            "0\n1\nbell\u{7}",
            "3: expected the name of wanted file 1, found a name with '\\u{7}' in it",
        ),
        case(
            "0\n1\nf\0",
            "3: expected the name of wanted file 1, found a name with '\\0' in it",
        ),
        (
            b"0\n1\n\xff\xfe".to_vec(),
            vec![
                "3: expected the name of wanted file 1, found '\\xff\\xfe', which is not UTF-8"
                    .into(),
            ],
        ),
        case(
            "2 f 0\nf 0\n0",
            "2: expected the name of owned file 2, found 'f' a second time",
        ),
        case(
            "0 2 f\nf",
            "2: expected the name of wanted file 2, found 'f' a second time",
        ),
        (
            format!("1 f 12\n{}", "?\n".repeat(12)).into(),
            (2..12)
                .map(|line| {
                    let segment = line - 1;
                    format!(
                        "{line}: expected the hash of segment {segment} of 'f', found '?': \
                         1 character instead of 32"
                    )
                })
                .collect(),
        ),
    ]
}

#[test]
fn every_problem_of_every_input_is_reported_in_rank_order_and_nothing_is_started() {
    let cases = cases();
    let good = format!("1 g 1 {} 0", hash('a'));
    let mut expected = Vec::new();
    // Behind the cases: a good input, a missing one, a folder, and one that cannot be opened.
    let mut job = Job::new(cases.len() + 5);
    for (client, (input, problems)) in (1..).zip(&cases) {
        fs::write(job.folder.path().join(format!("in{client}.txt")), input).unwrap();
        expected.extend(
            problems
                .iter()
                .map(|problem| format!("in{client}.txt:{problem}")),
        );
    }
    let client = cases.len() + 1;
    job = job.file(&format!("in{client}.txt"), &good);
    let [missing, folder, circle] = [1, 2, 3].map(|more| format!("in{}.txt", client + more));
    fs::create_dir(job.folder.path().join(&folder)).unwrap();
    symlink(&circle, job.folder.path().join(&circle)).unwrap();
    expected.extend([
        format!("{missing}: cannot be read: No such file or directory (os error 2)"),
        format!("{folder}:1: cannot be read: Is a directory (os error 21)"),
        format!("{circle}: cannot be read: Too many levels of symbolic links (os error 40)"),
    ]);

    let outcome = job.arguments(&["--report", "r.json"]).run();
    let lines: Vec<&str> = outcome
        .stderr
        .lines()
        .take_while(|l| l.starts_with("in"))
        .collect();
    assert_eq!(lines, expected);
    let report = outcome.report("r.json");
    assert_eq!((report.exit_status, report.measured), (2, None));
    assert_eq!(report.problems, expected);
    outcome.assert_refused(&[]);
}

#[test]
fn a_missing_folder_is_reported_for_every_client() {
    let job = Job::new(3).arguments(&["-i", "no/where"]).run();
    job.assert_refused(&[
        "no/where/in1.txt: cannot be read: No such file or directory (os error 2)\n",
        "no/where/in2.txt: cannot be read: No such file or directory (os error 2)\n",
    ]);
}

#[test]
fn owners_that_contradict_each_other_are_reported() {
    let [a, b, c] = ['a', 'b', 'c'].map(hash);
    let inputs = [
        format!("1 f 3 {a} {b} {c} 0"),
        format!("1 f 3 {a} {b} {c} 0"),
        format!("1 f 3 {a} {c} {b} 0"),
    ];
    Job::with_inputs(&inputs).run().assert_refused(&[
        "clients 1 and 3 both own 'f', with different segments from segment 2 on\n",
    ]);
}

#[test]
fn bad_options_and_a_lone_rank_are_refused_by_one_message() {
    let refused = |ranks, arguments: &[&str], message: &str| {
        Job::new(ranks)
            .arguments(arguments)
            .run()
            .assert_refused(&[message]);
    };
    refused(
        3,
        &["--window", "0"],
        "error: invalid value '0' for '--window <N>'",
    );
    refused(
        3,
        &["--members", "0"],
        "error: invalid value '0' for '--members <K>'",
    );
    refused(3, &["--update-interval", "x"], "error: invalid value 'x'");
    refused(
        3,
        &["--stall-timeout", "soon"],
        "error: invalid value 'soon'",
    );
    refused(
        3,
        &["--corrupt", "0"],
        "expected the rank of a client, 1 to 1000000",
    );
    refused(
        3,
        &["--corrupt", "1,3"],
        "bittorrent: --corrupt 3: the last client has rank 2\n",
    );
    refused(
        3,
        &["--peer-selection", "best"],
        "[possible values: round-robin, random, least-busy, two-choices, first]",
    );
    refused(
        3,
        &["--segment-order", "rarest-first"],
        "error: --segment-order rarest-first goes by what the members hold, \
         which only --tracker-index segments tells\n",
    );
    refused(
        3,
        &["--stall-timeout", "1s", "--upload-time", "501ms"],
        "error: --stall-timeout has to be at least twice --upload-time\n",
    );
    refused(
        3,
        &["--scenario", "no.toml"],
        "bittorrent: cannot read no.toml: No such file or directory (os error 2)\n",
    );
    refused(
        3,
        &["--report", "no/where.json"],
        "bittorrent: --report: there is no folder no\n",
    );
    refused(
        3,
        &["--nonsense"],
        "error: unexpected argument '--nonsense'",
    );
    refused(
        1,
        &[],
        "bittorrent: a swarm takes at least 2 ranks, a tracker and a client. ",
    );
}

#[test]
fn an_input_for_a_rank_that_was_not_started_is_a_warning() {
    let inputs = [format!("1 f 1 {} 0", hash('a')), "0 1 f".into()];
    let job = Job::with_inputs(&inputs)
        .file("in3.txt", "0 0")
        .file("in5.txt", "0 0")
        .run();
    assert_eq!(job.status, Some(0));
    let warning = "warning: there is in3.txt, but the last client has rank 2 (start with -np 6)\n";
    assert_eq!(job.stderr, warning);
    assert_eq!(job.outputs(".").len(), 1);
}

#[test]
fn a_file_both_owned_and_wanted_is_a_warning_and_is_written_from_what_is_owned() {
    let inputs = [format!("1 f 1 {} 1 f", hash('a')), "0 0".into()];
    let job = Job::with_inputs(&inputs).run();
    assert_eq!(job.status, Some(0));
    let warning = "warning: client 1 both owns and wants 'f': nothing is downloaded\n";
    assert_eq!(job.stderr, warning);
    assert!(
        job.stdout
            .contains("0 downloads of 0 segments by 2 clients")
    );
    assert_eq!(
        job.outputs("."),
        BTreeMap::from([("client1_f".into(), hash('a') + "\n")])
    );
}
