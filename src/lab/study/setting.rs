//! An option of a run, and what makes a run of options.

use std::ops::Range;
use std::path::Path;

use crate::simulate::Simulate;

/// Makes a run of options of `bittorrent simulate`. Paths in them are relative to the folder.
pub type Parse = fn(&[Setting], &Path) -> Result<Simulate, Refused>;

/// Options that cannot be used.
#[derive(Debug)]
pub struct Refused {
    /// The long name of the option that is to blame, if one is.
    pub option: Option<String>,
    /// What is wrong, for the user.
    pub why: String,
}

/// An option of `bittorrent simulate`.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Its long name, without dashes.
    pub name: String,
    /// `None`: it is a switch.
    pub value: Option<String>,
    /// Its place in the study's file.
    pub(super) span: Range<usize>,
}

impl Setting {
    pub(super) fn new(name: &str, value: Option<String>, span: Range<usize>) -> Setting {
        let name = name.to_owned();
        Setting { name, value, span }
    }

    /// As one word of a command line.
    pub fn argument(&self) -> String {
        match &self.value {
            None => format!("--{}", self.name),
            Some(value) => format!("--{}={value}", self.name),
        }
    }
}
