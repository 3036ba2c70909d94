//! What is measured: `make bench`, or `cargo bench -- SECTION...` for a part of it.
//!
//! `cargo test` runs it, too, with tiny sizes and once each, to see that it works.

#[path = "../../tests/generate/mod.rs"]
mod generate;
#[path = "../../tests/job/mod.rs"]
mod job;
#[path = "../../tests/repository/mod.rs"]
mod repository;

mod designs;

use std::env;

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    /// All of it.
    Full,
    /// As little as shows that it works.
    Tiny,
}

/// A part of what is measured.
struct Section {
    name: &'static str,
    run: fn(Scale),
}

const SECTIONS: [Section; 1] = [Section {
    name: "designs",
    run: designs::run,
}];

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let scale = if arguments.iter().any(|argument| argument == "--bench") {
        Scale::Full
    } else {
        Scale::Tiny
    };
    let chosen: Vec<&String> = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    for section in SECTIONS {
        if chosen.is_empty() || chosen.iter().any(|name| *name == section.name) {
            (section.run)(scale);
        }
    }
}
