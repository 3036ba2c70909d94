//! The twin: a whole swarm in one process. The machines are those of a real run, and so are the
//! messages, the events, the report and the trace; only MPI, threads and clocks are not there.
//!
//! [`Machines`] are all machines of a run. They know nothing of scheduling: whoever drives them says
//! which letter is taken when, and posts what they leave. A [`Simulation`] drives them in virtual time,
//! in which a message takes a latency and nothing else takes any time, but for the upload links and,
//! if that is wanted, the tracker. The tests drive them in random orders, and in every order.

mod links;
mod machines;
mod queue;
mod recording;
mod simulation;

pub use links::Links;
pub use machines::{Machines, Outcome, Outputs};
pub use simulation::Simulation;
