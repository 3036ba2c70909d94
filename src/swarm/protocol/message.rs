//! The messages: one enum for each kind of reader, and the tag that says on the wire which message
//! it is.
//!
//! The tag is the kind of message, the mailbox it lies in is its reader, the enum is its meaning.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{
    Availability, Call, Decline, FileId, FileName, Init, InitAck, Letter, Missing, Progress,
    SegmentAnswer, SegmentIndex, SegmentRequest, Swarm, Thread,
};

/// What there is to know of a kind of message.
struct Row {
    /// As the report, the trace and `docs/protocol.md` have it.
    name: &'static str,
    sender: Thread,
    reader: Thread,
    /// The number of the rule that asks for it.
    rule: Option<u8>,
}

/// Makes [`Tag`] of the table of all tags.
macro_rules! tags {
    ($($tag:ident $name:literal $sender:ident -> $reader:ident $rule:expr;)*) => {
        /// The kind of a message: its MPI tag.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(
            missing_docs,
            reason = "the messages below are documented, and each has one of these for its tag"
        )]
        pub enum Tag {
            $($tag,)*
        }

        const ROWS: &[Row] = &[$(Row {
            name: $name,
            sender: Thread::$sender,
            reader: Thread::$reader,
            rule: $rule,
        },)*];

        impl Tag {
            /// Every tag. Its place here is its number on the wire.
            pub const ALL: [Tag; ROWS.len()] = [$(Tag::$tag,)*];
        }
    };
}

// In the order of a client's life. A row: tag, name, who sends it, who reads it, the number of its
// rule in docs/protocol.md.
tags! {
    Init                "INIT"                 Download -> Tracker   Some(1);
    InitAck             "INIT_ACK"             Tracker  -> Download  Some(1);
    SwarmRequest        "SWARM_REQUEST"        Download -> Tracker   Some(3);
    Swarm               "SWARM"                Tracker  -> Download  Some(3);
    SegmentRequest      "SEGMENT_REQUEST"      Download -> Upload    Some(4);
    Segment             "SEGMENT"              Upload   -> Download  Some(9);
    Update              "UPDATE"               Download -> Tracker   Some(6);
    FileComplete        "FILE_COMPLETE"        Download -> Tracker   Some(7);
    AllComplete         "ALL_COMPLETE"         Download -> Tracker   Some(8);
    Stop                "STOP"                 Tracker  -> Upload    Some(12);
    // Not in the assignment.
    Alive               "ALIVE"                Download -> Tracker   None;
    AvailabilityRequest "AVAILABILITY_REQUEST" Download -> Upload    Some(4);
    Availability        "AVAILABILITY"         Upload   -> Download  Some(9);
    Call                "CALL"                 Upload   -> Download  Some(9);
    Decline             "DECLINE"              Download -> Upload    Some(9);
    Grant               "GRANT"                Tracker  -> Download  Some(4);
    Confirm             "CONFIRM"              Download -> Tracker   Some(4);
}

impl Tag {
    fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// The thread that sends such messages.
    pub fn sender(self) -> Thread {
        self.row().sender
    }

    /// The thread that reads them.
    pub fn reader(self) -> Thread {
        self.row().reader
    }

    /// The number, in `docs/protocol.md`, of the rule that asks for them. `None`: no rule does.
    pub fn rule(self) -> Option<u8> {
        self.row().rule
    }

    /// Whether such messages go to or from the tracker. All others go between clients.
    pub fn is_trackers(self) -> bool {
        [self.sender(), self.reader()].contains(&Thread::Tracker)
    }

    /// The number that goes on the wire.
    pub fn number(self) -> i32 {
        self as i32
    }

    /// The tag with this number on the wire, if there is one.
    pub fn from_number(number: i32) -> Option<Tag> {
        Tag::ALL.get(usize::try_from(number).ok()?).copied()
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.row().name)
    }
}

/// What one mailbox holds.
pub trait Message: Serialize + DeserializeOwned + fmt::Debug {
    /// The kind of this message.
    fn tag(&self) -> Tag;
}

/// What the tracker reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToTracker {
    /// INIT: a client has read its input (R1).
    Init(Init),
    /// SWARM_REQUEST: who has this file? (R3)
    SwarmRequest(FileName),
    /// UPDATE: an interval's segments of this file were downloaded since the last answer. Who has it
    /// now? (R6)
    Update(Progress),
    /// FILE_COMPLETE: the client holds every segment of this file (R7).
    FileComplete(Progress),
    /// ALL_COMPLETE: the client has nothing more to download (R8).
    AllComplete {
        /// The wanted files that it could not get, in the order of its input.
        missing: Vec<Missing>,
    },
    /// ALIVE: the client's download goes on, but it has had nothing to report for a long time. Not in
    /// the assignment: it tells a slow run from one that hangs.
    Alive,
    /// CONFIRM: a granted segment has come. Only where the tracker grants.
    Confirm {
        /// The file it is a part of.
        file: FileId,
        /// Its position.
        segment: SegmentIndex,
    },
}

/// What a client's download thread reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToDownload {
    /// INIT_ACK: every client has registered (R1).
    InitAck(InitAck),
    /// SWARM: the answer to SWARM_REQUEST and to UPDATE (R3, R6).
    Swarm(Swarm),
    /// SEGMENT: the answer to SEGMENT_REQUEST (R9).
    Segment(SegmentAnswer),
    /// AVAILABILITY: the answer to AVAILABILITY_REQUEST.
    Availability(Availability),
    /// CALL: a slot is free, or there is no more waiting for one. Only to who waits in a queue.
    Call(Call),
    /// GRANT: one more segment of this file may be asked for. Only where the tracker grants.
    Grant(FileId),
}

/// What a client's upload thread reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToUpload {
    /// SEGMENT_REQUEST: give me this segment (R4).
    SegmentRequest(SegmentRequest),
    /// AVAILABILITY_REQUEST: do you hold this segment, and how busy are you? Only where the policy
    /// polls.
    AvailabilityRequest {
        /// The file it is a part of.
        file: FileId,
        /// Its position.
        segment: SegmentIndex,
    },
    /// DECLINE: the client asks for nothing now. Only from who waits in a queue.
    Decline(Decline),
    /// STOP: every client is done (R12).
    Stop,
}

/// Makes [`Message`]s of what mailboxes hold: a message has the [`Tag`] of its name.
macro_rules! messages {
    ($($mailbox:ident: $($message:ident)*;)*) => {$(
        impl Message for $mailbox {
            fn tag(&self) -> Tag {
                match self {
                    $($mailbox::$message { .. } => Tag::$message,)*
                }
            }
        }

        impl From<$mailbox> for Letter {
            fn from(message: $mailbox) -> Letter {
                Letter::$mailbox(message)
            }
        }
    )*};
}

messages! {
    ToTracker: Init SwarmRequest Update FileComplete AllComplete Alive Confirm;
    ToDownload: InitAck Swarm Segment Availability Call Grant;
    ToUpload: SegmentRequest AvailabilityRequest Decline Stop;
}
