//! The parallel-programming assignment "Protocolul BitTorrent" as a simulator on MPI: rank 0 is a
//! tracker, every other rank a client that downloads files from the others, segment by segment,
//! with one thread, and serves them with another.
//!
//! # Layout
//! Data goes this way: `in<R>.txt` -> [`Manifest`](manifest::Manifest) -> INIT ->
//! [`Tracker`](tracker::Tracker) -> SWARM -> [`Download`](client::Download) -> SEGMENT_REQUEST ->
//! [`Upload`](client::Upload) -> SEGMENT -> [`Library`](client::Library) -> `client<R>_<NAME>`.
//!
//! * [`protocol`] is the vocabulary: ranks, names, hashes, the messages and their encoding.
//! * [`inputs`] is where the clients' inputs are, [`manifest`] reads, checks and writes one.
//! * [`policy`] is what designs of the protocol differ in: whom a client asks, for which segment
//!   first, and what the tracker knows. One file a policy, one list a kind.
//! * [`settings`] is how a swarm works, from the options.
//! * [`scenario`] is which clients come late, are slow, serve nobody or leave: from a file, the part of
//!   each.
//! * [`tracker`] is the tracker, a state machine: who registers, then the `swarms`, and whom
//!   it tells of (`listing`).
//! * [`client`] is a client, two state machines and what they share: [`client::Download`] with one file
//!   on its way (`fetch`): what is `lacking`, what is in `flight`, who is worth asking (`members`,
//!   `member`, `trial`), and the policies at work (`sources`); [`client::Upload`] with the upload `link` and the
//!   `hints` that go with a refusal; the [`client::Library`] of held segments; and the
//!   [`client::Part`] that it plays.
//! * [`statistics`] is what the machines and the mailboxes count, [`report`] what it says at the
//!   end, to people and to programs.
//! * [`trace`] is what happened in a run, event by event, and the files that hold it.
//! * [`runtime`] moves messages between the machines: mailboxes over MPI, how a thread waits, the
//!   tracker's loop, the watch over it and the progress that is shown of it, a client's two threads,
//!   the start and the end that all ranks have to come to (`assembly`), what each thread records for
//!   the trace, what is gathered besides the protocol, and the one way to end the whole job. Nothing
//!   else touches MPI or threads, but for a study that uses all cores; nor files or clocks, but for
//!   finding, reading and generating inputs, reading scenarios and traces, writing pages, running other
//!   people's programs, and what follows.
//! * `output` writes the files that a run leaves, whole or not at all, and [`progress`] a line that
//!   says how far it is.
//! * [`twin`] is a run in one process: all its machines, which the tests drive as well, and a post in
//!   virtual time. [`simulate`] makes a command of it.
//! * [`study`] runs many of them, a grid of options with several seeds each, on all cores, and shows
//!   what came out: the results, pictures and a page.
//! * [`rules`] judges what happened, each rule of the protocol in one pass: for [`check`] that of a
//!   trace, for the tests that of the runs that they make up.
//! * [`picture`] draws a trace: as a page for the browser, and for the Perfetto viewer.
//! * [`grade`] runs somebody else's program for the assignment in a `sandbox`, with a library between it
//!   and MPI that records its calls, and judges what it did; [`grade::verdict`] lists by what.
//! * [`launch`] starts a swarm with mpirun, and knows whether one started this process, and which
//!   other ranks it started on this host.
//! * [`generate`] makes swarms up, and writes their inputs.
//! * [`exit`] is the exit statuses, [`cli`] the command line.
//!
//! Dependencies point one way: `main` -> `cli` -> `grade` -> `picture`, `study` -> `simulate` -> `check`, `generate`,
//! `runtime`, `twin` -> `launch`, `output`, `progress`, `rules` -> `trace` -> `report` -> `tracker`,
//! `scenario` -> `client` -> `settings`, `statistics`, `inputs`, `manifest` -> `policy` -> `protocol`.
//!
//! # What is deliberately absent
//! * The machines never send, wait, print or look at a clock: they take a message and the time, and
//!   leave envelopes. So the tests run the same machines in one process, in any order that MPI allows
//!   (`tests/world`), and a decision never needs `mpirun` to be checked. Nor does [`twin`] need one.
//! * No thread waits inside MPI for a reader or a sender: messages are posted, and the bytes kept
//!   until MPI is done with them (`runtime::mailbox`).
//! * No thread reads another's mailbox: a communicator has one kind of reader, and a rank one of
//!   each.
//! * No segment is known by its hash: it is a file and a position, for equal hashes do occur.
//! * The tracker holds no segment, and knows none that a peer holds unless it is asked to (R2).
//! * Nothing is decided by what is counted for the report.

pub mod cli;

pub use {judge, lab, swarm};
