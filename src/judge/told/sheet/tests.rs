use console::{measure_text_width, strip_ansi_codes};

use super::*;
use crate::checks::Check;
use crate::told::samples::{grading, judgement};

const SHEET: &str = "\
./tema2: 2 things are wrong, 19 are right, 1 cannot be told
with Open MPI 4.1.4, --seed 7; rates of wrong runs: 95 % intervals

wrong[outputs]: every client writes the files that it wants
  in 3 of 60 runs, 1.7 % to 14 %
  client 2 wrote 9 of the 10 lines of client2_file1, and the last one is not
  there
  where: test2 with noise, run 3, noise 77
      line  expected  found
      10    aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa  nothing
  look at: how the download knows that a file is whole: it may count what it has
           asked for, and not what came

wrong[sources]: downloads vary their sources (R5)
  in 12 of 12 runs
  client 3 had all 20 segments of file1 from client 1
  where: test1 recorded, run 1
  look at: how the client chooses whom it asks

cannot be told
  serving  only 3 runs gave occasion, and 5 are needed

right                                                         runs    wrong
  crash         no rank crashes                                 60  < 6.0 %
  hang          every run ends                                  60  < 6.0 %
  processes     no process is left behind                       60  < 6.0 %
  thread-level  the thread level fits the threads               60  < 6.0 %
  concurrency   threads share MPI as their level allows         60  < 6.0 %
  receivers     no thread takes another's messages              60  < 6.0 %
  errors        no MPI call fails                               60  < 6.0 %
  types         messages are what their receivers expect        60  < 6.0 %
  leftover      every message is received                       60  < 6.0 %
  requests      every request is completed or freed             60  < 6.0 %
  finalize      every rank calls MPI_Finalize                   60  < 6.0 %
  two-threads   every client talks with two threads             60  < 6.0 %
  registration  the tracker knows all files first (R1)          60  < 6.0 %
  own-input     every client needs only its own input (R1)      60  < 6.0 %
  peers         clients get segments from each other            60  < 6.0 %
  answers       only who has a segment gives it (R4, R9)        60  < 6.0 %
  verification  a wrong hash is noticed (R4)                    60  < 6.0 %
  updates       the tracker is asked every ten segments (R6)    60  < 6.0 %
  stopping      nobody stops before all are done (R12)          60  < 6.0 %

not counted: the assignment does not promise these tests (--beyond counts them)
  crash  client 1 died of signal 11 (names as it is, run 1)

tests    ranks  as it is   noise    sync
  test1      4    5 of 5  5 of 5  5 of 5
  test2      6    5 of 5  4 of 5  3 of 5
  star      12    5 of 5  5 of 5  5 of 5  generated
  names      3    0 of 5  0 of 5  0 of 5  beyond: a name of 16 letters

speed    seconds  empty  ours   cpu  ours  messages  ours
  test1     0.61   0.48  0.50  1.20  0.90      2.50     -
  Medians of the runs as it is, in seconds, from the start of mpirun to its end;
  of a program that only starts and ends MPI; and of bittorrent. Processor time.
  Messages for each segment.

marks: 38 of 40
  40 of 40  test1: 5 of 5 runs right as it is
        -2  sources is wrong
";

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
fn what_has_no_room_in_a_table_has_a_line_of_its_own() {
    let mut paper = Paper::new(24);
    let row = |cells: [&str; 3]| cells.map(String::from).to_vec();
    let name = "a-very-long-name-of-a-test";
    let rows = [
        row(["tests", "runs", ""]),
        row(["  one", "1 of 1", "made up"]),
        row([name, "1 of 1", "beyond: it has so many files"]),
    ];
    paper.table(1, &rows);
    let expected = "
tests    runs
  one  1 of 1  made up
a-very-long-name-of-a-test
       1 of 1
      beyond: it has so
      many files
";
    assert_eq!(paper.text, expected);
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
    let answer = "./tema2: nothing is wrong, 22 are right, 0 cannot be told\n";
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
        sheet.starts_with("./tema2: 3 things are wrong, 18 are right"),
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
}

#[test]
fn what_a_program_wrote_does_not_steer_the_terminal() {
    let mut grading = grading();
    let evidence = grading.checks[0].evidence.as_mut().unwrap();
    evidence.said += "\x1b[2J";
    evidence.details.push("\x1b[2J\r".into());
    assert!(!sheet(&grading, false, 80).contains(['\x1b', '\r']));
}
