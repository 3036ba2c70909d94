//! The parts that clients play.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use serde::{Deserialize, Serialize};

use super::{Class, Clients};
use crate::client::Part;
use crate::limits::LONGEST_TIME;
use crate::protocol::Rank;
use crate::toml_file::Wrong;

/// The clients that have a part of their own, in rank order. By default no client has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Role>")]
pub struct Cast(Vec<Role>);

/// A client's class, and what it does as one of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// The client.
    pub client: Rank,
    /// The name of the class.
    pub class: String,
    /// What the client does.
    #[serde(flatten)]
    pub part: Part,
}

impl Cast {
    /// The part of a client: everybody's, if it has none of its own.
    pub fn part(&self, client: Rank) -> Part {
        self.role(client).map_or(Part::default(), |role| role.part)
    }

    /// The class of a client, if it is in one.
    pub fn class(&self, client: Rank) -> Option<&str> {
        Some(&self.role(client)?.class)
    }

    fn role(&self, client: Rank) -> Option<&Role> {
        let place = self.0.binary_search_by_key(&client, |role| role.client);
        Some(&self.0[place.ok()?])
    }

    /// The longest upload time of a client that has one of its own.
    pub fn longest_upload_time(&self) -> Duration {
        let times = self.0.iter().filter_map(|role| role.part.upload_time);
        times.max().unwrap_or_default()
    }

    /// Whether no client has a part of its own.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The parts, in rank order.
    pub fn iter(&self) -> impl Iterator<Item = &Role> {
        self.0.iter()
    }
}

impl From<Vec<Role>> for Cast {
    fn from(mut roles: Vec<Role>) -> Cast {
        roles.sort_by_key(|role| role.client);
        Cast(roles)
    }
}

pub(super) fn cast(classes: &[Class], clients: usize, mut rng: Rng) -> Result<Cast, Wrong> {
    let mut members = named(classes, clients)?;
    let mut others: Vec<Rank> = Rank::clients(clients).collect();
    others.retain(|client| !members.contains_key(client));
    let drawn = others.len();
    rng.shuffle(&mut others);
    let mut others = others.into_iter();
    // The sums are rounded, not the shares: so no client is left over where the shares are 1 together.
    let (mut sum, mut taken) = (0.0, 0);
    for (number, class) in classes.iter().enumerate() {
        if let Clients::Share(share) = class.clients {
            sum += share;
            let end = (sum * drawn as f64).round() as usize;
            let these = others.by_ref().take(end.saturating_sub(taken));
            members.extend(these.map(|client| (client, number)));
            taken = taken.max(end);
        }
    }
    let mut latest: Vec<Duration> = classes.iter().map(|class| class.arrives).collect();
    let role = |(client, number): (Rank, usize)| {
        let class = &classes[number];
        if let Some((mean, place)) = &class.every {
            latest[number] += exponential(*mean, &mut rng);
            if latest[number] > LONGEST_TIME {
                let text = format!("client {client} would arrive after more than a year");
                return Err((place.clone(), text));
            }
        }
        Ok(Role {
            client,
            class: class.name.clone(),
            part: class.part.later(latest[number]),
        })
    };
    let roles: Result<_, Wrong> = members.into_iter().map(role).collect();
    roles.map(Cast)
}

/// The clients whose ranks are named, with the numbers of their classes.
fn named(classes: &[Class], clients: usize) -> Result<BTreeMap<Rank, usize>, Wrong> {
    let mut members: BTreeMap<Rank, usize> = BTreeMap::new();
    for (number, class) in classes.iter().enumerate() {
        let Clients::Ranks(ranks) = &class.clients else {
            continue;
        };
        for (ranks, place) in ranks {
            if *ranks.end() as usize > clients {
                let rank = ranks.end();
                let text = format!("client {rank}: the last client has rank {clients}");
                return Err((place.clone(), text));
            }
            for rank in ranks.clone() {
                if let Some(other) = members.insert(Rank(rank), number) {
                    let other = &classes[other].name;
                    let text = format!(
                        "client {rank}: expected it in one class, found it in '{other}' as well"
                    );
                    return Err((place.clone(), text));
                }
            }
        }
    }
    Ok(members)
}

/// The time to the next arrival, where clients arrive one after another and independently (Poisson).
fn exponential(mean: Duration, rng: &mut Rng) -> Duration {
    // At most 37 times the mean, for a fraction is a multiple of 2^-53.
    mean.mul_f64(-(1.0 - rng.f64()).ln())
}
