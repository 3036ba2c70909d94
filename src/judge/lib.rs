//! The judge (`bittorrent grade`): runs other people's programs for the assignment, and says what is
//! right, what is wrong, and why.
//!
//! # Layout
//! Data goes this way: [`Case`](runs::cases::Case) -> sandbox, with a recorder between the program and MPI ->
//! [`Run`](seen::run::Run) -> what it shows of each [`Check`](checks::Check) -> all runs together:
//! [`Grading`](told::grading::Grading) -> sheet, page, report, marks.
//!
//! The floors, from the ground up. A floor names only floors below it.
//! * [`seen`] is what is seen of a run: its [`condition`](seen::condition), what it left
//!   ([`run`](seen::run)), what a sanitizer found (`finding`), the calls of MPI (`calls`, read by
//!   `recording`), which send each receive took (`messages`), and what clients asked each other
//!   (`dialogue`). A [`Scene`](seen::scene::Scene) has all of it, and says what was not seen (`unseen`).
//!   It is made once a run.
//! * [`checks`] is what one scene shows of each check: a module a check, and one table of them.
//! * [`told`] is what all runs together amount to (`observations`, `disagreements`, [`grading`](told::grading)), what that
//!   is worth (`points`), and how it is shown: a `sheet` for the terminal, a [`page`](told::page) for the
//!   browser.
//! * [`runs`] makes runs: the tests ([`cases`](runs::cases)), the library that records and disturbs a
//!   program ([`profiling`](runs::profiling)), which MPI a program uses (`elf`), which sanitizers it has
//!   ([`sanitizer`](runs::sanitizer)), and the `sandbox`.
//! * [`grader`] grades one program: its tests under each condition (`work`), one run and what explains it (`trial`),
//!   what is known to be right beside it (`control`), the runs with a wrong hash (`lies`), its `speed`;
//!   or has a short `look` at what its sanitizer reports.
//! * `course` grades all submissions: it builds each (`build`), has it graded in a process of its own
//!   (`apart`), builds it again with a sanitizer if asked to (`sanitize`), and keeps a table of them.
//! * [`command`] is the command: what it is asked for, what it writes, and its exit status.
//!
//! # What is deliberately absent
//! * Nothing is judged while a program runs: a run leaves a record, and the checks read only that. So
//!   they are tested with runs that are made up (`seen::made_up`).
//! * No check makes a run, knows another run, or names another check. Only [`told`] weighs runs against each
//!   other.
//! * [`runs`] judges nothing, and knows no check.
//! * What was not seen is called neither right nor wrong. A function that the recorder does not follow is named, and
//!   spoils what rests on all messages.
//! * The judge knows nothing of how our own swarm works: only names and ranks, how inputs and outputs
//!   look, and how ranks are started.

pub mod checks;
pub mod command;
mod course;
pub mod grader;
pub mod runs;
pub mod seen;
pub mod told;
