//! A run's trace from its start, when the clocks are compared and every thread gets its part, to its
//! end, when rank 0 makes one file of the parts. All of it is outside the protocol.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::Result;
use mpi::topology::SimpleCommunicator;

use super::assembly::Assembly;
use super::clock::{Clock, Comparison};
use super::host::{self, Host};
use super::recorder::Recorder;
use super::{Job, gather, output};
use crate::protocol::Rank;
use crate::report::Plan;
use crate::trace::{
    ClockReport, Header, Part, PartHeader, SCHEMA, Thread, part_owner, part_path, parts_folder,
};

/// So much of a part goes from one host to another at a time.
const CHUNK: u64 = 1 << 20;

/// What rank 0 tells a rank at the end: to send the next chunk of what it is sending,
const NEXT: u8 = 0;
/// that the trace is written, and the parts are to go,
const WRITTEN: u8 = 1;
/// or that it is not, and the parts are to stay.
const NOT_WRITTEN: u8 = 2;

/// A trace that is being recorded, seen from one rank.
pub(super) struct Tracing {
    /// The file that it becomes.
    path: PathBuf,
    /// Where this rank's parts are.
    folder: PathBuf,
    job: Job,
    /// A number that no other run's parts have.
    run: u64,
    /// Every rank's clock, on rank 0.
    clocks: Vec<ClockReport>,
    plan: Plan,
    /// Whether everything could be recorded on this rank.
    is_whole: Arc<AtomicBool>,
}

/// The recorders of a rank's threads: of the tracker only the first is used.
#[derive(Default)]
pub(super) struct Recorders {
    /// The tracker's, or the download thread's.
    pub(super) first: Recorder,
    pub(super) upload: Recorder,
}

impl Tracing {
    /// Compares the clocks of all ranks, which must all do so, and begins this rank's parts.
    ///
    /// # Errors
    /// Says, for the user, what cannot be written and why.
    pub(super) fn start(
        world: &SimpleCommunicator,
        path: &Path,
        plan: &Plan,
        job: &Job,
        host: &Host,
    ) -> Result<(Tracing, Recorders), String> {
        let clock = Clock::start();
        let folder = parts_folder(path);
        let elsewhere = job.elsewhere.clone();
        let located = |path: &Path| host::located(elsewhere.as_ref(), path.display());
        let mut begun = Ok(());
        if job.me == Rank::TRACKER {
            begun = clear(path).and_then(|()| empty(&folder));
        }
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let run = since_1970.map_or(0, |time| time.as_nanos() as u64);
        // The others come into the folder after rank 0 has cleared it.
        let [run] = gather::share(world, [run]);
        let comparison = clock.compare(world, job.me, plan.clients);
        let mine = report(job.me, host, comparison);
        let mut clocks = vec![mine.clone()];
        let gathered = if job.me == Rank::TRACKER {
            gather::receive(world).map(|others: Vec<_>| clocks.extend(others))
        } else {
            gather::send(world, &mine)
        };
        gathered.map_err(|error| format!("{error:#}"))?;
        begun?;
        fs::create_dir_all(&folder).map_err(|error| cannot_write(&located(&folder), &error))?;

        let is_whole = Arc::new(AtomicBool::new(true));
        let start = clock.start_of_first(comparison);
        let recorder = |thread| {
            let path = part_path(&folder, job.me, thread);
            let header = PartHeader {
                schema: SCHEMA,
                version: env!("CARGO_PKG_VERSION").into(),
                run,
                rank: job.me.0,
                thread,
                settings: plan.into(),
                clock: mine.clone(),
            };
            let shown = located(&path);
            match begin(&path, &header) {
                Ok(file) => Ok(Recorder::new(file, shown, job.me, start, &is_whole)),
                Err(error) => Err(cannot_write(&shown, &error)),
            }
        };
        let recorders = if job.me == Rank::TRACKER {
            Recorders {
                first: recorder(Thread::Tracker)?,
                upload: Recorder::default(),
            }
        } else {
            Recorders {
                first: recorder(Thread::Download)?,
                upload: recorder(Thread::Upload)?,
            }
        };
        let tracing = Tracing {
            path: path.into(),
            folder,
            // When this is over, the run has come to its end, and nothing more is done if it fails.
            job: Job::new(job.me, |_, _| {}).on(elsewhere.clone()),
            run,
            clocks,
            plan: plan.clone(),
            is_whole,
        };
        Ok((tracing, recorders))
    }

    /// Makes one file of all parts, when all threads of all ranks have ended. Every rank must do so,
    /// and rank 0 writes it. A rank that is not heard of for as long as `patience` ends the job.
    ///
    /// # Errors
    /// Says, for the user, what could not be written and why. The parts stay then.
    pub(super) fn finish(
        self,
        world: &SimpleCommunicator,
        patience: Option<Duration>,
    ) -> Result<(), String> {
        let watch = || Assembly::to("gather the trace", patience, &self.job);
        let is_whole = self.is_whole.load(Ordering::Relaxed);
        if self.job.me != Rank::TRACKER {
            let sent = gather::send(world, &is_whole);
            sent.map_err(|error| format!("{error:#}"))?;
            self.serve(world);
            return Ok(());
        }
        let watched = watch();
        let gathered = gather::receive(world).map_err(|error| format!("{error:#}"));
        drop(watched);
        let written = gathered.and_then(|others: Vec<bool>| {
            let is_whole = is_whole && others.into_iter().all(|is_whole| is_whole);
            self.join(world, &watch, is_whole)
        });
        let word = if written.is_ok() {
            WRITTEN
        } else {
            NOT_WRITTEN
        };
        let _watched = watch();
        for client in Rank::clients(self.plan.clients) {
            gather::give(world, client, &[word]);
        }
        written
    }

