//! What a thread does, written to its part of the trace as it goes.
//!
//! A record is the message's bytes behind a short head, copied into a buffer. The buffer goes to the
//! file when it is full, when it is old, and when its thread finds nothing to do: so a run that hangs
//! or is killed leaves nearly all that happened.

use std::fs::File;
use std::io::Write;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::event::Deed;
use crate::protocol::{Rank, Tag};
use crate::say;
use crate::trace::record::{self, DeedKind, Head};

/// The most bytes that wait for the file. They fit into a core's own cache.
const CAPACITY: usize = 1 << 15;

/// The longest time that they wait while more come.
const LONGEST: Duration = Duration::from_millis(250);

/// One thread's recorder, if the run is traced.
#[derive(Default)]
pub struct Recorder(Option<Box<Tape>>);

struct Tape {
    /// When rank 0's clock started.
    start: Instant,
    file: File,
    /// The file's, for the user.
    path: String,
    me: Rank,
    buffer: Vec<u8>,
    /// The time of the first record in the buffer.
    oldest: Duration,
    /// Whether everything that the threads of this rank recorded was written.
    is_whole: Arc<AtomicBool>,
}

impl Recorder {
    /// Appends to `file`, in times since `start`. If that fails, the user hears that `path` cannot be
    /// written, nothing more is recorded, and `is_whole` becomes false.
    pub(super) fn new(
        file: File,
        path: String,
        me: Rank,
        start: Instant,
        is_whole: &Arc<AtomicBool>,
    ) -> Recorder {
        Recorder(Some(Box::new(Tape {
            start,
            file,
            path,
            me,
            buffer: Vec::with_capacity(CAPACITY),
            oldest: Duration::ZERO,
            is_whole: Arc::clone(is_whole),
        })))
    }

    /// Whether anything is recorded.
    pub(super) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// A message is being posted.
    pub(super) fn posted(&mut self, to: Rank, tag: Tag, bytes: &[u8]) {
        self.record(|tape| tape.message(DeedKind::Posted, to, tag.number(), bytes));
    }

    /// A message was taken.
    pub(super) fn taken(&mut self, from: Rank, tag: Tag, bytes: &[u8]) {
        self.record(|tape| tape.message(DeedKind::Taken, from, tag.number(), bytes));
    }

    /// Something else was just done. Its time must not be before the deed, because the rules hold the
    /// other thread of the rank to it.
    pub(super) fn did(&mut self, deed: &Deed) {
        self.record(|tape| {
            let now = tape.start.elapsed();
            record::append(&mut tape.buffer, now, deed);
            tape.age(now)
        });
    }

    /// Writes the buffer to the file.
    pub(super) fn flush(&mut self) {
        self.record(Tape::flush);
    }

    /// Records no more when `write` says that something could not be written.
    fn record(&mut self, write: impl FnOnce(&mut Tape) -> bool) {
        if let Some(tape) = &mut self.0
            && !write(tape)
        {
            self.0 = None;
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Every method returns whether everything could be written.
impl Tape {
    fn message(&mut self, kind: DeedKind, other: Rank, tag: i32, bytes: &[u8]) -> bool {
        let now = self.start.elapsed();
        let head = Head::new(now, kind, other, tag, bytes).to_bytes();
        if self.buffer.len() + head.len() + bytes.len() > CAPACITY && !self.flush() {
            return false;
        }
        self.buffer.extend_from_slice(&head);
        if bytes.len() > CAPACITY {
            return self.flush() && self.write(bytes);
        }
        self.buffer.extend_from_slice(bytes);
        self.age(now)
    }

    /// Writes the buffer if it is old, now that something was recorded at `now`.
    fn age(&mut self, now: Duration) -> bool {
        now.saturating_sub(self.oldest) < LONGEST || {
            self.oldest = now;
            self.flush()
        }
    }

    fn flush(&mut self) -> bool {
        let buffer = mem::take(&mut self.buffer);
        let is_written = buffer.is_empty() || self.write(&buffer);
        self.buffer = buffer;
        self.buffer.clear();
        is_written
    }

    fn write(&mut self, bytes: &[u8]) -> bool {
        let written = self.file.write_all(bytes);
        if let Err(error) = &written {
            let Tape { path, me, .. } = self;
            say::problem(format_args!(
                "warning: rank {me} stops recording: cannot write {path}: {error}"
            ));
            self.is_whole.store(false, Ordering::Relaxed);
        }
        written.is_ok()
    }
}
