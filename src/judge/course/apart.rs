//! A submission is graded in a process of its own. What ends the grader there ends nothing else.

use std::any::Any;
use std::env;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::os::unix::process::ExitStatusExt;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use rustix::process::{getpid, set_child_subreaper};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use signal_hook::low_level::signal_name;

use crate::grader::{Grader, GraderOptions};
use crate::runs::sandbox::end_descendants;
use crate::runs::stop::{Stop, Waited};
use crate::told::grading::{Grading, Sanitized};
use swarm::shown::Shown;
use swarm::signals::Interrupted;

/// The subcommand that does an errand: not for people.
const SUBCOMMAND: &str = "grade-submission";

/// The most bytes of an answer.
const MOST_ANSWERED: u64 = 256 << 20;

/// What that process is asked for.
#[derive(Debug, Serialize, Deserialize)]
struct Errand {
    program: PathBuf,
    options: GraderOptions,
    task: Task,
}

/// What it is to do with the program.
#[derive(Debug, Serialize, Deserialize)]
enum Task {
    /// Grade it: what it is called, and what is known of it already. The answer: [`Sheets`].
    Grade(String, Option<Sanitized>),
    /// See what its sanitizer reports. The answer: [`Sanitized`].
    Look,
}

/// A graded submission.
#[derive(Debug, Serialize, Deserialize)]
pub struct Sheets {
    /// Its verdicts.
    pub grading: Grading,
    /// A page that shows them.
    pub page: String,
}

/// Grades a program in another process, and ends all that this leaves behind.
///
/// # Errors
/// When there are no verdicts, in the words of that process; or when it broke off.
pub fn grade(
    program: &Path,
    name: &str,
    sanitized: Option<Sanitized>,
    options: &GraderOptions,
    stop: &Stop,
) -> Result<Sheets> {
    let task = Task::Grade(name.to_owned(), sanitized);
    ask(program, task, options, stop)
}

/// Finds out in another process what a program's sanitizer reports.
///
/// # Errors
/// As [`grade`].
pub fn look(program: &Path, options: &GraderOptions, stop: &Stop) -> Result<Sanitized> {
    ask(program, Task::Look, options, stop)
}

fn ask<T: DeserializeOwned>(
    program: &Path,
    task: Task,
    options: &GraderOptions,
    stop: &Stop,
) -> Result<T> {
    let errand = Errand {
        program: program.to_owned(),
        options: options.clone(),
        task,
    };
    // What that process leaves behind becomes a child of this one, and is found.
    set_child_subreaper(Some(getpid())).context("cannot adopt processes")?;
    // A short name, for in there are sockets.
    let folder = tempfile::Builder::new().prefix("g").tempdir();
    let folder = folder.context("cannot make a temporary folder")?;
    let mut asked = tempfile::tempfile().context("cannot make a temporary file")?;
    serde_json::to_writer(&asked, &errand)?;
    asked.rewind()?;
    let mut answered = tempfile::tempfile().context("cannot make a temporary file")?;
    let this = env::current_exe().context("cannot find out where this program is")?;
    let mut child = Command::new(&this)
        .arg(SUBCOMMAND)
        .env("TMPDIR", folder.path())
        .stdin(asked)
        .stdout(answered.try_clone()?)
        .spawn()
        .with_context(|| format!("cannot run {}", this.shown()))?;
    let waited = stop.wait(&child, None);
    if !matches!(waited, Ok(Waited::Ended)) {
        Stop::end(&mut child);
    }
    let status = child.wait().context("cannot wait for the grader")?;
    end_descendants();
    if let Waited::Stopped = waited.context("cannot wait for the grader")? {
        return Err(Interrupted.into());
    }
    if let Some(signal) = status.signal() {
        let name = signal_name(signal).unwrap_or("a signal without a name");
        bail!("the grader of this submission was ended by signal {signal} ({name})");
    }
    answered.rewind()?;
    read(answered)
        .with_context(|| {
            format!("the grader of this submission ended without an answer ({status})")
        })?
        .map_err(anyhow::Error::msg)
}

fn read<T: DeserializeOwned>(answered: File) -> serde_json::Result<Result<T, String>> {
    serde_json::from_reader(BufReader::new(answered).take(MOST_ANSWERED))
}

/// Does the errand that standard input says, and answers on standard output.
///
/// # Errors
/// When there is no errand, or nobody to answer.
pub fn serve() -> Result<()> {
    let errand: Errand = serde_json::from_reader(io::stdin().lock())
        .with_context(|| format!("{SUBCOMMAND} is how grade --all starts itself"))?;
    match &errand.task {
        Task::Grade(name, sanitized) => tell(|| errand.grade(name, sanitized.clone())),
        Task::Look => tell(|| Grader::new(&errand.options)?.look(&errand.program)),
    }
}

fn tell<T: Serialize>(answer: impl FnOnce() -> Result<T>) -> Result<()> {
    let answer = guarded(answer);
    serde_json::to_writer(io::stdout().lock(), &answer).context("cannot answer")
}

/// What came of a grading, even if the grader panics.
fn guarded<T>(grade: impl FnOnce() -> Result<T>) -> Result<T, String> {
    match panic::catch_unwind(AssertUnwindSafe(grade)) {
        Ok(graded) => graded.map_err(|problem| format!("{problem:#}")),
        Err(payload) => Err(format!("the grader broke off: {}", said(&*payload))),
    }
}

impl Errand {
    fn grade(&self, name: &str, sanitized: Option<Sanitized>) -> Result<Sheets> {
        let grader = Grader::new(&self.options)?;
        let graded = grader.grade(&self.program, name, sanitized)?;
        if graded.grading.interrupted.is_some() {
            return Err(Interrupted.into());
        }
        Ok(Sheets {
            page: graded.page()?,
            grading: graded.grading,
        })
    }
}

/// The words of a panic.
fn said(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it does not say why")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_answer() {
        let answer = |grade: fn() -> Result<Sheets>| guarded(grade).unwrap_err();
        assert_eq!(answer(|| bail!("no mpirun")), "no mpirun");
        assert_eq!(answer(|| panic!("why")), "the grader broke off: why");
        let counted = answer(|| panic!("{} of {}", Vec::<u8>::new().len(), 3));
        assert_eq!(counted, "the grader broke off: 0 of 3");
    }
}
