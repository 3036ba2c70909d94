//! The program under a real `mpirun`.

mod generate;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use bittorrent::manifest::{self, Manifest};
use bittorrent::protocol::{FileName, Hashes, Rank};
use fastrand::Rng;
use tempfile::TempDir;

/// How a job ended. The folder that it worked in goes with it.
struct Job {
    status: Option<i32>,
    stdout: String,
    stderr: String,
    folder: TempDir,
}

/// Runs the program with so many ranks in a folder of its own, which holds `inputs`.
///
/// # Panics
/// When the job does not end by itself within a minute.
fn mpirun(ranks: usize, inputs: &[(String, String)], arguments: &[&str]) -> Job {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, content) in inputs {
        fs::write(folder.path().join(name), content).expect("an input can be written");
    }
    let output = Command::new("timeout")
        .args([
            "-k",
            "5",
            "60",
            "mpirun",
            "--oversubscribe",
            "-np",
            &ranks.to_string(),
        ])
        .arg(env!("CARGO_BIN_EXE_bittorrent"))
        .args(arguments)
        .envs(["OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"].map(|name| (name, "1")))
        .current_dir(folder.path())
        .output()
        .expect("mpirun is installed");
    let [stdout, stderr] = [output.stdout, output.stderr]
        .map(|text| String::from_utf8(text).expect("the program prints text"));
    let status = output.status.code();
    assert!(
        !matches!(status, Some(124 | 137)),
        "it hung\n{stdout}\n{stderr}"
    );
    Job {
        status,
        stdout,
        stderr,
        folder,
    }
}

impl Job {
    /// The clients' files in a folder of the job, by name.
    fn outputs(&self, folder: &str) -> BTreeMap<String, String> {
        let folder = self.folder.path().join(folder);
        let listed = fs::read_dir(folder).map_or_else(|_| Vec::new(), Iterator::collect);
        listed
            .into_iter()
            .map(|entry| entry.expect("the folder can be listed").path())
            .filter(|path| name_of(path).contains("client"))
            .map(|path| {
                (
                    name_of(&path),
                    fs::read_to_string(&path).expect("a text file"),
                )
            })
            .collect()
    }

    /// Nothing was started, for this reason and no other, said once.
    fn assert_refused(&self, reasons: &[&str]) {
        assert_eq!(self.status, Some(2), "{}", self.stderr);
        for reason in reasons {
            assert_eq!(
                self.stderr.matches(reason).count(),
                1,
                "'{reason}' in {}",
                self.stderr
            );
        }
        assert_eq!(self.stdout, "");
        assert_eq!(self.outputs("."), BTreeMap::new());
    }
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .expect("a path has a last part")
        .to_string_lossy()
        .into_owned()
}

/// These texts as the inputs of clients 1 and up.
fn files<T: ToString>(inputs: &[T]) -> Vec<(String, String)> {
    let names = Rank::clients(inputs.len()).map(|client| format!("in{client}.txt"));
    names.zip(inputs.iter().map(T::to_string)).collect()
}

/// The outputs that follow from the inputs.
fn expected(inputs: &[Manifest]) -> BTreeMap<String, String> {
    let contents: BTreeMap<&FileName, &Hashes> = inputs
        .iter()
        .flat_map(|input| &input.owned)
        .map(|f| (&f.name, &f.hashes))
        .collect();
    Rank::clients(inputs.len())
        .zip(inputs)
        .flat_map(|(client, input)| input.wanted.iter().map(move |name| (client, name)))
        .filter_map(|(client, name)| {
            let lines = contents
                .get(name)?
                .iter()
                .map(|hash| format!("{hash}\n"))
                .collect();
            Some((format!("client{client}_{name}"), lines))
        })
        .collect()
}

/// The test folders of the repository with their inputs.
fn folders() -> BTreeMap<PathBuf, Vec<Manifest>> {
    let inputs = Path::new(env!("CARGO_MANIFEST_DIR")).join("inputs");
    [inputs.clone(), inputs.join("edge")]
        .iter()
        .flat_map(|folder| fs::read_dir(folder).expect("the repository has inputs"))
        .map(|entry| entry.expect("a folder can be listed").path())
        .filter(|folder| folder.join("in1.txt").exists())
        .map(|folder| {
            let inputs = (1..)
                .map(|client| folder.join(format!("in{client}.txt")))
                .take_while(|path| path.exists())
                .map(|path| manifest::read(&path).expect("a good input"))
                .collect();
            (folder, inputs)
        })
        .collect()
}

fn every_folder_of_inputs_comes_out_right(arguments: &[&str]) {
    let folders = folders();
    assert!(folders.len() >= 12);
    for (folder, inputs) in folders {
        let folder = folder.to_str().expect("a readable path");
        let arguments = [&["-i", folder, "-o", "some/where"], arguments].concat();
        let job = mpirun(inputs.len() + 1, &[], &arguments);
        assert_eq!(job.status, Some(0), "{folder}: {}", job.stderr);
        assert!(job.outputs("some/where") == expected(&inputs), "{folder}");
        assert_eq!(job.stdout.lines().count(), 1, "{}", job.stdout);
        assert_eq!(job.stderr, "");
    }
}

#[test]
fn every_folder_of_inputs_comes_out_right_with_ten_requests_in_flight() {
    every_folder_of_inputs_comes_out_right(&[]);
}

