//! Inputs, good and bad.

use super::*;

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn file(name: &str, hashes: &[&str]) -> OwnedFile {
    let hashes = hashes
        .iter()
        .map(|hash| SegmentHash::new(hash.as_bytes()).unwrap())
        .collect();
    OwnedFile {
        name: FileName::new(name).unwrap(),
        hashes,
    }
}

/// Every problem of `text`, as it is shown behind the path.
fn problems(text: &str) -> Vec<String> {
    problems_of_bytes(text.as_bytes())
}

fn problems_of_bytes(text: &[u8]) -> Vec<String> {
    parse(text).expect_err("the input has problems")
}

#[test]
fn an_input_says_what_is_owned_and_what_is_wanted() {
    let manifest = parse(format!("2\nfile1 2\n{A}\n{B}\nfile2 0\n1\nfile3\n").as_bytes()).unwrap();
    assert_eq!(manifest.owned, [file("file1", &[A, B]), file("file2", &[])]);
    assert_eq!(manifest.wanted, [FileName::new("file3").unwrap()]);
}

#[test]
fn only_the_tokens_count_not_how_they_are_spread_over_lines() {
    let plain = parse(format!("1\nfile1 2\n{A}\n{B}\n2\nx\ny\n").as_bytes()).unwrap();
    let windows = format!("1\r\nfile1 2\r\n{A}\r\n{B}\r\n2\r\nx\r\ny");
    let airy = format!("\n\n 1\t\nfile1\x0b\n\n2 {A} {B}  \n\n2 x\x0cy\n\n");
    assert_eq!(parse(windows.as_bytes()).unwrap(), plain);
    assert_eq!(parse(airy.as_bytes()).unwrap(), plain);
}

#[test]
fn what_is_written_reads_back() {
    let wanted = vec![FileName::new("z").unwrap(), FileName::new("y").unwrap()];
    for manifest in [
        Manifest::default(),
        Manifest {
            owned: vec![file("x", &[A, B, A]), file("empty", &[])],
            wanted,
        },
    ] {
        assert_eq!(parse(manifest.to_string().as_bytes()).unwrap(), manifest);
    }
}

#[test]
fn an_input_that_ends_too_soon_says_what_is_missing_and_where() {
    assert_eq!(
        problems(""),
        ["1: expected the number of owned files, found the end of the file"]
    );
    assert_eq!(
        problems("1\n"),
        ["2: expected the name of owned file 1, found the end of the file"]
    );
    assert_eq!(
        problems("1\nf"),
        ["3: expected the number of segments of 'f', found the end of the file"]
    );
    assert_eq!(
        problems(&format!("1\nfile1 10\n{A}\n{A}\n{A}\n{A}\n")),
        ["7: expected the hash of segment 5 of 'file1', found the end of the file"]
    );
    assert_eq!(
        problems("0\n"),
        ["2: expected the number of wanted files, found the end of the file"]
    );
    assert_eq!(
        problems("0 2 x"),
        ["2: expected the name of wanted file 2, found the end of the file"]
    );
}

#[test]
fn a_count_is_a_number_from_0_to_the_largest() {
    assert_eq!(
        problems("x"),
        ["1: expected the number of owned files, found 'x'"]
    );
    assert_eq!(
        problems("-1"),
        ["1: expected the number of owned files, found '-1'"]
    );
    assert_eq!(
        problems("1 f 2.5"),
        ["1: expected the number of segments of 'f', found '2.5'"]
    );
    for beyond in ["18446744073709551616", "1000001"] {
        let found = format!("at most 1000000, found '{beyond}'");
        let owned = format!("1: expected the number of owned files, {found}");
        assert_eq!(problems(beyond), [owned]);
        let wanted = format!("1: expected the number of wanted files, {found}");
        assert_eq!(problems(&format!("0 {beyond}")), [wanted]);
    }
    assert_eq!(
        problems("1 f 10000001"),
        ["1: expected the number of segments of 'f', at most 10000000, found '10000001'"]
    );
    assert_eq!(
        problems("1 f 10000000"),
        ["2: expected the hash of segment 1 of 'f', found the end of the file"]
    );
}

#[test]
fn every_bad_hash_and_name_is_listed_with_its_line_up_to_ten() {
    assert_eq!(
        problems(&format!("2\nf 2\nshort\n{A}b\n.. 0\n2\na/b\nc\n")),
        [
            "3: expected the hash of segment 1 of 'f', found 'short': 5 characters instead of 32"
                .to_owned(),
            format!(
                "4: expected the hash of segment 2 of 'f', found '{A}b': 33 characters instead of 32"
            ),
            "5: expected the name of owned file 2, found the name of a folder, '.' or '..'"
                .to_owned(),
            "7: expected the name of wanted file 1, found a name with '/' in it".to_owned(),
        ]
    );
    assert_eq!(
        problems(&format!("1\nf 12\n{}", "?\n".repeat(12))).len(),
        MOST_PROBLEMS
    );
}

#[test]
fn a_file_is_owned_once_and_wanted_once() {
    assert_eq!(
        problems("2 f 0 f 0 0"),
        ["1: expected the name of owned file 2, found 'f' a second time"]
    );
    assert_eq!(
        problems("0\n2\nf\nf\n"),
        ["4: expected the name of wanted file 2, found 'f' a second time"]
    );
    assert!(
        parse("1 f 0 1 f".as_bytes()).is_ok(),
        "owned and wanted is no contradiction"
    );
}

#[test]
fn nothing_comes_after_the_last_wanted_name() {
    assert_eq!(
        problems("0\n1\nfile1\nfile2\n"),
        ["4: expected the end of the file after the last wanted name, found 'file2'"]
    );
}

#[test]
fn what_is_not_text_is_shown_harmlessly() {
    assert_eq!(
        problems_of_bytes(b"0 1 \xff\x1b[2J"),
        [r"1: expected the name of wanted file 1, found '\xff\x1b[2J', which is not UTF-8"]
    );
    let whole = "x".repeat(40);
    let shown = format!("1: expected the number of owned files, found '{whole}'");
    assert_eq!(problems(&whole), [shown]);
    let long = "x".repeat(1000);
    assert_eq!(
        problems(&long),
        [format!(
            "1: expected the number of owned files, found '{}...'",
            "x".repeat(40)
        )]
    );
}
