//! Swarms that change: classes of clients that come late, serve slowly, serve no one or leave.
//!
//! A scenario is a TOML file with a `[[class]]` for each class. A class has the clients of some ranks, or a
//! share of those whose ranks no class names. A client in no class does as always. `docs/studies.md` has
//! the keys. [`Scenario::cast`] deals the parts. Chance follows from the seed, so every rank of a run comes
//! to the same [`Cast`].
//!
//! A key of a class is a field of `file::Table`, and of [`Part`] if it is for each client.

mod cast;
mod file;

use std::ops::{Range, RangeInclusive};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::client::Part;
use crate::protocol::Rank;
use crate::settings::Settings;
use crate::text_file;
use crate::toml_file::{self, Wrong};

pub use cast::{Cast, Role};

/// What a scenario file says.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    classes: Vec<Class>,
}

/// A class of clients.
#[derive(Debug, Clone, PartialEq)]
struct Class {
    name: String,
    clients: Clients,
    /// When its clients arrive. Where one comes after another, none is earlier than this.
    arrives: Duration,
    /// The mean time from one arrival to the next, with its bytes in the file. `None`: all arrive at once.
    every: Option<(Duration, Range<usize>)>,
    /// What a client of it does that arrives at the start.
    part: Part,
}

/// The clients of a class.
#[derive(Debug, Clone, PartialEq)]
enum Clients {
    /// The clients of these ranks, each with its bytes in the file.
    Ranks(Vec<(RangeInclusive<u32>, Range<usize>)>),
    /// This part, from 0 to 1, of the clients whose ranks no class names.
    Share(f64),
}

/// The text of a scenario file.
///
/// # Errors
/// When it cannot be read.
pub fn text(path: &Path) -> Result<String> {
    text_file::read(path)
}

impl Scenario {
    /// Reads the text of a scenario file.
    ///
    /// # Errors
    /// When it makes no sense. Says where, what was expected and what was found.
    pub fn parse(text: &str) -> Result<Scenario, Wrong> {
        file::parse(text)
    }

    /// Deals the parts in a swarm of `clients`. With the same seed they are the same.
    ///
    /// # Errors
    /// When the scenario names a client that there is not, or one would arrive after more than
    /// [`LONGEST_TIME`](crate::limits::LONGEST_TIME).
    pub fn cast(&self, clients: usize, settings: &Settings) -> Result<Cast, Wrong> {
        const NOBODY: Rank = Rank(u32::MAX);
        cast::cast(&self.classes, clients, settings.rng(NOBODY))
    }
}

/// Deals the parts of a file with this text, in a swarm of `clients`.
///
/// # Errors
/// When the text or its cast is wrong. Says what and where, with the file's name.
pub fn deal(path: &Path, text: &str, clients: usize, settings: &Settings) -> Result<Cast> {
    let cast = Scenario::parse(text).and_then(|scenario| scenario.cast(clients, settings));
    cast.map_err(|wrong| toml_file::in_file(path, text, wrong))
}
