use super::*;
use crate::checks::Check;
use crate::checks::tests::evidence;
use crate::seen::made_up::{Change, MadeUp};
use crate::seen::unseen::unseen;
use swarm::manifest::Manifest;
use swarm::protocol::samples::{name, owned};

/// Client 1 owns `file1` of three segments, client 2 wants it.
fn inputs() -> Vec<Manifest> {
    vec![
        Manifest {
            owned: vec![owned("file1", "abc"), owned("file2", "de")],
            wanted: vec![],
        },
        Manifest {
            owned: vec![],
            wanted: vec![name("file1")],
        },
    ]
}

/// A letter stands for the hash that repeats it, a line each.
fn lines(letters: &str) -> String {
    letters
        .chars()
        .map(|letter| letter.to_string().repeat(32) + "\n")
        .collect()
}

fn run(outputs: &[(&str, &str)]) -> MadeUp {
    run_of(&inputs(), outputs)
}

fn run_of(inputs: &[Manifest], outputs: &[(&str, &str)]) -> MadeUp {
    let mut made_up = MadeUp::new(3);
    made_up.known = Known::new(inputs);
    for (name, text) in outputs {
        let (name, bytes) = (name.to_string(), text.as_bytes().to_vec());
        made_up.run.outputs.insert(name, bytes);
    }
    made_up
}

fn shown(text: &str) -> Result<Shown, Unseen> {
    run(&[("client2_file1", text)]).shown(Check::Outputs)
}

#[test]
fn white_space_within_lines_and_at_the_end_does_not_count() {
    assert_eq!(shown(&lines("abc")), Ok(Shown::Right));
    assert_eq!(shown(lines("abc").trim_end()), Ok(Shown::Right));
    assert_eq!(
        shown(&lines("abc").replace('\n', " \x0b\t\r\n")),
        Ok(Shown::Right)
    );
    assert_eq!(
        shown(&lines("abc").replacen('a', " a", 20)),
        Ok(Shown::Right)
    );
}

#[test]
fn an_empty_line_is_a_line() {
    let doubled = evidence(shown(&lines("abc").replace('\n', "\n\n")));
    assert_eq!(
        doubled.said,
        "line 2 of client2_file1 is empty, and all hashes are there without the empty lines"
    );
    let last = evidence(shown(&(lines("abc") + "\n")));
    assert_eq!(
        last.said,
        "client2_file1 has 4 lines, and file1 has 3 segments"
    );
}

#[test]
fn a_file_that_is_not_there_is_missing() {
    let missing = run(&[]).wrong(Check::Outputs);
    assert_eq!(missing.said, "client 2 wrote no client2_file1");
    assert!(missing.details.is_empty());
}

#[test]
fn a_file_under_another_name_is_named() {
    let made_up = run(&[("client2file1\x01", &lines("abc"))]);
    let missing = made_up.wrong(Check::Outputs);
    assert_eq!(missing.details, ["all of file1 is in client2file1\\x01"]);
}

#[test]
fn a_wrong_line_is_said_to_be_what_it_is() {
    let what = |text: &str| evidence(shown(text)).said;
    let (said, line) = (what(&lines("acb")), "line 2 of client2_file1");
    assert_eq!(said, format!("{line} is the hash of segment 3 of file1"));
    let said = what(&lines("adc"));
    assert_eq!(said, format!("{line} is the hash of segment 1 of file2"));
    let said = what(&lines("axc"));
    assert_eq!(
        said,
        format!("{line} is not the right hash, nor any other hash of the inputs")
    );
    let said = what(&lines("abc").replace("bb\n", "bb!\n"));
    assert_eq!(said, format!("{line} goes on after the right hash"));
    let said = what(&lines("abc").replace("bb\n", "b\n"));
    assert_eq!(
        said,
        format!("{line} has only the beginning of the right hash")
    );
    let said = what(&lines("abc").replace(&"b".repeat(32), ""));
    assert_eq!(said, format!("{line} is empty"));
}

#[test]
fn a_hash_that_several_segments_have_is_not_said_to_be_of_one() {
    let mut inputs = inputs();
    inputs[0].owned.push(owned("file3", "dd"));
    let made_up = run_of(&inputs, &[("client2_file1", &lines("adc"))]);
    let wrong = made_up.wrong(Check::Outputs);
    assert_eq!(
        wrong.said,
        "line 2 of client2_file1 is the hash of other segments"
    );
}

