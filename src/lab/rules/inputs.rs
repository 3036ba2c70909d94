//! R1, R3 and R8 against the clients' inputs, where these are at hand: INIT says what the input does,
//! what the input wants is asked for, and nothing else is.

use std::collections::{BTreeMap, BTreeSet};

use super::known::Known;
use super::{Check, Offences, Passing, Rule, Way};
use swarm::client;
use swarm::manifest::Manifest;
use swarm::protocol::{FileName, Init, Letter, OwnedFile, Rank, Reason, ToTracker};

/// What each client has read; why not, if it could not.
pub type Inputs = BTreeMap<Rank, Result<Manifest, Vec<String>>>;

pub(super) struct Given {
    inputs: Inputs,
    /// What each client has asked for.
    asked: BTreeMap<Rank, BTreeSet<FileName>>,
}

impl Given {
    pub(super) fn new(inputs: Inputs) -> Given {
        Given {
            inputs,
            asked: BTreeMap::new(),
        }
    }
}

impl Check for Given {
    fn message(&mut self, passing: &Passing<'_>, _: &Known, offences: &mut Offences) {
        let from = passing.from;
        let (Way::Posted, Some(input)) = (passing.way, self.inputs.get(&from)) else {
            return;
        };
        match passing.letter {
            Letter::ToTracker(ToTracker::Init(init)) => {
                if let Some(difference) = difference(init, &client::init(input)) {
                    let text =
                        format!("rank {from} sent an INIT that is not its input's: {difference}");
                    offences.report(Rule::R1, text);
                }
            }
            Letter::ToTracker(ToTracker::SwarmRequest(name)) => {
                self.asked.entry(from).or_default().insert(name.clone());
                let wants = |input: &Manifest| input.wanted.contains(name);
                if !input.as_ref().is_ok_and(wants) {
                    let text =
                        format!("rank {from} asked for '{name}', which its input does not want");
                    offences.report(Rule::R3, text);
                }
            }
            Letter::ToTracker(ToTracker::AllComplete { missing }) => {
                let mut asked = self.asked.remove(&from).unwrap_or_default();
                let left = missing.iter().filter(|file| file.reason == Reason::ItLeft);
                asked.extend(left.map(|file| file.name.clone()));
                let wanted = input.as_ref().map_or(&[][..], |input| &input.wanted);
                let owns = |name| input.as_ref().is_ok_and(|input| owns(input, name));
                let forgotten = wanted
                    .iter()
                    .find(|name| !asked.contains(name) && !owns(name));
                if let Some(name) = forgotten {
                    let text = format!(
                        "rank {from} sent ALL_COMPLETE and never asked for '{name}', \
                         which its input wants"
                    );
                    offences.report(Rule::R8, text);
                }
            }
            Letter::ToTracker(_) | Letter::ToDownload(_) | Letter::ToUpload(_) => {}
        }
    }
}

fn owns(input: &Manifest, name: &FileName) -> bool {
    input.owned.iter().any(|file| file.name == *name)
}

/// What an INIT says and should not, or does not say and should.
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
