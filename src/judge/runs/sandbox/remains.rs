//! What a run leaves: what it printed, how its ranks ended, and its outputs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, PipeReader, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustix::fs::OFlags;
use rustix::io::Errno;
use swarm::protocol::Rank;

use super::MOST_OUTPUT;
use super::processes::LINGERING;
use crate::seen::finding::Finding;
use crate::seen::run::RankEnd;

/// The most bytes of what is printed that are kept.
const MOST_PRINTED: usize = 64 << 10;

/// The most bytes of a rank's end that are read: a number.
const MOST_OF_END: u64 = 16;

/// The most files that are looked at besides those that are expected.
const MOST_FILES: usize = 10_000;

/// The most bytes of a sanitizer's report that are read.
const MOST_REPORTED: u64 = 64 << 10;

/// How ranks ended that wrote it down.
pub(super) type RankEnds = BTreeMap<Rank, RankEnd>;

/// What a run prints, as it comes.
pub(super) struct Printed {
    kept: Arc<Mutex<Vec<u8>>>,
    /// Closed when nobody can print any more.
    end: Receiver<()>,
}

impl Printed {
    /// Keeps the beginning of what is printed. The rest is read as well, so that nobody waits for it.
    pub(super) fn new(mut printed: PipeReader) -> Printed {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let (sender, end) = mpsc::channel();
        let keeper = Arc::clone(&kept);
        thread::spawn(move || {
            let _sender = sender;
            let mut part = [0; 8 << 10];
            while let Ok(length @ 1..) = printed.read(&mut part) {
                let mut kept = keeper.lock().unwrap_or_else(PoisonError::into_inner);
                let room = MOST_PRINTED - kept.len();
                kept.extend(&part[..length.min(room)]);
            }
        });
        Printed { kept, end }
    }

    /// All that was kept once the run is over. It does not wait for a process that could not be ended.
    pub(super) fn text(self) -> String {
        let _ = self.end.recv_timeout(LINGERING); // it is closed, or too late
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).into_owned()
    }
}

/// How ranks ended that wrote it down. The program may have put anything in the place of that.
pub(super) fn rank_ends(record: &Path, ranks: usize) -> RankEnds {
    let end = |rank: Rank| {
        let bytes = read(&record.join(format!("end{rank}")), MOST_OF_END).ok()??;
        let status: i32 = str::from_utf8(&bytes).ok()?.trim().parse().ok()?;
        // As a shell has it.
        Some(match status {
            129..=192 => RankEnd::Signal(status - 128),
            status => RankEnd::Status(status),
        })
    };
    let ranks = (0..).map(Rank).take(ranks);
    ranks.filter_map(|rank| Some((rank, end(rank)?))).collect()
}

/// Without those that mpirun has ended because of another one.
pub(super) fn culprits(mut ends: RankEnds) -> RankEnds {
    let is_victim = |end: &RankEnd| matches!(end, RankEnd::Signal(9 | 15));
    if ends
        .values()
        .any(|end| !is_victim(end) && *end != RankEnd::Status(0))
    {
        ends.retain(|_, end| !is_victim(end));
    }
    ends
}

/// The files that were not there before: those with an expected name, and as many others as there is room for. A name with
/// a dot in front is one of ours.
///
/// # Errors
/// When something cannot be read, and that is not what the program has made of it.
pub(super) fn outputs(
    folder: &Path,
    expected: &BTreeSet<String>,
) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut outputs = BTreeMap::new();
    let mut room = MOST_OUTPUT;
    let mut add = |name: String| {
        if let Some(bytes) = read(&folder.join(&name), room)? {
            room -= bytes.len() as u64;
            outputs.insert(name, bytes);
        }
        io::Result::Ok(())
    };
    expected.iter().cloned().try_for_each(&mut add)?;
    for name in names(folder)? {
        let is_input = swarm::inputs::number(&name, "in", ".txt").is_some();
        if !name.starts_with('.') && !is_input && !expected.contains(&name) {
            add(name)?;
        }
    }
    Ok(outputs)
}

