//! `make build` in a copy of a submission, and the program that it makes.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use super::{OF_MACOS, files};
use crate::runs::stop::{Stop, Waited};
use swarm::signals::Interrupted;

/// How much of what make says is read, in bytes.
const MOST_SAID: u64 = 1 << 16;

/// The largest file that make may write, in blocks of 512 bytes: 256 MiB.
const MOST_WRITTEN: u32 = 1 << 19;

/// A program that was built. Its file is deleted with this value.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) folder: TempDir,
    pub(super) program: PathBuf,
}

/// Builds a submission, with what is to be added to the environment.
///
/// # Errors
/// Says why there is no program, with the first error that the compiler has found.
pub(super) fn build(
    submission: &Path,
    variables: &[(&str, OsString)],
    time_limit: Duration,
    stop: &Stop,
) -> Result<Built> {
    let folder = tempfile::tempdir().context("cannot create a temporary folder")?;
    files::copy(submission, folder.path())?;
    let at = makefile(folder.path())?;
    let made = make(&at, &["build"], variables, time_limit, stop)?;
    if !made.is_good {
        let shown = folder.path().to_string_lossy().into_owned();
        bail!(
            "it does not build: {}",
            first_error(&made.said).replace(&shown, ".")
        );
    }
    let programs = files::programs(folder.path()).context("cannot look for the program")?;
    let program = match &programs[..] {
        [] => bail!("make build makes no program"),
        [program] => program.clone(),
        several => {
            let run = make(&at, &["-n", "run"], variables, time_limit, stop)?;
            meant(several, &run, &at)?
        }
    };
    Ok(Built { folder, program })
}

/// The folder of the makefile: that of the submission, or `src` in it. Archives often have all in one more
/// folder: so a lone folder is looked into.
fn makefile(folder: &Path) -> Result<PathBuf> {
    let has_one = |folder: &PathBuf| {
        let names = ["GNUmakefile", "makefile", "Makefile"];
        names.iter().any(|name| folder.join(name).is_file())
    };
    let mut at = folder.to_owned();
    loop {
        if let Some(found) = [at.clone(), at.join("src")].into_iter().find(has_one) {
            let is_inside = found.canonicalize()?.starts_with(folder.canonicalize()?);
            ensure!(is_inside, "its Makefile is in a folder outside of it");
            return Ok(found);
        }
        match &folders(&at).context("cannot look for the Makefile")?[..] {
            [lone] => at = lone.clone(),
            _ => bail!("expected a Makefile in its folder or in src, found none"),
        }
    }
}

/// The folders in a folder, but for hidden ones, links, and that of macOS.
fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_meant = name != OF_MACOS && !name.as_encoded_bytes().starts_with(b".");
        if is_meant && entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}

/// What make did.
struct Made {
    is_good: bool,
    said: String,
}

fn make(
    folder: &Path,
    words: &[&str],
    variables: &[(&str, OsString)],
    time_limit: Duration,
    stop: &Stop,
) -> Result<Made> {
    let said = tempfile::tempfile().context("cannot create a temporary file")?;
    // The shell, because it can set the limit for what it starts.
    let limited = format!("ulimit -f {MOST_WRITTEN} && exec make \"$@\"");
    let mut command = Command::new("sh");
    command
        .args(["-c", &limited, "make"])
        .args(words)
        .current_dir(folder)
        .env("LC_ALL", "C")
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(said.try_clone()?)
        .stderr(said.try_clone()?)
        .process_group(0);
    for of_another_make in ["MAKEFLAGS", "MFLAGS", "MAKELEVEL"] {
        command.env_remove(of_another_make);
    }
    let mut child = command.spawn().context("cannot start make")?;
    let waited = stop.wait(&child, Some(time_limit));
    // Before `wait`: until then nothing else gets its number.
    let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    let status = child.wait().context("cannot wait for make")?;
    match waited? {
        Waited::Ended => {}
        Waited::Stopped => return Err(Interrupted.into()),
        Waited::OverTime => {
            let shown = humantime::format_duration(time_limit);
            bail!(
                "it does not build: make {} takes longer than {shown}",
                words.join(" ")
            );
        }
    }
    Ok(Made {
        is_good: status.success(),
        said: beginning(said).context("cannot read what make says")?,
    })
}

fn beginning(mut file: File) -> io::Result<String> {
    let mut said = Vec::new();
    file.rewind()?;
    file.take(MOST_SAID).read_to_end(&mut said)?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// The line that says most: the first error of the compiler, the linker or the shell, or else of make.
fn first_error(said: &str) -> &str {
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    let compilers = [
        "error:",
        "undefined reference",
        "cannot find",
        "not found",
        "No such file",
    ];
    let is_compilers = |line: &&str| compilers.iter().any(|words| line.contains(words));
    let is_makes = |line: &&str| line.contains("***");
    let line = lines()
        .find(is_compilers)
        .or_else(|| lines().find(is_makes));
    let line = line.or_else(|| lines().next());
    line.unwrap_or("make build fails and says nothing")
}

/// The one of several programs that the target `run` starts.
fn meant(programs: &[PathBuf], run: &Made, folder: &Path) -> Result<PathBuf> {
    let named = |line: &str| {
        let words: Vec<PathBuf> = line
            .split_whitespace()
            .map(|word| folder.join(word))
            .collect();
        let named = programs.iter().filter(|program| words.contains(program));
        named.cloned().collect::<Vec<_>>()
    };
    // Its own lines come behind those of what it depends on.
    let mut lines = run.said.lines().rev().map(named);
    let named = lines
        .find(|named| !named.is_empty())
        .filter(|_| run.is_good);
    match named.as_deref() {
        Some([program]) => Ok(program.clone()),
        _ => {
            let names = programs.iter().map(|program| {
                let name = program.file_name().unwrap_or_default();
                name.to_string_lossy().into_owned()
            });
            let names = names.collect::<Vec<_>>().join(", ");
            bail!(
                "make build makes several programs ({names}), and no target 'run' starts one of them"
            )
        }
    }
}
