//! What a run is to be.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::client::{Conduct, Part};
use crate::protocol::Rank;
use crate::scenario::Cast;
use crate::settings::Settings;

/// What is known of a run before it starts. Reports and traces have it as their `settings`, by the
/// names of the options.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// How many clients there are.
    pub clients: usize,
    /// How the swarm works.
    #[serde(flatten)]
    pub settings: Settings,
    /// The clients that answer with wrong hashes, besides those of the scenario.
    pub corrupt: Vec<Rank>,
    /// The clients that have a part of their own, as the scenario deals them.
    #[serde(rename = "scenario", default, skip_serializing_if = "Cast::is_empty")]
    pub cast: Cast,
}

impl Plan {
    /// Why the run cannot begin, in words for the user. `None`: it can.
    pub fn objection(&self) -> Option<String> {
        let mut corrupt = self.corrupt.iter();
        let rank = corrupt.find(|rank| rank.0 as usize > self.clients)?;
        let last = self.clients;
        Some(format!("--corrupt {rank}: the last client has rank {last}"))
    }

    /// Checks a cast that was read.
    ///
    /// # Errors
    /// When it has a part for a client that there is not.
    pub fn check_cast(&self) -> Result<()> {
        for role in self.cast.iter() {
            let (client, clients) = (role.client, self.clients);
            ensure!(
                (1..=clients).contains(&(client.0 as usize)),
                "scenario: client {client}, of {clients}"
            );
        }
        Ok(())
    }

    /// The part of a client.
    pub fn part(&self, client: Rank) -> Part {
        let mut part = self.cast.part(client);
        if self.corrupt.contains(&client) {
            part.conduct = Conduct::Corrupt;
        }
        part
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::time::Duration;

    use super::*;
    use crate::client::Leaving;
    use crate::scenario::Role;

    #[test]
    fn the_settings_of_a_report_are_those_of_its_run_also_where_all_members_are_told() {
        for members in [None, NonZeroUsize::new(50)] {
            let role = |client, part| Role {
                client: Rank(client),
                class: "a".into(),
                part,
            };
            let slow = Part {
                arrival: Duration::from_millis(1500),
                upload_time: Some(Duration::from_millis(250)),
                leaving: Leaving::WhenDone(Duration::from_secs(2)),
                ..Part::default()
            };
            let free_rider = Part {
                conduct: Conduct::FreeRider,
                ..Part::default()
            };
            let plan = Plan {
                clients: 3,
                settings: Settings {
                    members,
                    ..Settings::default()
                },
                corrupt: vec![Rank(2)],
                cast: vec![role(3, slow), role(1, free_rider)].into(),
            };
            let text = serde_json::to_string(&plan).unwrap();
            let members = members.map_or("null".into(), |members| members.to_string());
            let expected = [
                r#"{"clients":3,"tracker_index":"swarm","peer_selection":"round-robin","#,
                r#""segment_order":"sequential","tracker_grants":false,"update_interval":10,"#,
                r#""window":10,"members":MEMBERS,"upload_time":0.0,"upload_slots":2,"seed":0,"#,
                r#""corrupt":[2],"scenario":["#,
                r#"{"client":1,"class":"a","arrival":0.0,"upload_time":null,"#,
                r#""conduct":"free rider","leaves":"never"},"#,
                r#"{"client":3,"class":"a","arrival":1.5,"upload_time":0.25,"#,
                r#""conduct":"honest","leaves":{"when_done":2.0}}]}"#,
            ];
            let expected = expected.concat().replace("MEMBERS", &members);
            assert_eq!(text, expected);
            assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
        }
    }
}
