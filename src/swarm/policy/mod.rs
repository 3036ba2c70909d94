//! The policies of a swarm: which member is asked ([`selection`]), which segment is next ([`order`]),
//! and what the tracker knows ([`TrackerIndex`]).
//!
//! A policy is one file and its line in the list of its kind. All that others ask of it is in its row.
//! The command line, its help, the report and the tests go by the lists.

pub mod order;
pub mod selection;

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Something to choose by its name.
pub struct Named<T> {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does, in a few words for the user.
    pub about: &'static str,
    /// What is chosen by the name.
    pub value: T,
}

impl<T> Named<T> {
    /// Finds the one of this name.
    pub fn find<'a>(all: &'a [Named<T>], name: &str) -> Option<&'a Named<T>> {
        all.iter().find(|named| named.name == name)
    }

    /// Reads the name of one, as `option` has it.
    ///
    /// # Errors
    /// When there is none of this name.
    pub(crate) fn read<'de, D: Deserializer<'de>>(
        deserializer: D,
        option: &str,
        all: &'static [Named<T>],
    ) -> Result<&'static Named<T>, D::Error> {
        let name = String::deserialize(deserializer)?;
        let unknown = || D::Error::custom(format_args!("--{option} has no '{name}'"));
        Named::find(all, &name).ok_or_else(unknown)
    }
}

/// Names are unique in a list.
impl<T> PartialEq for Named<T> {
    fn eq(&self, other: &Named<T>) -> bool {
        self.name == other.name
    }
}

impl<T> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.name.serialize(serializer)
    }
}

impl<T> fmt::Display for Named<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

impl<T> fmt::Debug for Named<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// What the tracker knows of a swarm, and tells its members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrackerIndex {
    /// The members (R2).
    Swarm,
    /// The members, and which segments each of them holds.
    Segments,
}

impl TrackerIndex {
    /// Both of them, the default first.
    pub const ALL: &[Named<TrackerIndex>] = &[
        Named {
            name: "swarm",
            about: "who is in the swarm (the edition of 2024)",
            value: TrackerIndex::Swarm,
        },
        Named {
            name: "segments",
            about: "also which segments each member holds (the edition of 2023)",
            value: TrackerIndex::Segments,
        },
    ];
}
