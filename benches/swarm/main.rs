//! What is measured: `make bench`, or `make bench ONLY=SECTION` for a part of it. Prints tables, and
//! writes them to `target/bench.json`, too.
//!
//! Every figure stands beside what it is compared with, measured in turn with it. `cargo test` runs
//! all of it with tiny sizes, to see that it works.
//!
//! This program is also what it compares with: run by mpirun as a rank, it does what `BENCH_RANK`
//! in its environment says (see [`rank`]).
#![allow(clippy::print_stdout, reason = "figures are for whoever runs it")]

mod designs;
mod growth;
mod rank;
mod run;
mod sections;
mod table;
mod trust;
mod twin;

use std::env;

use sections::SECTIONS;
use table::Table;

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    /// All of it.
    Full,
    /// As little as shows that it works.
    Tiny,
}

impl Scale {
    /// One or the other.
    fn pick<T>(self, full: T, tiny: T) -> T {
        match self {
            Scale::Full => full,
            Scale::Tiny => tiny,
        }
    }
}

fn main() {
    if let Ok(deed) = env::var(rank::VARIABLE) {
        rank::act(&deed);
        return;
    }
    let arguments: Vec<String> = env::args().skip(1).collect();
    let full = arguments.iter().any(|argument| argument == "--bench");
    let scale = if full { Scale::Full } else { Scale::Tiny };
    let named = |name: &str| arguments.iter().any(|argument| argument == name);
    let all = arguments.iter().all(|argument| argument.starts_with('-'));

    println!("{}", run::machine());
    let mut tables: Vec<Table> = Vec::new();
    for section in SECTIONS.iter().filter(|section| all || named(section.name)) {
        for table in (section.run)(scale) {
            println!("\n{table}");
            tables.push(table);
        }
    }
    assert!(!tables.is_empty(), "no such section");
    if full {
        table::write("target/bench.json", &run::machine(), &tables);
    }
}