#[test]
fn every_folder_of_inputs_comes_out_right_with_one_request_at_a_time() {
    every_folder_of_inputs_comes_out_right(&["--window", "1"]);
}

#[test]
fn random_swarms_come_out_right_with_one_to_three_times_as_many_ranks_as_cores() {
    let cores = thread::available_parallelism()
        .map_or(2, usize::from)
        .clamp(2, 8);
    let mut rng = Rng::with_seed(1);
    for (times, window) in [(1, "1"), (1, "10"), (2, "1"), (2, "7"), (3, "1"), (3, "10")] {
        let mut inputs = generate::inputs(&mut rng, times * cores - 1, 3..=8, 0..=300);
        for input in &mut inputs {
            input.wanted.retain(|name| name.as_str() != "nowhere");
        }
        let job = mpirun(times * cores, &files(&inputs), &["--window", window]);
        assert_eq!(job.status, Some(0), "{}", job.stderr);
        assert!(
            job.outputs(".") == expected(&inputs),
            "{times} x {cores} ranks"
        );
    }
}

#[test]
fn rank_0_closes_with_one_line_unless_told_to_be_quiet() {
    let hash = "x".repeat(32);
    let inputs = [
        format!("1 a 2 {hash} {hash} 0"),
        "0 1 a".into(),
        "0 1 a".into(),
    ];
    let job = mpirun(4, &files(&inputs), &[]);
    let summary = "2 files downloaded by 3 clients, 4 segments in ";
    assert!(job.stdout.starts_with(summary), "{}", job.stdout);
    let job = mpirun(4, &files(&inputs), &["--quiet"]);
    assert_eq!(
        (job.status, job.stdout.as_str(), job.stderr.as_str()),
        (Some(0), "", "")
    );
}

#[test]
fn an_older_output_is_replaced_and_no_other_file_is_left() {
    let older = "an older and longer content\n".repeat(100);
    let mut files = files(&[format!("1 a 1 {} 0", "x".repeat(32)), "0 1 a".into()]);
    files.push(("client2_a".into(), older));
    let job = mpirun(3, &files, &[]);
    let outputs = BTreeMap::from([("client2_a".into(), "x".repeat(32) + "\n")]);
    assert_eq!(job.outputs("."), outputs);
}

#[test]
fn a_wanted_file_that_nobody_has_is_reported_and_everything_else_arrives() {
    let hash = "x".repeat(32);
    let inputs = [
        format!("1 a 1 {hash} 1 nowhere"),
        "0 3 lost a nowhere".into(),
    ];
    let job = mpirun(3, &files(&inputs), &[]);
    assert_eq!(job.status, Some(1));
    assert_eq!(
        job.outputs("."),
        BTreeMap::from([("client2_a".into(), hash + "\n")])
    );
    for line in [
        "client 1 did not get 'nowhere': nobody has it",
        "client 2 did not get 'lost': nobody has it",
        "client 2 did not get 'nowhere': nobody has it",
    ] {
        assert_eq!(job.stderr.matches(line).count(), 1, "{}", job.stderr);
    }
}

#[test]
fn bad_inputs_are_reported_all_at_once_and_nothing_is_started() {
    let inputs = [
        ("in1.txt", "1\nfile1 2\nshort\n"),
        ("in2.txt", "0 0"),
        ("in4.txt", "x"),
    ];
    let inputs = inputs.map(|(name, content)| (name.to_owned(), content.to_owned()));
    mpirun(5, &inputs, &[]).assert_refused(&[
        "in1.txt:3: expected the hash of segment 1 of 'file1', found 'short': 5 characters instead of 32\n\
         in1.txt:4: expected the hash of segment 2 of 'file1', found the end of the file\n\
         in3.txt: cannot be read: No such file or directory (os error 2)\n\
         in4.txt:1: expected the number of owned files, found 'x'\n",
    ]);
}

#[test]
fn owners_that_contradict_each_other_are_reported_and_nothing_is_started() {
    let inputs = ["x", "y"].map(|letter| format!("1 a 1 {} 0", letter.repeat(32)));
    mpirun(3, &files(&inputs), &[])
        .assert_refused(&["ranks 1 and 2 both own 'a', with different segments from segment 1 on"]);
}

#[test]
fn bad_options_and_a_lone_rank_are_refused_by_one_message() {
    mpirun(3, &[], &["--window", "0"]).assert_refused(&["error: invalid value '0'"]);
    mpirun(3, &[], &["--nonsense"]).assert_refused(&["error: unexpected argument '--nonsense'"]);
    mpirun(1, &[], &[])
        .assert_refused(&["bittorrent: a swarm takes at least 2 ranks, a tracker and a client\n"]);
}

#[test]
fn help_and_version_are_printed_once_with_and_without_mpirun() {
    for (option, line) in [
        ("--help", "Usage: mpirun -np N bittorrent [OPTIONS]"),
        ("-V", "bittorrent "),
    ] {
        let job = mpirun(3, &[], &[option]);
        assert_eq!(job.status, Some(0));
        assert_eq!(job.stdout.matches(line).count(), 1, "{}", job.stdout);
        let alone = Command::new(env!("CARGO_BIN_EXE_bittorrent"))
            .arg(option)
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(alone.stdout).unwrap(), job.stdout);
    }
}
