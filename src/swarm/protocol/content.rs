//! What messages carry.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{FileId, FileName, Hashes, Rank, SegmentHash, SegmentIndex, SegmentSet};

/// The progress of a client with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The file.
    pub file: FileId,
    /// The positions gained since the tracker was last told. With the index of 2024, which does not
    /// know them, it is empty (R2).
    pub gained: Vec<SegmentIndex>,
}

/// A wanted file that a client could not get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Its name.
    pub name: FileName,
    /// Why it did not come.
    pub reason: Reason,
}

/// Why a wanted file did not come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// No client owns a file of this name.
    NobodyHasIt,
    /// Every member of the swarm was asked for what was lacking, several times, and none sent it.
    NobodySendsIt,
    /// It was downloaded, but the output could not be written, for this reason.
    NotWritten(String),
    /// The client left before it had it, as the scenario says.
    ItLeft,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NobodyHasIt => write!(f, "nobody has it"),
            Reason::NobodySendsIt => write!(f, "nobody who should have it sends it"),
            Reason::NotWritten(why) => write!(f, "{why}"),
            Reason::ItLeft => write!(f, "it left"),
        }
    }
}

/// What a client tells the tracker of its input (R1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Init {
    /// It takes part, and owns these files.
    Ready(Vec<OwnedFile>),
    /// It cannot use its input, for these reasons. Each is a line for the user.
    Unable(Vec<String>),
}

/// A file that a client owns from the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedFile {
    /// Its name.
    pub name: FileName,
    /// The hashes of all its segments.
    pub hashes: Hashes,
}

/// The tracker's answer to INIT, once it has heard from every client (R1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum InitAck {
    /// The swarm starts. The client's own files have these numbers, in the order of its INIT.
    Start(Vec<FileId>),
    /// The swarm does not start, because a client cannot use its input. The tracker tells the user why.
    Refused,
}

/// The tracker's answer to SWARM_REQUEST and to UPDATE (R3, R6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Swarm {
    /// The first answer to a client about a file.
    Joined(Joined),
    /// A later answer: the swarm as it is now.
    Members(Members),
    /// Nobody has a file of this name.
    Unknown,
}

/// A file and its swarm, for a client that joins it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The file's number.
    pub file: FileId,
    /// The hashes of all its segments. The client compares what it is sent with them (R4).
    pub hashes: Hashes,
    /// The number of seeds and peers of its swarm. The client itself counts: it is a peer from now on.
    pub size: usize,
    /// The seeds and peers, in rank order.
    pub members: Arc<[Rank]>,
    /// The members that are seeds: they own the file or have completed it (R11).
    pub seeds: Arc<[Rank]>,
    /// What each of `members` holds, in the same order. With the index of 2024, which does not know
    /// it, it is empty (R2).
    pub held: Vec<SegmentSet>,
}

/// A swarm, after the first answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    /// The number of seeds and peers. The client itself counts.
    pub size: usize,
    /// The seeds and peers, in rank order.
    pub members: Arc<[Rank]>,
    /// The members that are seeds.
    pub seeds: Arc<[Rank]>,
    /// What they gained since the client was last answered, if the tracker knows. Not all that they
    /// hold: that is never lost, and telling it every time would cost the square of the file's length.
    pub gained: Vec<Gained>,
}

/// Segments that a member has gained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gained {
    /// The member.
    pub member: Rank,
    /// The positions.
    pub segments: Vec<SegmentIndex>,
}

/// A question for a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRequest {
    /// The file it is a part of.
    pub file: FileId,
    /// Its position in the file.
    pub segment: SegmentIndex,
    /// Its hash, as the tracker promised it.
    pub hash: SegmentHash,
    /// Whether it answers a CALL.
    pub is_called: bool,
    /// The positions that the client has gained since it last told this member. Only where serving
    /// takes time.
    pub gained: Vec<SegmentIndex>,
}

/// A client's answer to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentAnswer {
    /// The file of the request.
    pub file: FileId,
    /// The position of the request.
    pub segment: SegmentIndex,
    /// The segment, or not.
    pub answer: Answer,
    /// The positions that the sender has gained since it last told this client. Only where serving
    /// takes time.
    pub gained: Vec<SegmentIndex>,
}

/// A word to a client that waits in the sender's queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The file that the client waits for.
    pub file: FileId,
    /// A slot is free: this is what the sender would give, of what it holds and the client lacks.
    /// `None`: the client waits no longer.
    pub segment: Option<SegmentIndex>,
    /// Whether it answers that the client leaves the queue. A client ends only when it has these answers,
    /// so nobody is stopped before it has taken all that was sent to it. Otherwise `None` says that the
    /// sender has left.
    pub is_farewell: bool,
    /// The positions that the sender has gained since it last told this client.
    pub gained: Vec<SegmentIndex>,
}

/// A client's word to one in whose queue it waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decline {
    /// The file that it waits for.
    pub file: FileId,
    /// Whether it goes on waiting: it answers a CALL, and asks for nothing now. Otherwise it leaves the
    /// queue. It does that when it has nothing in flight, and answers no CALL by it.
    pub waits: bool,
    /// The positions that it has gained since it last told the other.
    pub gained: Vec<SegmentIndex>,
}

/// Whether a segment came (R9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// Here it is: its hash, as the sender holds it.
    Ack(SegmentHash),
    /// The sender does not hold it.
    Nack,
    /// The client waits in the sender's queue, and will be called: all upload slots are taken, or the
    /// sender does not hold the segment yet. Only where serving takes time and slots are limited.
    Busy,
}

/// Whether a client holds a segment, and how busy it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Availability {
    /// The file of the question.
    pub file: FileId,
    /// The position of the question.
    pub segment: SegmentIndex,
    /// How many requests are queued or in service, if the client holds the segment.
    pub load: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_a_file_is_missing_is_said_in_words() {
        let why = "cannot write client1_f: Is a directory";
        let said = [
            Reason::NobodyHasIt,
            Reason::NobodySendsIt,
            Reason::NotWritten(why.into()),
            Reason::ItLeft,
        ]
        .map(|reason| reason.to_string());
        assert_eq!(
            said,
            [
                "nobody has it",
                "nobody who should have it sends it",
                why,
                "it left"
            ]
        );
    }
}