/// What sanitizers report of each rank in this folder, in files such as `report3.PROCESS`.
///
/// # Errors
/// When something cannot be read, and that is not what the program has made of it.
pub(super) fn findings(folder: &Path) -> io::Result<BTreeMap<Rank, Finding>> {
    let mut findings = BTreeMap::new();
    for name in names(folder)? {
        let of_rank = name
            .strip_prefix("report")
            .and_then(|it| it.split_once('.'));
        let Some(rank) = of_rank.and_then(|(rank, _)| rank.parse().ok()) else {
            continue;
        };
        let report = read(&folder.join(&name), MOST_REPORTED)?.unwrap_or_default();
        let finding = Finding::read(&String::from_utf8_lossy(&report));
        findings.extend(finding.map(|finding| (Rank(rank), finding)));
    }
    Ok(findings)
}

/// The names in a folder, or some of them. None if the program has put something else in its place.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let is_there = fs::symlink_metadata(folder).is_ok_and(|it| it.is_dir());
    let entries = match is_there.then(|| fs::read_dir(folder)).transpose() {
        Err(error) if is_made(&error) => None,
        entries => entries?,
    };
    let entries = entries.into_iter().flatten().take(MOST_FILES);
    entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}

/// The first bytes of a file. `None` if there is none that can be read: a link could be to anything, and a pipe has no
/// end.
fn read(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = File::options();
    options.read(true).custom_flags(flags.bits() as i32);
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if is_made(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Whether a program can bring about this error by what it puts in a place.
fn is_made(error: &io::Error) -> bool {
    Errno::from_io_error(error).is_some_and(|error| {
        [
            Errno::ACCESS,
            Errno::LOOP,
            Errno::NAMETOOLONG,
            Errno::NOENT,
            Errno::NOTDIR,
            Errno::NXIO,
        ]
        .contains(&error)
    })
}

/// The folder of a run. It is removed with this value, whatever the program has put there.
pub(super) struct RunFolder(pub(super) PathBuf);

impl RunFolder {
    /// # Errors
    /// When it cannot be made.
    pub(super) fn new() -> io::Result<RunFolder> {
        let folder = tempfile::Builder::new().prefix("grade").tempdir()?;
        // The path of a socket is to be short, and no link.
        let path = folder.path().canonicalize()?;
        let _ = folder.keep(); // it is removed here
        Ok(RunFolder(path))
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        // A tree may be deeper than there are descriptors, which rm can do and Rust's library cannot.
        let run = |words: &[&str]| {
            let mut command = Command::new(words[0]);
            command.args(&words[1..]).arg(&self.0);
            let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
            let status = quiet.stderr(Stdio::null()).status();
            status.is_ok_and(|status| status.success())
        };
        if !run(&["rm", "-rf", "--"]) {
            run(&["chmod", "-R", "u+rwX", "--"]);
            run(&["rm", "-rf", "--"]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    /// What is no regular file, each under a name of its own.
    fn make_odd_files(folder: &Path, name: impl Fn(usize) -> String) {
        let path = |number| folder.join(name(number));
        let made = Command::new("mkfifo").arg(path(0)).status().unwrap();
        assert!(made.success());
        symlink("/dev/zero", path(1)).unwrap();
        symlink(path(2), path(2)).unwrap();
        fs::create_dir(path(3)).unwrap();
        drop(UnixListener::bind(path(4)).unwrap());
    }

    #[test]
    fn only_what_a_rank_wrote_of_its_end_is_believed() {
        let folder = tempfile::tempdir().unwrap();
        make_odd_files(folder.path(), |number| format!("end{number}"));
        let endless = File::create(folder.path().join("end5")).unwrap();
        endless.set_len(200 << 30).unwrap();
        fs::write(folder.path().join("end6"), "139\n").unwrap();
        fs::write(folder.path().join("end7"), b"\xff").unwrap();
        let ends = RankEnds::from([(Rank(6), RankEnd::Signal(11))]);
        assert_eq!(rank_ends(folder.path(), 9), ends);
    }

    /// mpirun may tell all ranks to end as soon as one has.
    #[test]
    fn a_rank_that_has_ended_writes_that_down_even_if_it_is_told_to_end_and_one_that_ends_over_it_does_not()
     {
        let ended = |does: &str| {
            let folder = tempfile::tempdir().unwrap();
            let script = folder.path().join("rank.sh");
            fs::write(&script, include_str!("../rank.sh")).unwrap();
            let mut rank = Command::new("sh");
            rank.arg(script).arg(folder.path());
            rank.args([
                "unlimited",
                "1000000",
                "4096",
                "0",
                "",
                "",
                "sh",
                "-c",
                does,
            ]);
            rank.status().unwrap();
            rank_ends(folder.path(), 1)
        };
        let with = |end| RankEnds::from([(Rank(0), end)]);
        assert_eq!(ended("kill -TERM $PPID; exit 3"), with(RankEnd::Status(3)));
        assert_eq!(ended("kill -TERM $PPID; kill -TERM $$"), RankEnds::new());
        assert_eq!(ended("kill -TERM $$"), with(RankEnd::Signal(15)));
    }

    #[test]
    fn expected_outputs_are_read_whatever_else_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        make_odd_files(folder.path(), |number| format!("client{number}_x"));
        for name in ["a", "z"] {
            File::create(path(name))
                .unwrap()
                .set_len(200 << 30)
                .unwrap();
        }
        for name in [".hidden", "in1.txt", "client9_file"] {
            fs::write(path(name), "text\n").unwrap();
        }
        let expected = BTreeSet::from(["client9_file".to_owned(), "client1_x".to_owned()]);
        let outputs = outputs(folder.path(), &expected).unwrap();
        assert_eq!(outputs["client9_file"], b"text\n");
        let names: Vec<&String> = outputs.keys().collect();
        assert_eq!(names, ["a", "client9_file", "z"]);
        let read: usize = outputs.values().map(Vec::len).sum();
        assert_eq!(read as u64, MOST_OUTPUT);
    }

    #[test]
    fn a_folder_that_is_gone_or_another_has_no_outputs() {
        let folder = tempfile::tempdir().unwrap();
        let nothing = BTreeMap::new();
        let found = |name: &str| outputs(&folder.path().join(name), &BTreeSet::new()).unwrap();
        assert_eq!(found("gone"), nothing);
        symlink("/etc", folder.path().join("link")).unwrap();
        assert_eq!(found("link"), nothing);
    }

    #[test]
    fn what_a_run_printed_is_not_waited_for_without_end() {
        let (reader, mut writer) = io::pipe().unwrap();
        let printed = Printed::new(reader);
        io::Write::write_all(&mut writer, &vec![b'x'; 2 * MOST_PRINTED]).unwrap();
        assert_eq!(printed.text().len(), MOST_PRINTED);
    }

    #[test]
    fn reports_are_files_that_name_their_rank_and_are_read_to_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let report = "tema2.c:9:5: runtime error: division by zero\n";
        write("report1.77", report);
        write(
            "report2.78",
            &format!("{}\n{report}", "x".repeat(MOST_REPORTED as usize)),
        );
        for name in ["report.79", "report4", "reportx.80", "other3.81"] {
            write(name, report);
        }
        symlink("report1.77", folder.path().join("report5.82")).unwrap();
        fs::create_dir(folder.path().join("report6.83")).unwrap();
        let found: Vec<String> = (findings(folder.path()).unwrap().into_iter())
            .map(|(rank, finding)| format!("{rank}: {finding}"))
            .collect();
        let expected = "1: UndefinedBehaviorSanitizer: division by zero at tema2.c:9";
        assert_eq!(found, [expected]);
    }
}
