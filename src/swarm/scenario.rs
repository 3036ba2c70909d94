//! Swarms that change: classes of clients that come late, serve slowly, serve nobody or leave.
//!
//! A scenario is a TOML file with a `[[class]]` for each class. It says by ranks who is in a
//! class, or as a share of those whose ranks no class names; everybody else is in none, and does as
//! always. `docs/studies.md` has the keys. [`Scenario::cast`] deals the parts, as a seed has it: so every
//! rank of a run comes to the same [`Cast`].

mod cast;
mod file;

use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::client::Part;
use crate::protocol::Rank;
use crate::settings::Settings;
use crate::toml_file::{Place, Problem};

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
    members: Members,
    /// When its clients arrive. Where one comes after another, none is earlier than this.
    arrives: Duration,
    /// The mean time from one arrival to the next. `None`: all arrive at once.
    every: Option<Duration>,
    /// What a client of it does that arrives at the start.
    part: Part,
}

/// Who is in a class.
#[derive(Debug, Clone, PartialEq)]
enum Members {
    /// These, and where the file says so.
    Ranks(Vec<(RangeInclusive<u32>, Place)>),
    /// So large a part of those whose ranks no class names.
    Share(f64),
}


/// The text of a scenario file.
///
/// # Errors
/// When it cannot be read.
pub fn text(path: &Path) -> Result<String> {
    let text = fs::read_to_string(path);
    text.with_context(|| format!("{}: cannot be read", path.display()))
}

impl Scenario {
    /// What a text says.
    ///
    /// # Errors
    /// Says where it cannot be understood, what was expected and what was found.
    pub fn parse(text: &str) -> Result<Scenario, Problem> {
        file::parse(text)
    }

    /// Deals the parts to so many clients. With the same seed they are the same.
    ///
    /// # Errors
    /// When it names a client that there is not.
    pub fn cast(&self, clients: usize, settings: &Settings) -> Result<Cast, Problem> {
        const NOBODY: Rank = Rank(u32::MAX);
        cast::cast(&self.classes, clients, settings.rng(NOBODY))
    }
}

/// The parts that the text of a file deals to so many clients.
///
/// # Errors
/// Says, with the file's name, what is wrong.
pub fn deal(path: &Path, text: &str, clients: usize, settings: &Settings) -> Result<Cast> {
    let cast = Scenario::parse(text).and_then(|scenario| scenario.cast(clients, settings));
    cast.map_err(|problem| problem.in_file(path))
}
