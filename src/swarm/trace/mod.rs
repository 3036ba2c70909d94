//! What happened in a run: the events that a real run and one in a single process have in common,
//! and the files that hold them.
//!
//! # The file
//! A trace is JSON Lines: a JSON object a line, the [`Header`] first and then one event a line. With
//! a name in `.zst` it is compressed by Zstandard. The header's fields:
//!
//! | field | |
//! |---|---|
//! | `schema` | [`SCHEMA`]: the version of this format. It grows when a field changes its meaning or goes |
//! | `version` | the program's |
//! | `settings` | the run's, as in the report |
//! | `clients` | how many clients there are: ranks 1 and up; rank 0 is the tracker |
//! | `complete` | whether every event is there. In what a run that was broken off leaves, the last ones are lacking |
//! | `clocks` | of each rank: `rank`, `host`, `offset` (what was added to its clock's times to have those of rank 0's) and `uncertainty` (by how much this may be wrong), in seconds |
//!
//! An event's:
//!
//! | field | of | |
//! |---|---|---|
//! | `time` | all | seconds since the start, on rank 0's clock |
//! | `rank`, `thread` | all | who: `"tracker"`, `"download"` or `"upload"`. A client registers with its download thread |
//! | `event` | all | `"begun"`, `"posted"`, `"taken"`, `"verified"`, `"wrong_hash"`, `"saved"`, `"left"` (of an upload thread: it serves nobody any more) or `"ended"` |
//! | `to` | posted | the rank that is to take the message |
//! | `from` | taken, verified, wrong_hash | the rank that sent it |
//! | `mailbox` | posted, taken | the thread that reads it |
//! | `tag` | posted, taken | its kind, as in `docs/protocol.md` |
//! | `number` | posted, taken | which message it is of those from one rank to one mailbox, from 1 on |
//! | `bytes` | posted, taken | how long it was for MPI |
//! | `message` | posted, taken | what it says: [`ToTracker`](crate::protocol::ToTracker), [`ToDownload`](crate::protocol::ToDownload) or [`ToUpload`](crate::protocol::ToUpload) as serde has it. A hash is a text, a set of segments a list of runs `[first, last]`, and positions count from 0 |
//! | `file`, `segment` | verified, wrong_hash | the file's number, and the position in it |
//! | `name` | saved | the file's name |
//! | `problem` | saved | why it could not be written; `null` if it was |
//!
//! # The order
//! The events of a thread are in their order, and a message is taken behind the line in which it was
//! posted. What these leave open goes by time.
//!
//! # The parts
//! While a run goes on, each of its threads writes a part of its own, `<rank>.<thread>` in the folder
//! `FILE.parts`: a line of JSON ([`PartHeader`]), and then records that hold the bytes of each
//! message as they were sent ([`record`]). At the end the parts become the file, and go. A run that is
//! broken off leaves them, and the [`Reader`] reads them as it reads the file.

mod header;
mod line;
mod merge;
mod part;
mod reader;
pub mod record;
#[cfg(test)]
mod samples;
mod spool;

pub use header::{ClockReport, Header, PartHeader, SCHEMA};
pub use line::write;
pub use merge::Merge;
pub use part::{TracePart, part_owner, part_path, parts_folder};
pub use reader::Reader;
pub use spool::{Events, Spool};
