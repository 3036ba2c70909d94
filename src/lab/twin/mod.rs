//! The twin: a whole swarm in one process. It has the machines of a real run, and so its messages,
//! events, report and trace. It has no MPI, no threads and no clocks.
//!
//! [`Machines`] are all machines of a run: the tracker, and a list of clients. Their driver decides
//! which letter is taken when, and carries the letters that they post. A [`Simulation`] drives them in
//! virtual time. There a message takes a latency, a segment takes its time on the upload link, and the
//! tracker takes some time if the user wants that. Nothing else takes any time. The tests drive the
//! machines in random orders, and in every order.

mod links;
mod machines;
mod queue;
mod recording;
mod simulation;

pub use links::{Flow, Links};
pub use machines::{Finished, Machines, Outputs};
pub use simulation::{Advance, Simulation, TooLong};
