//! The lab: what studies swarms, without MPI.
//!
//! # Layout
//! * [`twin`] is a run in one process: all machines of a swarm, driven in virtual time or by a test.
//! * [`memory`] says whether there is enough of it for a swarm.
//! * [`generate`] makes swarms up, and writes their inputs.
//! * [`oracle`] is the best that any swarm could do: a schedule, and what comes of it.
//! * [`simulate`] makes a run of the twin, with the outputs, the report and the trace of a real one.
//! * [`rules`] judges what happened, each rule of the protocol in one pass over the events.
//! * [`check`] has the rules judge a trace, and says of each whether it was kept.
//! * [`picture`] draws a trace: as a page for the browser, and for the Perfetto viewer.
//! * [`study`] makes many simulated runs, a grid of options with several seeds each, on all cores or by
//!   another crew, and shows what came out: the results, pictures and a page.
//!
//! Names point one way, as a test holds (`tests/it/houses.rs`): [`study`] -> [`simulate`] ->
//! [`generate`], [`twin`], [`oracle`]; [`generate`] -> [`memory`]; and [`picture`] -> [`check`] -> [`rules`]. All name the swarm's house; only [`picture`] and [`study`] name the pages'.
//!
//! # What is deliberately absent
//! * Nothing here talks over MPI, or needs it to be installed.
//! * No machine says whether it kept a rule: [`rules`] judges by the events, and by what was known before
//!   the run (inputs, settings, parts). So a real run, a simulated one and one that a test makes up are
//!   judged alike. Only how many messages may be out at a time, and what INIT has to say, are asked of the
//!   swarm's own code.
//! * Nothing looks at a clock to decide anything: the same seed gives the same bytes, on one core or on many.

pub mod check;
pub mod generate;
pub mod memory;
pub mod oracle;
pub mod picture;
pub mod rules;
pub mod simulate;
pub mod study;
pub mod twin;
