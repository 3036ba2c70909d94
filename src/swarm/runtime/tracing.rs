//! A run's trace from its start, when the clocks are compared and every thread gets its part, to its
//! end, when rank 0 makes one file of the parts. All of it is outside the protocol.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Result;
use mpi::topology::SimpleCommunicator;
use serde::{Deserialize, Serialize};

use super::assembly::Assembly;
use super::clock::{Clock, Comparison};
use super::gather;
use super::host;
use super::job::Job;
use super::recorder::Recorder;
use crate::event::Thread;
use crate::output::{self, Held, Output};
use crate::protocol::Rank;
use crate::report::Plan;
use crate::say;
use crate::shown::Shown;
use crate::trace::{ClockReport, Header, PartHeader, SCHEMA, TracePart, part_owner, part_path};

/// The most bytes of a part that go from one host to another in one message.
const CHUNK: u64 = 1 << 20;

/// What rank 0 says to the other ranks at the end.
#[derive(Serialize, Deserialize)]
enum Word {
    /// The rank is to send the next chunk of its parts.
    Next,
    /// The trace is written: a rank removes its parts.
    Written,
    /// The trace could not be written: the parts stay.
    NotWritten,
}

/// A trace that is being recorded, seen from one rank.
pub(super) struct Tracing {
    /// The file that it becomes. Only rank 0 has it.
    output: Option<Output>,
    /// Keeps other runs out of the folder, on rank 0.
    _taken: Option<Held>,
    /// This rank's parts are there.
    folder: PathBuf,
    me: Rank,
    elsewhere: Option<String>,
    /// A number that no other run's parts have.
    run: u64,
    /// On rank 0 every rank's clock, on another its own.
    clocks: Vec<ClockReport>,
    plan: Plan,
    /// Whether everything could be recorded on this rank.
    is_whole: Arc<AtomicBool>,
}

/// The recorders of a rank's threads. The tracker has one thread, and uses only the first.
#[derive(Default)]
pub(super) struct Recorders {
    /// The tracker's, or the download thread's.
    pub(super) first: Recorder,
    pub(super) upload: Recorder,
}

impl Tracing {
    /// Compares the clocks of all ranks, and begins this rank's parts in `folder`, or says why there can be
    /// none. Every rank must call this. It returns nothing on all ranks if one cannot write its parts: rank 0
    /// tells the user.
    ///
    /// # Errors
    /// When the ranks do not understand each other.
    pub(super) fn start(
        world: &SimpleCommunicator,
        folder: Result<PathBuf, String>,
        output: Option<Output>,
        plan: &Plan,
        job: &Job,
    ) -> Result<Option<(Tracing, Recorders)>> {
        let clock = Clock::start();
        let me = job.me;
        let taken = match &folder {
            Ok(folder) if me == Rank::TRACKER => take(folder).map(Some),
            Ok(_) => Ok(None),
            Err(why) => Err(why.clone()),
        };
        let (taken, cleared) = match taken {
            Ok(taken) => (taken, Ok(())),
            Err(why) => (None, Err(why)),
        };
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let run = since_1970.map_or(0, |time| time.as_nanos() as u64);
        // The others come into the folder after rank 0 has cleared it, and not if that is another run's.
        let run = match gather::share(world, || {
            cleared.as_ref().map(|()| run).map_err(Clone::clone)
        })? {
            Ok(run) => run,
            Err(why) => {
                if me == Rank::TRACKER {
                    tell(&[why]);
                }
                return Ok(None);
            }
        };
        let comparison = clock.compare(world, me, plan.clients);
        let mut tracing = Tracing {
            output,
            _taken: taken,
            folder: folder.unwrap_or_default(),
            me,
            elsewhere: job.elsewhere.clone(),
            run,
            clocks: vec![report(me, comparison)],
            plan: plan.clone(),
            is_whole: Arc::new(AtomicBool::new(true)),
        };
        let begun = cleared.and_then(|()| tracing.begin(clock.start_of_first(comparison)));
        let problem = begun.as_ref().err().cloned().unwrap_or_default();
        let mut is_refused = false;
        if me == Rank::TRACKER {
            let mut problems = vec![problem];
            for (clock, problem) in gather::receive::<(ClockReport, String)>(world)? {
                tracing.clocks.push(clock);
                problems.push(problem);
            }
            is_refused = problems.iter().any(|problem| !problem.is_empty());
            // A reader would take an older trace for this run's until that one is written.
            let output = tracing.output.as_ref().filter(|_| !is_refused);
            if let Some(Err(why)) = output.map(Output::remove) {
                is_refused = true;
                problems.push(why.to_string());
            }
            tell(&problems);
        } else {
            gather::send(world, &(&tracing.clocks[0], problem))?;
        }
        let is_refused = gather::share(world, || is_refused)?;
        match begun {
            Ok(recorders) if !is_refused => Ok(Some((tracing, recorders))),
            Ok(_) | Err(_) => {
                if !tracing.folder.as_os_str().is_empty() {
                    tracing.remove(&tracing.parts_of(me));
                }
                Ok(None)
            }
        }
    }