#[test]
fn a_last_line_that_is_wrong_is_not_merely_cut_off() {
    let wrong = evidence(shown(lines("ax").trim_end()));
    assert!(
        wrong
            .said
            .starts_with("line 2 of client2_file1 is not the right hash")
    );
}

#[test]
fn a_wrong_line_is_shown_with_what_it_should_be() {
    let details = evidence(shown(&lines("a\0c"))).details;
    let (right, wrong) = ("b".repeat(32), "\\x00".repeat(32));
    assert_eq!(details[0], format!("expected: {right}"));
    assert_eq!(details[1][..50], format!("found:    {wrong}")[..50]);
    assert_eq!(details[2], "1 of 3 lines differ; the file has 3 lines");
}

#[test]
fn a_file_that_ends_early_is_short() {
    assert_eq!(evidence(shown("")).said, "client2_file1 is empty");
    let said = evidence(shown(&lines("ab"))).said;
    assert_eq!(said, "client2_file1 ends after line 2 of 3");
    let said = evidence(shown(&lines("ab")[..40])).said;
    assert_eq!(said, "client2_file1 ends within line 2 of 3");
}

#[test]
fn a_file_that_nobody_is_to_download_is_too_many() {
    let files = [("client2_file1", &*lines("abc")), ("client1_file2", "")];
    let extra = run(&files).wrong(Check::Outputs);
    assert_eq!(
        extra.said,
        "client1_file2 was written, and no client is to download that"
    );
}

#[test]
fn a_file_of_another_form_is_none_of_our_business() {
    let files = [("client2_file1", &*lines("abc")), ("clients.log", "")];
    let seen = run(&files).shown(Check::Outputs);
    assert_eq!(seen, Ok(Shown::Right));
}

#[test]
fn what_a_client_owns_and_wants_and_what_nobody_owns_may_be_written_or_not() {
    let mut inputs = inputs();
    inputs[0].wanted = vec![name("file1"), name("file9")];
    let mut files = vec![("client2_file1", lines("abc"))];
    for more in ["client1_file1", "client1_file9"] {
        files.push((more, "whatever".into()));
        let files: Vec<_> = files.iter().map(|(name, text)| (*name, &**text)).collect();
        assert_eq!(
            run_of(&inputs, &files).shown(Check::Outputs),
            Ok(Shown::Right)
        );
    }
}

#[test]
fn the_worst_file_is_said_first_and_the_others_follow() {
    let mut inputs = inputs();
    inputs[1].wanted.push(name("file2"));
    let files = [("client1_file2", ""), ("client2_file2", &*lines("dx"))];
    let all = run_of(&inputs, &files).wrong(Check::Outputs);
    assert!(
        all.said.starts_with("line 2 of client2_file2"),
        "{}",
        all.said
    );
    assert_eq!(
        all.details[3..],
        [
            "client 2 wrote no client2_file1",
            "client1_file2 was written, and no client is to download that"
        ]
    );
}

#[test]
fn only_so_many_files_are_named() {
    let mut inputs = inputs();
    let files: Vec<String> = (10..40).map(|number| format!("many{number}")).collect();
    for file in &files {
        inputs[0].owned.push(owned(file, "a"));
        inputs[1].wanted.push(name(file));
    }
    let all = run_of(&inputs, &[]).wrong(Check::Outputs);
    assert_eq!(all.details.len(), MOST_FILES + 1);
    assert_eq!(all.details[MOST_FILES], "and 10 files more");
}

#[test]
fn what_is_missing_after_a_hang_or_a_crash_cannot_be_told() {
    let ends: [(&str, Change); 2] = [
        ("hung", MadeUp::hang),
        ("crashed", |made_up| made_up.crash(1, 11)),
    ];
    for (how, end) in ends {
        for outputs in [
            vec![],
            vec![("client2_file1", &lines("abc")[..50])],
            vec![("client2_file1", &lines("a")), ("client2_file1.part", "")],
        ] {
            let mut made_up = run(&outputs);
            end(&mut made_up);
            assert_eq!(
                made_up.shown(Check::Outputs),
                unseen(format!(
                    "the run {how} before 1 of 1 file was written to the end"
                ))
            );
        }
    }
}

#[test]
fn wrong_content_is_wrong_even_after_a_hang() {
    let mut made_up = run(&[("client2_file1", &lines("ca"))]);
    made_up.hang();
    let wrong = made_up.wrong(Check::Outputs);
    assert_eq!(
        wrong.said,
        "line 1 of client2_file1 is the hash of segment 3 of file1"
    );
    assert_eq!(
        wrong.details[2],
        "3 of 3 lines differ; the file has 2 lines"
    );
}
