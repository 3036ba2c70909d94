//! What is counted on the way, for the report. Nothing is decided by it.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{AddAssign, Deref, DerefMut};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::protocol::{FileName, Rank, Tag};

/// What a client has counted by the end of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ClientStatistics {
    /// The files that it held from the start.
    pub owned: Vec<FileName>,
    /// The files that it joined the swarm of, in the order of its input.
    pub downloads: Vec<FileDownload>,
    /// What it was asked for.
    pub service: Service,
    /// What it sent.
    pub sent: Traffic,
}

/// One client's download of one file. Times are the client's own: since its INIT_ACK.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDownload {
    /// The file.
    pub name: FileName,
    /// How many segments it has.
    pub segments: usize,
    /// The first SWARM_REQUEST.
    pub begun: Duration,
    /// When 95 % of the segments were there.
    pub nearly_done: Option<Duration>,
    /// When the latest segment was verified; for an empty file, when its length was known.
    pub latest: Duration,
    /// Whether that was the last one.
    pub complete: bool,
    /// How many segments each member sent, wrong ones left out.
    pub sources: BTreeMap<Rank, u64>,
}

impl FileDownload {
    /// A file that was asked for at one time, and whose length was heard of at another.
    pub fn begin(name: FileName, segments: usize, begun: Duration, now: Duration) -> FileDownload {
        FileDownload {
            name,
            segments,
            begun,
            nearly_done: None,
            latest: now,
            complete: segments == 0,
            sources: BTreeMap::new(),
        }
    }

    /// A segment was verified; so many are lacking now.
    pub fn gained(&mut self, now: Duration, from: Rank, lacking: usize) {
        *self.sources.entry(from).or_default() += 1;
        self.latest = now;
        self.complete = lacking == 0;
        if lacking <= self.segments / 20 {
            self.nearly_done.get_or_insert(now);
        }
    }
}

/// What a client's upload half did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Service {
    /// Requests that it answered by ACK.
    pub served: u64,
    /// Requests that it answered by NACK.
    pub refused: u64,
    /// Requests that came when all upload slots were taken.
    pub busy: u64,
}

/// Messages that were sent, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Traffic([Volume; Tag::ALL.len()]);

/// Messages of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Volume {
    /// How many.
    pub messages: u64,
    /// Their length together, without what MPI adds.
    pub bytes: u64,
}

impl Traffic {
    /// Counts a message of so many bytes.
    pub fn count(&mut self, tag: Tag, bytes: usize) {
        let volume = &mut self.0[tag as usize];
        volume.messages += 1;
        volume.bytes += bytes as u64;
    }

    /// What was sent of a kind.
    pub fn of(&self, tag: Tag) -> Volume {
        self.0[tag as usize]
    }

    /// What was sent of all the kinds that `is` accepts.
    pub fn sum(&self, is: impl Fn(Tag) -> bool) -> Volume {
        let mut sum = Volume::default();
        for tag in Tag::ALL.into_iter().filter(|&tag| is(tag)) {
            sum += self.of(tag);
        }
        sum
    }
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, other: Traffic) {
        self.0
            .iter_mut()
            .zip(other.0)
            .for_each(|(sum, volume)| *sum += volume);
    }
}

impl AddAssign for Volume {
    fn add_assign(&mut self, other: Volume) {
        self.messages += other.messages;
        self.bytes += other.bytes;
    }
}

/// From the first SWARM_REQUEST of anybody to the last FILE_COMPLETE of anybody, as the tracker
/// hears of them, on its clock alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Makespan {
    begun: Option<Duration>,
    ended: Option<Duration>,
}

impl Makespan {
    /// The tracker has taken a message.
    pub fn heard(&mut self, now: Duration, tag: Tag) {
        if tag == Tag::SwarmRequest {
            self.begun.get_or_insert(now);
        }
        if tag == Tag::FileComplete {
            self.ended = Some(now);
        }
    }

    /// How long it took, if a file was completed at all.
    pub fn length(&self) -> Option<Duration> {
        Some(self.ended? - self.begun?)
    }
}

/// Something kept for the report inside a state machine. It does not show in the machine's `Debug`
/// output: states that differ in nothing else are the same state.
#[derive(Clone, Default)]
pub struct Recorded<T>(pub T);

impl<T> Deref for Recorded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Recorded<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> fmt::Debug for Recorded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("recorded")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::samples::name;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_download_is_nearly_done_when_the_last_twentieth_is_lacking() {
        let mut file = FileDownload::begin(name("f"), 40, seconds(1), seconds(2));
        for gained in 1..=40 {
            file.gained(seconds(10 + gained), Rank(3), 40 - gained as usize);
            assert_eq!(file.complete, gained == 40);
        }
        assert_eq!(file.nearly_done, Some(seconds(48)));
        assert_eq!((file.begun, file.latest), (seconds(1), seconds(50)));
        assert_eq!(file.sources, BTreeMap::from([(Rank(3), 40)]));
    }

    #[test]
    fn traffic_adds_up_by_kind() {
        let mut traffic = Traffic::default();
        traffic.count(Tag::Stop, 1);
        traffic.count(Tag::Update, 3);
        traffic.count(Tag::Update, 4);
        traffic += traffic;
        assert_eq!(
            traffic.of(Tag::Update),
            Volume {
                messages: 4,
                bytes: 14
            }
        );
        assert_eq!(
            traffic.sum(|tag| tag != Tag::Update),
            Volume {
                messages: 2,
                bytes: 2
            }
        );
    }

    #[test]
    fn a_makespan_is_from_the_first_request_for_a_swarm_to_the_last_complete_file() {
        let mut makespan = Makespan::default();
        for (second, tag) in [
            (1, Tag::Init),
            (2, Tag::SwarmRequest),
            (3, Tag::SwarmRequest),
            (5, Tag::FileComplete),
            (7, Tag::FileComplete),
            (9, Tag::AllComplete),
        ] {
            makespan.heard(seconds(second), tag);
        }
        assert_eq!(makespan.length(), Some(seconds(5)));
        assert_eq!(Makespan::default().length(), None);
    }
}
