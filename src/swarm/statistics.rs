//! What a run counts for its report. No decision depends on it.

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
    /// How its upload half answered requests.
    pub service: Service,
    /// The messages that it sent.
    pub sent: Traffic,
}

/// One client's download of one file. Times are since the client's INIT_ACK.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDownload {
    /// The file's name.
    pub name: FileName,
    /// The file's number of segments.
    pub segments: usize,
    /// When the client sent the first SWARM_REQUEST.
    pub begun: Duration,
    /// When the client held 95 % of the segments.
    pub nearly_done: Option<Duration>,
    /// When the latest segment was verified. Of a file without segments: when its length was known.
    pub latest: Duration,
    /// Whether the client holds every segment.
    pub complete: bool,
    /// The number of segments that each member sent, without wrong ones.
    pub sources: BTreeMap<Rank, u64>,
}

impl FileDownload {
    /// A file that the client asked for at `begun`, and whose length it has known since `now`.
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

    /// A segment from a member was verified. `lacking` segments are not held yet.
    pub fn gained(&mut self, now: Duration, from: Rank, lacking: usize) {
        *self.sources.entry(from).or_default() += 1;
        self.came(now, lacking);
    }

    /// The same, for a client that counts elsewhere what each member sends.
    pub fn came(&mut self, now: Duration, lacking: usize) {
        self.latest = now;
        self.complete = lacking == 0;
        if lacking <= self.segments / 20 {
            self.nearly_done.get_or_insert(now);
        }
    }
}

/// How a client's upload half answered SEGMENT_REQUESTs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Service {
    /// The number of requests that it answered with ACK.
    pub served: u64,
    /// The number of requests that it answered with NACK.
    pub refused: u64,
    /// The number of requests that it answered with BUSY, because all upload slots were taken.
    pub busy: u64,
}

/// Messages that were sent, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Traffic([Volume; Tag::ALL.len()]);

/// Messages of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Volume {
    /// Their number.
    pub messages: u64,
    /// Their length together, in bytes, without what MPI adds.
    pub bytes: u64,
}

impl Traffic {
    /// Counts a message of a kind, `bytes` long.
    pub fn count(&mut self, tag: Tag, bytes: usize) {
        let volume = &mut self.0[tag as usize];
        volume.messages += 1;
        volume.bytes += bytes as u64;
    }

    /// The messages of one kind.
    pub fn of(&self, tag: Tag) -> Volume {
        self.0[tag as usize]
    }

    /// The messages of all kinds that `is` accepts, together.
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

/// The time from the first SWARM_REQUEST of any client to the last FILE_COMPLETE of any client, by
/// the tracker's clock.
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

    /// The length of the makespan. `None` if no file was completed. Where the clock went back, it is 0.
    pub fn length(&self) -> Option<Duration> {
        Some(self.ended?.saturating_sub(self.begun?))
    }
}

/// A value that a state machine keeps for the report. It does not show in the machine's `Debug`
/// output, so states that differ in nothing else count as the same state.
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
