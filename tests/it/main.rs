//! The tests that need more than one room of the house: whole programs, real jobs under mpirun, random
//! swarms, and the pages of the repository.
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

mod bad_input;
mod bad_run;
mod balance;
mod browser;
mod course;
mod crew;
mod deeds;
mod describe;
mod gallery;
mod generated;
mod grade;
mod graded;
mod houses;
mod launch;
mod mpirun;
mod numbers;
mod outputs;
mod promise;
mod readers;
mod readme;
mod recorder;
mod rules;
mod sanitizers;
mod show;
mod simulate;
mod study;
mod surroundings;
mod swarms;
mod trace;
mod unsound;
