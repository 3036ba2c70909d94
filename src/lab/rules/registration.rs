//! R1. Every client registers with INIT. Only when all have, each gets its INIT_ACK, and no client
//! asks for anything before its own.

use std::collections::BTreeSet;

use super::known::Known;
use super::{Check, Offences, Passing, Rule, Way};
use swarm::protocol::{Init, InitAck, Letter, Rank, ToDownload, ToTracker};

#[derive(Default)]
pub(super) struct Registration {
    /// Who has sent INIT.
    sent: BTreeSet<Rank>,
    /// Whose INIT the tracker has taken.
    heard: BTreeSet<Rank>,
    /// Who cannot use its input.
    unable: Option<Rank>,
    /// Who was sent INIT_ACK.
    answered: BTreeSet<Rank>,
    /// Who has taken it.
    started: BTreeSet<Rank>,
}

impl Check for Registration {
    fn message(&mut self, passing: &Passing<'_>, known: &Known, offences: &mut Offences) {
        let (from, to) = (passing.from, passing.to);
        let mut report = |text| offences.report(Rule::R1, text);
        match (passing.way, passing.letter) {
            (Way::Posted, Letter::ToTracker(ToTracker::Init(_))) => {
                if !self.sent.insert(from) {
                    report(format!("rank {from} sent a second INIT"));
                }
            }
            (Way::Taken, Letter::ToTracker(ToTracker::Init(init))) => {
                self.heard.insert(from);
                if matches!(init, Init::Unable(_)) {
                    self.unable.get_or_insert(from);
                }
            }
            (Way::Posted, Letter::ToDownload(ToDownload::InitAck(ack))) => {
                let silent = known.clients().find(|client| !self.heard.contains(client));
                if let Some(silent) = silent {
                    report(format!(
                        "the tracker sent rank {to} INIT_ACK before the INIT of rank {silent}"
                    ));
                } else if let Some(text) = self.contradiction(ack, known) {
                    report(text);
                }
                if !self.answered.insert(to) {
                    report(format!("the tracker sent rank {to} a second INIT_ACK"));
                }
            }
            (Way::Taken, Letter::ToDownload(ToDownload::InitAck(InitAck::Start(_)))) => {
                self.started.insert(to);
            }
            (Way::Posted, letter) if from != Rank::TRACKER && !self.started.contains(&from) => {
                let tag = letter.tag();
                report(format!("rank {from} sent {tag} before its INIT_ACK"));
            }
            (Way::Posted | Way::Taken, _) => {}
        }
    }

    fn owed(&self, known: &Known, owed: &mut Offences) {
        for client in known.clients() {
            if !self.sent.contains(&client) {
                owed.report(Rule::R1, format!("rank {client} never sent INIT"));
            } else if !self.answered.contains(&client) {
                owed.report(Rule::R1, format!("rank {client} was never sent INIT_ACK"));
            }
        }
    }
}

impl Registration {
    /// What is wrong with an INIT_ACK that starts the swarm, or does not, after these INITs.
    fn contradiction(&self, ack: &InitAck, known: &Known) -> Option<String> {
        match (ack, self.unable, &known.contradiction) {
            (InitAck::Start(_), Some(unable), _) => Some(format!(
                "the tracker started the swarm, though rank {unable} cannot use its input"
            )),
            (InitAck::Start(_), None, Some(name)) => Some(format!(
                "the tracker started the swarm, though the owners of '{name}' do not agree"
            )),
            (InitAck::Refused, None, None) => {
                Some("the tracker did not start the swarm, without a reason".to_owned())
            }
            (InitAck::Start(_), None, None) | (InitAck::Refused, _, _) => None,
        }
    }
}
