//! The parallel-programming assignment "Protocolul BitTorrent" as a simulator on MPI: rank 0 is a
//! tracker, every other rank a client that downloads files from the others, segment by segment,
//! with one thread, and serves them with another.
//!
//! # Layout
//! Four crates. Three are houses, each with a map of its own:
//!
//! * [`swarm`] is the assignment: the protocol, the tracker, the clients, the policies in which designs
//!   differ, and the runtime that carries their messages over MPI.
//! * [`lab`] studies swarms, and needs no MPI: a run in one process and in virtual time, swarms that are
//!   made up, the rules that a run has to keep, pictures of runs, and studies of many of them.
//! * [`judge`] runs somebody else's program for the assignment, and says what is wrong with it, and why.
//!
//! `pages` is the workshop for the pages of the last two. [`cli`] is the command line: its types stop
//! there, and what it asks for is a type of one of the houses.
//!
//! Data goes this way: `in<R>.txt` -> [`Manifest`](swarm::manifest::Manifest) -> INIT ->
//! [`Tracker`](swarm::tracker::Tracker) -> SWARM -> [`Download`](swarm::client::Download) ->
//! SEGMENT_REQUEST -> [`Upload`](swarm::client::Upload) -> SEGMENT ->
//! [`Library`](swarm::client::Library) -> `client<R>_<NAME>`.
//!
//! What happens on the way are [events](swarm::event). A real run and a simulated one leave the same
//! ones; rules, pictures and measures are made of them.
//!
//! # Who may name whom
//! `main` names [`cli`]. Its `crew` brings [`lab`] and the runtime of [`swarm`] together, for a study on many
//! machines. [`cli`] names [`judge`], [`lab`] and [`swarm`]. [`judge`] and [`lab`] name
//! [`swarm`] and `pages`, and not each other. The lab never names the runtime. The judge knows names and
//! ranks, how inputs and outputs look, and how ranks are started. Inside a house each room names only rooms
//! below it. A test holds all of that (`tests/it/houses.rs`).
//!
//! # What is deliberately absent
//! * What decides never sends, waits, prints or looks at a clock: it takes a message and the time, and
//!   leaves what is to be done. So the tests run the same machines in one process, in any order that MPI
//!   allows, and a decision never needs `mpirun` to be checked. [`lab::twin`] needs no MPI either.
//! * No thread waits inside MPI for a reader or a sender: messages are posted, and the bytes kept
//!   until MPI is done with them.
//! * No thread reads another's mailbox: a communicator has one kind of reader, and a rank one of
//!   each.
//! * No segment is known by its hash: it is a file and a position, for equal hashes do occur.
//! * The tracker holds no segment, and does not know which segments a peer holds, except with
//!   `--tracker-index segments` (R2).
//! * What is counted for the report decides nothing.

pub mod cli;

pub use {judge, lab, swarm};
