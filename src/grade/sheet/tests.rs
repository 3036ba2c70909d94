use console::strip_ansi_codes;

use super::super::samples::{grading, judgement};
use super::super::verdict::Check;
use super::*;

const SHEET: &str = "";

#[test]
fn a_sheet_has_the_worst_first() {
    let found = sheet(&grading(), false, 80);
    assert_eq!(found, SHEET, "\n{found}");
}

#[test]
fn only_the_details_of_evidence_are_longer_than_the_lines() {
    for width in [80, 100, 120] {
        let sheet = sheet(&grading(), true, width);
        let long = sheet
            .lines()
            .filter(|line| measure_text_width(line) > width);
        let long: Vec<&str> = long.collect();
        assert!(long.iter().all(|line| line.contains("aaaa")), "{long:#?}");
    }
}

#[test]
fn colours_change_nothing_else() {
    let (plain, colourful) = (sheet(&grading(), false, 80), sheet(&grading(), true, 80));
    assert!(colourful.contains("\x1b[31m"));
    assert!(!plain.contains('\x1b'));
    // The ends of lines are trimmed before their colours are.
    assert_eq!(strip_ansi_codes(&colourful), plain);
}

#[test]
fn a_program_without_faults_is_told_so_first() {
    let mut grading = grading();
    grading.beyond.clear();
    grading.checks = Check::ALL
        .map(|check| judgement(check, Verdict::Right))
        .to_vec();
    let sheet = sheet(&grading, false, 80);
    let answer = "./tema2: nothing is wrong, 20 are right, 0 cannot be told\n";
    assert!(sheet.starts_with(answer), "{sheet}");
    assert!(!sheet.contains("wrong["), "{sheet}");
    assert!(!sheet.contains("\ncannot be told"), "{sheet}");
    assert!(!sheet.contains("not counted"), "{sheet}");
}

#[test]
fn what_is_beyond_the_assignment_is_wrong_where_it_counts() {
    let mut grading = grading();
    grading.counts_beyond = true;
    let sheet = sheet(&grading, false, 80);
    assert!(
        sheet.starts_with("./tema2: 3 things are wrong, 16 are right"),
        "{sheet}"
    );
    assert!(sheet.contains("wrong[crash]: no rank crashes\n"), "{sheet}");
    assert!(
        sheet.contains("in 60 of 60 runs, only on tests beyond the assignment\n"),
        "{sheet}"
    );
    assert!(!sheet.contains("not counted"), "{sheet}");
}

#[test]
fn parts_have_two_digits() {
    let texts = [0.0, 0.0004, 0.0171, 0.0949, 0.0996, 0.137, 1.0].map(percent);
    assert_eq!(
        texts,
        ["0 %", "0.0 %", "1.7 %", "9.5 %", "10 %", "14 %", "100 %"]
    );
    assert_eq!(
        [0.0, -2.0, 7.5, 13.333_33].map(points),
        ["0", "-2", "7.5", "13.33"]
    );
}