    /// Begins the parts of all threads of the rank, in times since `start`.
    fn begin(&self, start: Instant) -> Result<Recorders, String> {
        let folder = host::located(self.elsewhere.as_deref(), self.folder.shown());
        fs::create_dir_all(&self.folder).map_err(|error| cannot_write(&folder, &error))?;
        if self.me == Rank::TRACKER {
            Ok(Recorders {
                first: self.recorder(Thread::Tracker, start)?,
                upload: Recorder::default(),
            })
        } else {
            Ok(Recorders {
                first: self.recorder(Thread::Download, start)?,
                upload: self.recorder(Thread::Upload, start)?,
            })
        }
    }

    /// Begins the part of one thread.
    fn recorder(&self, thread: Thread, start: Instant) -> Result<Recorder, String> {
        let path = part_path(&self.folder, self.me, thread);
        let header = PartHeader {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").into(),
            run: self.run,
            rank: self.me.0,
            thread,
            plan: self.plan.clone(),
            clock: self.clocks[0].clone(),
        };
        let shown = host::located(self.elsewhere.as_deref(), path.shown());
        let begin = || {
            let mut file = File::create(&path)?;
            let mut line = serde_json::to_vec(&header)?;
            line.push(b'\n');
            file.write_all(&line)?;
            Ok(file)
        };
        match begin() {
            Ok(file) => Ok(Recorder::new(file, shown, self.me, start, &self.is_whole)),
            Err(error) => Err(cannot_write(&shown, &error)),
        }
    }

    /// Makes one file of all parts, when all threads of all ranks have ended. Every rank must call
    /// this, and rank 0 writes the file. A rank that is not heard of for `patience` ends the job.
    ///
    /// # Errors
    /// Says, in words for the user, what could not be written and why. The parts stay then.
    pub(super) fn finish(
        self,
        world: &SimpleCommunicator,
        patience: Option<Duration>,
    ) -> Result<(), String> {
        // The run has come to its end: nothing is to be done any more if this fails.
        let job = Job::new(self.me, |_, _| {}).on(self.elsewhere.clone());
        let watch = || Assembly::to("gather the trace", patience, &job);
        let is_whole = self.is_whole.load(Ordering::Relaxed);
        if self.me != Rank::TRACKER {
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
            Word::Written
        } else {
            Word::NotWritten
        };
        let _watched = watch();
        for client in Rank::clients(self.plan.clients) {
            gather::give(world, client, &word);
        }
        written
    }

    /// Rank 0's part: fetches the parts that are on other hosts, and joins all of them.
    fn join(
        &self,
        world: &SimpleCommunicator,
        watch: &dyn Fn() -> Assembly,
        is_whole: bool,
    ) -> Result<(), String> {
        let mut parts = self.parts_of(Rank::TRACKER);
        for client in Rank::clients(self.plan.clients) {
            let client_parts = self.parts_of(client);
            if self.is_elsewhere(client) && !client_parts.iter().all(|path| self.is_ours(path)) {
                for path in &client_parts {
                    let fetched = fetch(world, watch, client, path);
                    fetched.map_err(|error| cannot_write(&path.shown(), &error))?;
                }
            }
            parts.extend(client_parts);
        }
        let header = Header::new(self.plan.clone(), is_whole, self.clocks.clone());
        let output = self.output.as_ref().expect("rank 0 has it");
        output::save_trace(output, &header, &parts)
            .map_err(|why| format!("{why}; the parts are in {}", self.folder.shown()))?;
        self.remove(&parts);
        Ok(())
    }

