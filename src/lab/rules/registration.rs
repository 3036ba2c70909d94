//! R1. Every client registers with INIT. Only when all have, each gets its INIT_ACK, and no client
//! asks for anything before its own. If the judge knows the client's input, INIT has to say what that says.

use std::collections::BTreeSet;

use super::known::KnownSwarm;
use super::{Hearing, Passing, RuleCheck, Way};
use swarm::client;
use swarm::protocol::{FileName, Init, InitAck, Letter, OwnedFile, Rank, ToDownload, ToTracker};

#[derive(Default)]
pub(super) struct Registration {
    /// The clients that have sent INIT.
    sent: BTreeSet<Rank>,
    /// The clients whose INIT the tracker has taken.
    heard: BTreeSet<Rank>,
    /// The first client that cannot use its input.
    unable: Option<Rank>,
    /// The clients that were sent INIT_ACK.
    answered: BTreeSet<Rank>,
    /// The clients that have taken one that starts the swarm.
    started: BTreeSet<Rank>,
}

impl RuleCheck for Registration {
    fn message(&mut self, passing: &Passing<'_>, hearing: &mut Hearing<'_>) {
        let known = hearing.known;
        let (from, to) = (passing.from, passing.to);
        match (passing.way, passing.letter) {
            (Way::Posted, Letter::ToTracker(ToTracker::Init(init))) => {
                if !self.sent.insert(from) {
                    hearing.report(format!("rank {from} sent a second INIT"));
                }
                let input = known.inputs.get(&from).map(client::init);
                if let Some(why) = input.and_then(|input| difference(init, &input)) {
                    let text = format!("rank {from} sent an INIT that is not its input's: {why}");
                    hearing.report(text);
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
                    hearing.report(format!(
                        "the tracker sent rank {to} INIT_ACK before the INIT of rank {silent}"
                    ));
                } else if let Some(text) = self.contradiction(ack, known) {
                    hearing.report(text);
                }
                if !self.answered.insert(to) {
                    hearing.report(format!("the tracker sent rank {to} a second INIT_ACK"));
                }
            }
            (Way::Taken, Letter::ToDownload(ToDownload::InitAck(InitAck::Start(_)))) => {
                self.started.insert(to);
            }
            (Way::Posted, letter) if from != Rank::TRACKER && !self.started.contains(&from) => {
                let tag = letter.tag();
                hearing.report(format!("rank {from} sent {tag} before its INIT_ACK"));
            }
            (Way::Posted | Way::Taken, _) => {}
        }
    }

    fn owed(&mut self, hearing: &mut Hearing<'_>) {
        let known = hearing.known;
        for client in known.clients() {
            if !self.sent.contains(&client) {
                hearing.report(format!("rank {client} never sent INIT"));
            } else if !self.answered.contains(&client) {
                hearing.report(format!("rank {client} was never sent INIT_ACK"));
            }
        }
    }
}

impl Registration {
    /// What is wrong with an INIT_ACK that starts the swarm, or does not, after these INITs.
    fn contradiction(&self, ack: &InitAck, known: &KnownSwarm) -> Option<String> {
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

/// The first difference between an INIT and what the client's input says.
fn difference(said: &Init, expected: &Init) -> Option<String> {
    match (said, expected) {
        (Init::Unable(_), Init::Unable(_)) => None,
        (Init::Unable(_), Init::Ready(_)) => Some("it refuses a good one".into()),
        (Init::Ready(_), Init::Unable(_)) => Some("that one cannot be used".into()),
        (Init::Ready(said), Init::Ready(expected)) => {
            let lacks =
                |files: &[OwnedFile], name: &FileName| files.iter().all(|file| file.name != *name);
            let forgotten = expected.iter().find(|file| lacks(said, &file.name));
            let invented = said.iter().find(|file| lacks(expected, &file.name));
            let forged = said.iter().find_map(|file| {
                let input = expected.iter().find(|other| other.name == file.name)?;
                let segment = file.hashes.first_difference(&input.hashes)?;
                Some(format!("segment {segment} of '{}' differs", file.name))
            });
            let forgotten = forgotten.map(|file| format!("'{}' is not in it", file.name));
            let invented = invented.map(|file| format!("'{}' is not in the input", file.name));
            forgotten.or(invented).or(forged)
        }
    }
}
