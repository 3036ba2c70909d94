//! The assignment "Protocolul BitTorrent": a tracker and its clients, which get files from each
//! other segment by segment.
//!
//! # Layout
//! The way of a file: `in<R>.txt` -> [`Manifest`](manifest::Manifest) -> INIT ->
//! [`Tracker`](tracker::Tracker) -> SWARM -> [`Download`](client::Download) -> SEGMENT_REQUEST ->
//! [`Upload`](client::Upload) -> SEGMENT -> [`Library`](client::Library) -> `client<R>_<NAME>`.
//!
//! The assignment itself is seven files with some 1,500 lines of code. Read them first:
//!
//! | file | the question that it answers |
//! |---|---|
//! | `protocol/message.rs` | Which messages are there, who sends each, and who reads it? |
//! | `tracker.rs` | When does the swarm start, and when does it end? |
//! | `tracker/swarms.rs` | What does the tracker know, and what does it answer? |
//! | `client/life.rs` | How does a client register, and what do its two halves begin with? |
//! | `client/download.rs` | What does a client do, from its first file to ALL_COMPLETE? |
//! | `client/fetch.rs` | Which segment does it ask for next, and which member does it ask? |
//! | `client/upload.rs` | What does a client answer to a request? |
//!
//! Where serving takes time, `client/queue.rs` says who waits for a slot, and who is called when one is free.
//! `client/fetch/calls.rs` says how a call is answered.
//!
//! The rules R1 to R12 are in `docs/protocol.md`. The modules, in the order in which to read them:
//!
//! * [`protocol`] is the vocabulary: ranks, names, hashes, the messages and their encoding.
//! * [`limits`] has the largest numbers that a swarm may have.
//! * [`inputs`] finds the clients' inputs. [`manifest`] reads, checks and writes one, and
//!   [`sound`] says whether they fit each other.
//! * [`policy`] has what the designs of the protocol differ in, a file for each choice.
//! * [`settings`] says how a swarm works. [`options`] are the options of a run, the settings among
//!   them.
//! * [`tracker`] is the tracker, a state machine.
//! * [`client`] is a client, two state machines: one downloads, the other uploads.
//! * [`scenario`] deals the parts: which clients come late, are slow, serve nobody or leave.
//! * `runtime` carries messages between the machines, with the feature `mpi`; and those of a crew, which does
//!   anything that can be dealt, such as a study. No other room sends or
//!   receives; [`launch`] asks MPI for its version.
//! * [`event`] is what happens in a run, event by event. [`trace`] writes and reads the files of
//!   events.
//! * [`statistics`] counts. [`report`] tells people and programs what was counted.
//! * [`output`] writes every file, whole or not at all, and says before the work begins if one cannot
//!   be written. [`say`] prints, [`terminal`] knows how wide what is printed may be, and [`shown`] takes
//!   from foreign words what could steer a terminal or a spreadsheet. Both write through `pipe`, which waits for
//!   readers until a signal comes. [`progress`] is the line that says how far a run is.
//! * [`launch`] starts mpirun, and knows whether mpirun started this process.
//! * [`exit`] has the exit statuses, and [`signals`] those that ask a command to end. [`text_file`]
//!   reads what was written elsewhere, `links` follows links, [`toml_file`] says where a TOML file is wrong, and `seconds` is
//!   how times stand in reports.
//!
//! # Words
//! The run:
//! * **Rank**: a process of the run. [`Rank`](protocol::Rank) 0 is the tracker, each other is a
//!   client.
//! * **Tracker**: the process that knows which client is in which swarm, and holds no segment.
//! * **Client**: a process with a download half and an upload half, each a thread of its own.
//! * **Manifest**: a client's input, `in<R>.txt`: the files that it owns and those that it wants.
//! * **Segment**: a file and a position in it ([`SegmentIndex`](protocol::SegmentIndex)), whose
//!   content is a [`SegmentHash`](protocol::SegmentHash).
//! * **INIT**: a client's first message, with the files that it owns ([`Init`](protocol::Init)).
//! * **INIT_ACK**: the tracker's answer when all clients have registered: start, or a refusal
//!   ([`InitAck`](protocol::InitAck)). A client's times are since then.
//! * **Mailbox**: what one reader reads: the tracker, a download half or an upload half. A
//!   [`Tag`](protocol::Tag) is a kind of message, and an [`Envelope`](protocol::Envelope) a message
//!   with its address.
//! * **Flow**: the messages from one rank to one mailbox. MPI keeps their order, and no other.
//! * **Event**: something that a thread did at a time ([`Event`](event::Event)): it posted a
//!   message, took one, checked a hash, wrote a file.
//!
//! A swarm:
//! * **Swarm**: the clients that hold or fetch one file; also the tracker's answer that names them
//!   ([`Swarm`](protocol::Swarm)).
//! * **Member**: a client in a swarm. Its **role** is seed or peer.
//! * **Seed**: a member that holds all segments of the file.
//! * **Peer**: a member that still fetches the file, and uploads what it has of it.
//! * **Leecher**: a peer that holds no segment yet.
//! * **Holder**: a member that holds one given segment.
//! * **Index**: what the tracker knows of a swarm: its members, or also their segments (the *index
//!   of segments*; [`TrackerIndex`](policy::TrackerIndex)).
//! * **Update**: a peer's message after each interval of segments; the answer is the swarm anew
//!   ([`ToTracker::Update`](protocol::ToTracker::Update)).
//! * **Grant**: the tracker's leave to ask for one more segment, in designs that need it
//!   ([`Settings::tracker_grants`](settings::Settings::tracker_grants)).
//!
//! A download:
//! * **Library**: the segments that a client holds ([`Library`](client::Library)).
//! * **Lacking**: neither held nor in flight.
//! * **In flight**: asked for, and not answered.
//! * **Window**: the most segments in flight ([`Settings::window`](settings::Settings::window)).
//! * **Policy**: a choice that designs differ in: which member is asked
//!   ([`selection`](policy::selection)), and for which segment first ([`order`](policy::order)).
//! * **Availability**: a member's word on whether it holds a segment, and how busy it is
//!   ([`Availability`](protocol::Availability)).
//! * **Trial**: a request to a peer that is not known to hold the segment.
//! * **Missing**: wanted, and not to be had ([`Missing`](protocol::Missing)).
//!
//! An upload, where serving takes time:
//! * **Link**: what a client sends its segments through, one after another, each for the
//!   [upload time](settings::Settings::upload_time).
//! * **Slot**: a segment's place on the link, or before it
//!   ([`Settings::upload_slots`](settings::Settings::upload_slots)).
//! * **Queue**: the clients that wait for a slot ([`Answer::Busy`](protocol::Answer::Busy)).
//! * **Call**: a member's word to a client in its queue: a slot is free
//!   ([`Call`](protocol::Call)).
//! * **Decline**: the client's word that it asks for nothing now, or leaves the queue
//!   ([`Decline`](protocol::Decline)).
//! * **Unchoke**: BitTorrent's word for giving a waiting client a slot; here a call does it.
//! * **News**: the segments that a client has gained since it last told another. All messages
//!   between clients about segments carry it.
//!
//! A scenario:
//! * **Scenario**: a file that says which clients behave differently
//!   ([`Scenario`](scenario::Scenario)).
//! * **Part**: what one client does differently ([`Part`](client::Part)). By default: nothing.
//! * **Cast**: the part of each client ([`Cast`](scenario::Cast)).
//!
//! # What is deliberately absent
//! * The machines never send, wait, print or look at a clock. They take a message and the time, and
//!   leave envelopes. So tests run the same machines in one process, in any order that MPI allows.
//! * No thread waits inside MPI for a reader or a sender. The bytes of a message are kept until MPI
//!   is done with them.
//! * No thread reads another's mailbox: a communicator has one kind of reader, and a rank one of
//!   each.
//! * No segment is known by its hash, because equal hashes do occur.
//! * The tracker holds no segment, and knows of none that a peer holds unless the index says so
//!   (R2).
//! * What is counted for the report decides nothing.

pub mod client;
pub mod event;
pub mod exit;
pub mod inputs;
pub mod launch;
pub mod limits;
mod links;
pub mod manifest;
pub mod options;
pub mod output;
mod pipe;
pub mod policy;
pub mod progress;
pub mod protocol;
pub mod report;
#[cfg(feature = "mpi")]
pub mod runtime;
pub mod say;
pub mod scenario;
mod seconds;
pub mod settings;
pub mod shown;
pub mod signals;
pub mod sound;
pub mod statistics;
pub mod terminal;
pub mod text_file;
pub mod toml_file;
pub mod trace;
pub mod tracker;
