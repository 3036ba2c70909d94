//! Inputs that are no sound swarm are refused by everything that reads them: in the same words, with the same
//! status, and before anything runs.

use std::fs;
use std::path::Path;
use std::process::Command;

use support::job::{self, hash, program};

const CHECKER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/checker.sh");

/// What is refused: the inputs in rank order, and what is said.
fn unsound() -> Vec<(Vec<String>, Vec<&'static str>)> {
    let [a, b] = ['a', 'b'].map(hash);
    let contrary = [
        format!("1 f 2 {a} {b} 0"),
        format!("1 f 2 {a} {a} 0"),
        "0 1 f".into(),
    ];
    let longer = [format!("1 f 1 {a} 0"), format!("1 f 2 {a} {b} 0")];
    vec![
        (
            contrary.into(),
            vec!["clients 1 and 2 both own 'f', with different segments from segment 2 on"],
        ),
        (
            longer.into(),
            vec!["clients 1 and 2 both own 'f', with different segments from segment 2 on"],
        ),
        (
            vec![format!("2\nf 1\n{a}\nf 1\n{a}\n0"), "0 1 f".into()],
            vec!["in1.txt:4: expected the name of owned file 2, found 'f' a second time"],
        ),
        (
            vec![format!("1 f 1 {a} 0"), "0\n2\nf\nf\n".into()],
            vec!["in2.txt:4: expected the name of wanted file 2, found 'f' a second time"],
        ),
        (
            vec!["1\nf 2\n?\n".into(), "?".into()],
            vec![
                "in1.txt:3: expected the hash of segment 1 of 'f', found '?': \
                 1 character instead of 32",
                "in1.txt:4: expected the hash of segment 2 of 'f', found the end of the file",
                "in2.txt:1: expected the number of owned files, found '?'",
            ],
        ),
    ]
}

/// The command lines that read the inputs in the folder `t`, but for that of mpirun.
fn readers() -> [Vec<&'static str>; 4] {
    [
        vec![program(), "simulate", "-i", "t", "-q"],
        vec![program(), "launch", "-i", "t", "-o", "out", "-q"],
        vec![
            program(),
            "grade",
            "nowhere",
            "--tests",
            "t",
            "--generated",
            "0",
        ],
        vec!["./checker.sh", "--tests", "t", "--binary", "/bin/true"],
    ]
}

/// Runs a command line in a folder. Returns its status and what it says of the folder `t`.
fn refusal(folder: &Path, line: &[&str]) -> (Option<i32>, Vec<String>) {
    let mut command = Command::new("timeout");
    job::prepare(&mut command, folder);
    // Beside the repository's there may be an older program.
    fs::copy(CHECKER, folder.join("checker.sh")).expect("the checker");
    let path = std::env::var("PATH").unwrap_or_default();
    let ours = Path::new(program()).parent().expect("it is in a folder");
    command
        .args(["-k", "5", "60"])
        .args(line)
        .env("PATH", format!("{}:{path}", ours.display()));
    let output = command.output().expect("timeout is installed");
    let said = String::from_utf8(output.stderr).expect("plain words");
    // MPI may go on to say that the ranks have ended.
    let lines = said.lines().map(|line| {
        [
            "bittorrent: ",
            "checker.sh: ",
            "t is no sound test: ",
            "t: ",
            "t/",
        ]
        .iter()
        .fold(line, |line, start| line.strip_prefix(start).unwrap_or(line))
        .to_owned()
    });
    let is_of_an_input = |line: &String| line.contains("both own") || line.contains(".txt");
    (output.status.code(), lines.filter(is_of_an_input).collect())
}

#[test]
fn whoever_reads_unsound_inputs_refuses_them_in_the_same_words() {
    let (mpirun, mpi) = job::mpi();
    for (inputs, problems) in unsound() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("t")).expect("a folder");
        for (client, input) in (1..).zip(&inputs) {
            let path = folder.path().join(format!("t/in{client}.txt"));
            fs::write(path, input).expect("a file");
        }
        let ranks = (inputs.len() + 1).to_string();
        let mut by_mpirun = vec![&mpirun[..]];
        by_mpirun.extend(mpi.oversubscribe);
        by_mpirun.extend(["-np", &ranks, program(), "-i", "t", "-o", "out"]);
        let lines = readers();
        for line in lines.iter().chain([&by_mpirun]) {
            let (status, said) = refusal(folder.path(), line);
            assert_eq!(
                (status, &said[..]),
                (
                    Some(2),
                    &problems
                        .iter()
                        .map(|it| (*it).to_owned())
                        .collect::<Vec<_>>()[..]
                ),
                "{line:?}"
            );
        }
        // The folder may be made before that, for other outputs may go into it.
        let written = fs::read_dir(folder.path().join("out"))
            .into_iter()
            .flatten();
        assert_eq!(written.count(), 0, "nothing is written");
    }
}

#[test]
fn a_folder_that_lacks_an_input_is_no_sound_test() {
    for (there, problem) in [
        (
            &["in1.txt", "in3.txt"][..],
            "there is in3.txt, but not in2.txt",
        ),
        (&["in2.txt"], "there is in2.txt, but not in1.txt"),
        (
            &["in0.txt", "in1.txt"],
            "there is in0.txt, but clients are numbered from 1",
        ),
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("t")).expect("a folder");
        for name in there {
            fs::write(folder.path().join("t").join(name), "0 0").expect("a file");
        }
        for line in &readers() {
            let refused = refusal(folder.path(), line);
            assert_eq!(refused, (Some(2), vec![problem.to_owned()]), "{line:?}");
        }
    }
}

/// The line is the folder's own, so that the teacher knows which of many tests to mend.
#[test]
fn every_unsound_test_is_named_with_all_that_is_wrong_before_a_program_is_run() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [a, b] = ['a', 'b'].map(hash);
    for (path, text) in [
        ("contra/t/in1.txt", format!("1 f 1 {a} 0")),
        ("contra/t/in2.txt", format!("1 f 1 {b} 0")),
        ("contra/u/in1.txt", "0 0 0".into()),
        ("contra/v/in1.txt", format!("1 f 1 {a} 0")),
    ] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    let mut command = Command::new(program());
    job::prepare(&mut command, folder.path());
    command.args(["grade", "nowhere", "--tests", "contra"]);
    let output = command.output().expect("the program can be run");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8(output.stderr).expect("plain words"),
        "bittorrent: contra/t is no sound test: clients 1 and 2 both own 'f', with different segments \
         from segment 1 on\n\
         contra/u is no sound test: in1.txt:1: expected the end of the file after the last wanted \
         name, found '0'\n"
    );
}
