//! `grade`.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::common::{duration, number, up_to};
use super::seed;
use judge::command::{Answer, Grade};
use judge::grader::GraderOptions;
use judge::seen::condition::{CONDITIONS, Condition};

/// The most tests that are made up, and the most runs of each. It would take months.
const MOST_RUNS: usize = 10_000;

const USAGE: &str = "\
bittorrent grade [OPTIONS] PROGRAM [-- MPIRUN_OPTIONS...]
       bittorrent grade [OPTIONS] --all DIR [-- MPIRUN_OPTIONS...]";

/// Says what is wrong and what is right in somebody's program for the assignment, and why
///
/// The program is a binary for Open MPI or MPICH, in any language that calls MPI's functions for C. It runs
/// many times: on given and on generated tests, as it is, with noise and with synchronous sends. What the
/// runs do not tell is never called wrong.
#[derive(Debug, Args)]
#[command(override_usage = USAGE, after_help = explanation())]
pub(super) struct GradeArguments {
    /// The program; with --all, a folder of submissions
    #[arg(value_name = "PROGRAM")]
    program: PathBuf,

    /// The given tests: a folder each, with in<R>.txt [default: inputs, if it is there]
    #[arg(long, value_name = "DIR")]
    tests: Option<PathBuf>,

    /// How many tests are made up besides
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = up_to(MOST_RUNS))]
    generated: usize,

    /// How often each test is run under each condition
    #[arg(long, value_name = "K", default_value = "5", value_parser = number(MOST_RUNS))]
    runs: NonZeroUsize,

    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = condition,
          help = format!("The conditions under which it runs: {}", conditions()),
          default_values = CONDITIONS.iter().map(|row| row.name), hide_default_value = true)]
    conditions: Vec<Condition>,

    /// What the generated tests and the noise follow from; left out, it is a different one every time
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// How long a run may take (20s, 1min)
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = limit)]
    time_limit: Duration,

    /// How much address space a rank may have (512M, 4G)
    #[arg(long, value_name = "LIMIT", default_value = "4G", value_parser = bytes)]
    memory: u64,

    /// Give the program no network and no files to write but its own (Linux)
    #[arg(long)]
    isolate: bool,

    /// Count tests, too, that the assignment does not promise
    #[arg(long)]
    beyond: bool,

    /// Read from this file what tests are worth and what is deducted (TOML)
    #[arg(long, value_name = "FILE")]
    points: Option<PathBuf>,

    /// Write the verdicts to this file, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Write a page for the browser to this file
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,

    /// Build and grade every folder in PROGRAM, and go on where an earlier time was interrupted
    #[arg(long, conflicts_with_all = ["report", "page"])]
    all: bool,

    /// Where --all writes marks.csv, index.html, and a report and a page each; created if missing
    #[arg(
        short,
        long,
        value_name = "DIR",
        default_value = "grades",
        requires = "all"
    )]
    output_dir: PathBuf,

    /// Build each submission once more with -fsanitize=address,undefined, and show what that reports
    #[arg(long, requires = "all")]
    sanitize: bool,

    /// The mpirun to use, where it is not the one that is found
    #[arg(long, value_name = "PATH", env = "MPIRUN", hide_env_values = true)]
    mpirun: Option<OsString>,

    /// Build the recorder in this folder, once for all who name it: for those who grade a hundred times
    #[arg(long, value_name = "DIR", hide = true)]
    recorders: Option<PathBuf>,

    /// Show no progress
    #[arg(short, long)]
    quiet: bool,

    /// Options of mpirun: -- --mca btl self,tcp
    #[arg(last = true, value_name = "MPIRUN_OPTIONS")]
    mpirun_options: Vec<OsString>,
}

