//! The twin: a whole swarm in one process. The machines are those of a real run, and so are the
//! messages, the events, the report and the trace; only MPI, threads and clocks are not there.
//!
//! [`Machines`] are all machines of a run. They know nothing of scheduling: whoever drives them says
//! which letter is taken when, and posts what they leave. The tests drive them in random orders, and
//! in every order.

mod machines;
mod recording;

pub use machines::{Machines, Outcome, Outputs};
