//! The measures by class of a scenario.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::measured::{ClientMeasured, Distribution, Measured, distribution};
use crate::protocol::Rank;
use crate::scenario::Cast;

/// What the clients of a class did together, times in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassMeasured {
    /// The number of clients in it.
    pub clients: usize,
    /// Files that they downloaded.
    pub files: u64,
    /// Segments that they downloaded and verified.
    pub segments: u64,
    /// Requests that they answered with a segment.
    pub served: u64,
    /// Completion times of their downloads.
    pub completion: Option<Distribution>,
}

impl Measured {
    /// Adds the classes of the clients. Where clients have parts of their own, no lower bound of the
    /// makespan is known.
    pub(super) fn by_class(mut self, cast: &Cast) -> Measured {
        if cast.is_empty() {
            return self;
        }
        let mut classes: BTreeMap<String, Vec<&ClientMeasured>> = BTreeMap::new();
        for client in &mut self.clients {
            client.class = cast.class(Rank(client.client)).map(Into::into);
        }
        for client in &self.clients {
            if let Some(class) = &client.class {
                classes.entry(class.clone()).or_default().push(client);
            }
        }
        let measured = classes
            .into_iter()
            .map(|(name, clients)| (name, class(&clients)));
        self.classes = measured.collect();
        (self.lower_bound, self.optimality) = (None, None);
        self
    }
}

fn class(clients: &[&ClientMeasured]) -> ClassMeasured {
    let sum = |count: fn(&ClientMeasured) -> u64| clients.iter().map(|client| count(client)).sum();
    let downloads = clients.iter().flat_map(|client| &client.downloads);
    ClassMeasured {
        clients: clients.len(),
        files: sum(|client| client.files),
        segments: sum(|client| client.segments),
        served: sum(|client| client.served),
        completion: distribution(downloads.filter_map(|file| file.completion_time).collect()),
    }
}
