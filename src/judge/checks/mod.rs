//! What is judged. Each check is a module of its name. Its function `judge` gets a [`Scene`] and says what
//! that shows. No check names another.
//!
//! A new check takes a module, a row in the table below, and a row in `docs/grading.md`.
//!
//! [`Scene`]: crate::seen::scene::Scene

#[macro_use]
mod table;
mod evidence;

mod answers;
mod concurrency;
mod crash;
mod errors;
mod finalize;
mod hang;
mod leftover;
mod outputs;
mod own_input;
mod peers;
mod processes;
mod receivers;
mod registration;
mod requests;
mod serving;
mod sources;
mod stopping;
mod thread_level;
mod two_threads;
mod types;
mod updates;
mod verification;

#[cfg(test)]
mod tests;

pub use evidence::{Evidence, Shown};
pub use table::{Subject, judge, outcome};

// The worst is first. A row has the check, its name on the command line and in reports, its subject, its
// module, and what is true if it holds.
checks! {
    Outputs "outputs" Outcome outputs "every client writes the files that it wants";
    Crash "crash" Outcome crash "no rank crashes";
    Hang "hang" Outcome hang "every run ends";
    Processes "processes" Outcome processes "no process is left behind";

    ThreadLevel "thread-level" Mpi thread_level "the thread level fits the threads";
    Concurrency "concurrency" Mpi concurrency "threads share MPI as their level allows";
    Receivers "receivers" Mpi receivers "no thread takes another's messages";
    Errors "errors" Mpi errors "no MPI call fails";
    Types "types" Mpi types "messages are what their receivers expect";
    Leftover "leftover" Mpi leftover "every message is received";
    Requests "requests" Mpi requests "every request is completed or freed";
    Finalize "finalize" Mpi finalize "every rank calls MPI_Finalize";

    TwoThreads "two-threads" Assignment two_threads "every client talks with two threads";
    Registration "registration" Assignment registration "the tracker knows all files first (R1)";
    OwnInput "own-input" Assignment own_input "every client needs only its own input (R1)";
    Peers "peers" Assignment peers "clients get segments from each other";
    Answers "answers" Assignment answers "only who has a segment gives it (R4, R9)";
    Verification "verification" Assignment verification "a wrong hash is noticed (R4)";
    Sources "sources" Assignment sources "downloads vary their sources (R5)";
    Updates "updates" Assignment updates "the tracker is asked every ten segments (R6)";
    Serving "serving" Assignment serving "who has got a file serves it (R9)";
    Stopping "stopping" Assignment stopping "nobody stops before all are done (R12)";
}