    /// What every other rank does: sends its parts if rank 0 asks for them, and waits until it may end.
    fn serve(&self, world: &SimpleCommunicator) {
        let parts = self.parts_of(self.me);
        let mut unsent = parts.iter();
        let mut current = None;
        loop {
            match gather::take(world, Rank::TRACKER) {
                Word::Next => {
                    let part = current.take().or_else(|| File::open(unsent.next()?).ok());
                    let mut chunk = Vec::new();
                    if let Some(part) = part {
                        // A part that cannot be read ends there, as if its thread had been stopped.
                        _ = (&part).take(CHUNK).read_to_end(&mut chunk);
                        current = Some(part).filter(|_| !chunk.is_empty());
                    }
                    gather::give(world, Rank::TRACKER, &chunk);
                }
                Word::Written => {
                    if self.elsewhere.is_some() {
                        self.remove(&parts);
                    }
                    return;
                }
                Word::NotWritten => return,
            }
        }
    }

    fn parts_of(&self, rank: Rank) -> Vec<PathBuf> {
        let threads = if rank == Rank::TRACKER {
            &[Thread::Tracker][..]
        } else {
            &[Thread::Download, Thread::Upload]
        };
        (threads.iter())
            .map(|&thread| part_path(&self.folder, rank, thread))
            .collect()
    }

    fn is_elsewhere(&self, client: Rank) -> bool {
        self.clocks[client.0 as usize].host != self.clocks[0].host
    }

    /// Whether `path` is a part of this run. Those of other hosts are here as well if the hosts share
    /// the folder.
    fn is_ours(&self, path: &Path) -> bool {
        let part = TracePart::open(path);
        part.is_ok_and(|part| part.is_some_and(|part| part.header().run == self.run))
    }

    /// Removes `parts`, and their folder when it is empty. What cannot be removed stays.
    fn remove(&self, parts: &[PathBuf]) {
        for path in parts {
            _ = fs::remove_file(path);
        }
        _ = fs::remove_dir(&self.folder);
    }
}

/// Takes the folder of parts for this run, and removes the parts that an earlier run has left.
fn take(folder: &Path) -> Result<Held, String> {
    let cannot = |error: io::Error| cannot_write(&folder.shown(), &error);
    let held = Held::take(folder).map_err(cannot)?.ok_or_else(|| {
        let folder = folder.shown();
        format!("{folder} belongs to a run that goes on: name another --trace")
    })?;
    empty(folder).map_err(cannot)?;
    Ok(held)
}

/// Removes the parts that an earlier run has left.
fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if part_owner(&entry.file_name()).is_some() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn cannot_write(shown: &str, error: &io::Error) -> String {
    format!("cannot write {shown}: {error}")
}

/// Tells the user the problem of each rank, in rank order, and the same problem only once. An empty text
/// is none.
fn tell(problems: &[String]) {
    let mut told: BTreeSet<&str> = BTreeSet::from([""]);
    for (rank, problem) in problems.iter().enumerate() {
        if told.insert(problem) {
            say::problem(format_args!("bittorrent: rank {rank}: {problem}"));
        }
    }
}

fn report(rank: Rank, comparison: Comparison) -> ClockReport {
    ClockReport {
        rank: rank.0,
        host: host::this(),
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
    // If it existed here, the hosts would share the folder, and it would be the part that is being sent.
    let mut file = File::create_new(path)?;
    loop {
        let _watched = watch();
        gather::give(world, from, &Word::Next);
        let chunk: Vec<u8> = gather::take(world, from);
        if chunk.is_empty() {
            return Ok(());
        }
        file.write_all(&chunk)?;
    }
}
