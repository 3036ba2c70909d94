//! Runs of jobs, and what is taken from them.

use std::env;
use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use swarm::manifest::Manifest;
use swarm::report::Measured;

use crate::rank::{self, Usage};
use support::job::{Job, Outcome, program};

/// A run of ours.
pub struct Run {
    /// All of it, with mpirun, in seconds.
    pub wall: f64,
    pub measured: Measured,
    outcome: Outcome,
    ranks: usize,
}

impl Run {
    /// Runs our program on these inputs with these options.
    pub fn new(inputs: &[Manifest], options: &[&str]) -> Run {
        Run::of(Job::with_inputs(inputs), inputs.len() + 1, options)
    }

    /// The same, with a note of what each rank used.
    pub fn watched(inputs: &[Manifest], options: &[&str]) -> Run {
        let job = Job::with_inputs(inputs).through(&myself(), (rank::VARIABLE, "watch"));
        Run::of(job, inputs.len() + 1, options)
    }

    /// Runs our program on the inputs of a folder.
    pub fn folder(folder: &str, clients: usize) -> Run {
        Run::of(Job::new(clients + 1), clients + 1, &["--input-dir", folder])
    }

    fn of(job: Job, ranks: usize, options: &[&str]) -> Run {
        let job = job
            .arguments(&["--report", "report.json"])
            .arguments(options);
        let start = Instant::now();
        let outcome = job.patience(Duration::from_secs(240)).run();
        let wall = start.elapsed().as_secs_f64();
        assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
        let measured = outcome
            .report("report.json")
            .measured
            .expect("the run ended");
        Run {
            wall,
            measured,
            outcome,
            ranks,
        }
    }

    /// What each rank used, if it was watched.
    pub fn usage(&self) -> Vec<Usage> {
        let usage = |rank| {
            let path = self.outcome.folder.path().join(format!("usage{rank}"));
            let text = fs::read_to_string(path).expect("a watched rank leaves a note");
            serde_json::from_str(&text).expect("the note is what was written")
        };
        (0..self.ranks).map(usage).collect()
    }

    /// How long one of our commands takes that reads the trace of the run, in seconds.
    pub fn reading(&self, command: &str) -> f64 {
        let start = Instant::now();
        let output = Command::new(program())
            .args([command, "t.jsonl"])
            .current_dir(self.outcome.folder.path())
            .output()
            .expect("our program can be run");
        assert!(output.status.success(), "{output:?}");
        start.elapsed().as_secs_f64()
    }

    /// The length of a file that the run has left.
    pub fn size(&self, name: &str) -> u64 {
        let path = self.outcome.folder.path().join(name);
        fs::metadata(path).expect("the run left it").len()
    }

    pub fn makespan(&self) -> f64 {
        self.measured.makespan.expect("files were completed")
    }
}

/// Seconds that an MPI program takes with so many ranks which only initialises and finalises.
pub fn empty(ranks: usize) -> f64 {
    let job = Job::new(ranks).program(&myself(), (rank::VARIABLE, "empty"));
    let start = Instant::now();
    let outcome = job.patience(Duration::from_secs(240)).run();
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    start.elapsed().as_secs_f64()
}

/// Request/answer pairs a second that the message layer moves between two ranks.
pub fn exchange(number: usize) -> f64 {
    pairs(2, "exchange", number)
}

/// The same for the layout of a swarm, without its protocol: all clients together, each of which asks
/// each other so many times.
pub fn layout(clients: usize, each: usize) -> f64 {
    pairs(clients + 1, "layout", each)
}

fn pairs(ranks: usize, deed: &str, number: usize) -> f64 {
    let job = Job::new(ranks).program(&myself(), (rank::VARIABLE, deed));
    let job = job.arguments(&[&number.to_string()]);
    let outcome = job.patience(Duration::from_secs(240)).run();
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    outcome.stdout.trim().parse().expect("it prints a number")
}

fn myself() -> String {
    let path = env::current_exe().expect("this program has a path");
    path.to_str().expect("a readable path").to_owned()
}

pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Where and what this is, in a line.
pub fn machine() -> String {
    let first_line = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        Some(text.lines().next()?.trim().to_owned())
    };
    let unknown = || String::from("unknown");
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let processor = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split(':').nth(1)?.trim().to_owned())
    });
    let mpi = first_line("mpirun", &["--version"]);
    let date = first_line("date", &["-I"]);
    let commit = first_line("git", &["describe", "--always", "--dirty"]);
    format!(
        "{}, commit {}; {cores} cores ({}); {}",
        date.unwrap_or_else(unknown),
        commit.unwrap_or_else(unknown),
        processor.unwrap_or_else(unknown),
        mpi.unwrap_or_else(unknown),
    )
}