    /// Rank 0's part: fetches what is on other hosts, and joins it all.
    fn join(
        &self,
        world: &SimpleCommunicator,
        watch: &dyn Fn() -> Assembly,
        is_whole: bool,
    ) -> Result<(), String> {
        let mut parts = vec![part_path(&self.folder, Rank::TRACKER, Thread::Tracker)];
        for client in Rank::clients(self.plan.clients) {
            let client_parts = self.parts_of(client);
            if self.is_elsewhere(client) && !client_parts.iter().all(|path| self.is_ours(path)) {
                for path in &client_parts {
                    let fetched = fetch(world, watch, client, path);
                    fetched.map_err(|error| cannot_write(&path.display().to_string(), &error))?;
                }
            }
            parts.extend(client_parts);
        }
        let header = Header {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").into(),
            settings: (&self.plan).into(),
            clients: self.plan.clients,
            complete: is_whole,
            clocks: self.clocks.clone(),
        };
        output::save_trace(&self.path, &header, &parts)?;
        self.remove(&parts);
        Ok(())
    }

    /// The part of any other rank: sends its parts if it is asked to, and waits until it may end.
    fn serve(&self, world: &SimpleCommunicator) {
        let parts = self.parts_of(self.job.me);
        let mut unsent = parts.iter();
        let mut current = None;
        loop {
            match gather::take(world, Rank::TRACKER)[..] {
                [NEXT] => {
                    let part = current.take().or_else(|| File::open(unsent.next()?).ok());
                    let mut chunk = Vec::new();
                    if let Some(part) = part {
                        // One that cannot be read ends there, as if its thread had been stopped.
                        _ = (&part).take(CHUNK).read_to_end(&mut chunk);
                        current = Some(part).filter(|_| !chunk.is_empty());
                    }
                    gather::give(world, Rank::TRACKER, &chunk);
                }
                [WRITTEN] => {
                    if self.job.elsewhere.is_some() {
                        self.remove(&parts);
                    }
                    return;
                }
                _ => return,
            }
        }
    }

    fn parts_of(&self, client: Rank) -> [PathBuf; 2] {
        [Thread::Download, Thread::Upload].map(|thread| part_path(&self.folder, client, thread))
    }

    fn is_elsewhere(&self, client: Rank) -> bool {
        self.clocks[client.0 as usize].host != self.clocks[0].host
    }

    /// Whether this is one of this run's parts: another host's are there where it shares the folder.
    fn is_ours(&self, path: &Path) -> bool {
        let part = Part::open(path);
        part.is_ok_and(|part| part.is_some_and(|part| part.header().run == self.run))
    }

    /// Removes parts, and their folder when it is empty. What cannot be removed stays.
    fn remove(&self, parts: &[PathBuf]) {
        for path in parts {
            _ = fs::remove_file(path);
        }
        _ = fs::remove_dir(&self.folder);
    }
}

/// Removes an earlier run's trace, which would be taken for this one's until that is written.
fn clear(path: &Path) -> Result<(), String> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(cannot_write(&path.display().to_string(), &error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Removes the parts that an earlier run has left.
fn empty(folder: &Path) -> Result<(), String> {
    let removed = fs::create_dir_all(folder).and_then(|()| {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if part_owner(&entry.file_name()).is_some() {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    });
    removed.map_err(|error| cannot_write(&folder.display().to_string(), &error))
}

fn cannot_write(shown: &str, error: &io::Error) -> String {
    format!("cannot write {shown}: {error}")
}

fn begin(path: &Path, header: &PartHeader) -> io::Result<File> {
    let mut file = File::create(path)?;
    let mut line = serde_json::to_vec(header)?;
    line.push(b'\n');
    file.write_all(&line)?;
    Ok(file)
}

fn report(rank: Rank, host: &Host, comparison: Comparison) -> ClockReport {
    ClockReport {
        rank: rank.0,
        host: host.to_string(),
        offset: comparison.offset as f64 / 1e9,
        uncertainty: Duration::from_nanos(comparison.uncertainty).as_secs_f64(),
    }
}

/// Takes a part of a rank on another host, chunk by chunk, and writes it here.
fn fetch(
    world: &SimpleCommunicator,
    watch: &dyn Fn() -> Assembly,
    from: Rank,
    path: &Path,
) -> io::Result<()> {
    // Were it there, it would be the one that is being sent.
    let mut file = File::create_new(path)?;
    loop {
        let _watched = watch();
        gather::give(world, from, &[NEXT]);
        let chunk = gather::take(world, from);
        if chunk.is_empty() {
            return Ok(());
        }
        file.write_all(&chunk)?;
    }
}