impl GradeArguments {
    /// What is to be graded.
    pub(super) fn grade(self) -> Grade {
        Grade {
            program: self.program,
            all: self.all.then_some(self.output_dir),
            sanitize: self.sanitize,
            options: GraderOptions {
                tests: self.tests,
                generated: self.generated,
                runs: self.runs,
                conditions: self.conditions,
                seed: seed(self.seed),
                time_limit: self.time_limit,
                memory: self.memory,
                is_isolated: self.isolate,
                counts_beyond: self.beyond,
                points: self.points,
                mpirun: self.mpirun.filter(|path| !path.is_empty()),
                mpirun_options: self.mpirun_options,
                recorders: self.recorders,
                quiet: self.quiet,
            },
            report: self.report,
            page: self.page,
        }
    }
}

/// What the options leave out.
fn explanation() -> String {
    let statuses = Answer::ALL.map(|answer| format!("  {}  {answer}\n", answer as u8));
    format!(
        "\
Examples:
  bittorrent grade ./tema2
  bittorrent grade ./tema2 --tests inputs --runs 20 --page verdicts.html
  bittorrent grade --all submissions --output-dir grades --isolate

Exit status:
{}",
        statuses.concat()
    )
}

/// A time that a run can keep.
fn limit(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time.is_zero() {
        return Err("expected a time of more than 0".into());
    }
    Ok(time)
}

/// The names of all conditions.
fn conditions() -> String {
    CONDITIONS.each_ref().map(|row| row.name).join(", ")
}

/// A condition, by its name.
fn condition(text: &str) -> Result<Condition, String> {
    let named = CONDITIONS.iter().find(|row| row.name == text);
    let named = named.map(|row| row.condition);
    named.ok_or_else(|| format!("expected one of {}", conditions()))
}

/// A number of megabytes or gigabytes, those of 1024.
fn bytes(text: &str) -> Result<u64, String> {
    let units = [('M', 1 << 20), ('G', 1 << 30)];
    let bytes = units.iter().find_map(|&(unit, bytes)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(bytes).filter(|&bytes| bytes > 0)
    });
    bytes.ok_or_else(|| "expected a size such as 512M or 4G".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        grade: GradeArguments,
    }

    fn graded(line: &str) -> Result<Grade, clap::Error> {
        let words = ["grade"].into_iter().chain(line.split_whitespace());
        let line = <Line as clap::Parser>::try_parse_from(words)?;
        Ok(line.grade.grade())
    }

    #[test]
    fn a_program_is_graded_by_the_courses_limits() {
        let grade = graded("./tema2 --seed 7").unwrap();
        assert_eq!(grade.program, PathBuf::from("./tema2"));
        assert_eq!(grade.all, None);
        let options = grade.options;
        assert_eq!(
            (options.runs.get(), options.generated, options.seed),
            (5, 4, 7)
        );
        assert_eq!(
            options.conditions,
            CONDITIONS.each_ref().map(|row| row.condition)
        );
        assert_eq!(options.time_limit, Duration::from_secs(20));
        assert_eq!(options.memory, 4 << 30);
        assert!(!options.is_isolated && !options.counts_beyond);
    }

    #[test]
    fn what_stands_behind_two_dashes_is_for_mpirun() {
        let grade = graded("./tema2 --beyond -- --mca btl tcp,self").unwrap();
        assert_eq!(grade.options.mpirun_options, ["--mca", "btl", "tcp,self"]);
        assert!(grade.options.counts_beyond);
    }

    #[test]
    fn all_submissions_have_a_folder_for_their_grades_and_no_single_report() {
        let all = |line| graded(line).unwrap().all;
        assert_eq!(all("--all subs"), Some("grades".into()));
        assert_eq!(all("--all subs -o there"), Some("there".into()));
        for line in [
            "--all subs --report r.json",
            "--all subs --page p.html",
            "./tema2 -o there",
            "./tema2 --sanitize",
            "--runs 0 ./tema2",
            "--time-limit 0s ./tema2",
            "",
        ] {
            graded(line).unwrap_err();
        }
    }

    #[test]
    fn memory_is_in_megabytes_or_gigabytes() {
        assert_eq!(bytes("512M"), Ok(512 << 20));
        assert_eq!(bytes("4G"), Ok(4 << 30));
        for text in ["", "M", "4", "4g", "-1G", "0G", "1.5G", "99999999999999G"] {
            bytes(text).unwrap_err();
        }
    }
}
