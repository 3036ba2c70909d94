//! The tests that a program is run on: given in folders, or made up. Each run can have fresh hashes of its
//! own, so that a segment is recognised by its hash.

mod given;
mod made_up;
mod promise;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use fastrand::Rng;
use promise::beyond;

use crate::seen::condition::Origin;
use swarm::manifest::{self, Manifest};
use swarm::protocol::Rank;
use swarm::sound;

pub use given::given;
pub use made_up::{generated, generated_beyond};

/// A test: the inputs of all clients, and where they are from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The name of its folder, or of its shape.
    pub name: String,
    /// Where it is from.
    pub origin: Origin,
    /// The first thing in its inputs that the assignment does not promise, if there is one.
    pub beyond: Option<String>,
    /// The inputs as they are written.
    pub texts: Vec<String>,
    /// The same as they are read.
    pub inputs: Vec<Manifest>,
}

impl Case {
    /// Reads the inputs, which have to be those of a sound swarm.
    ///
    /// # Errors
    /// All that is wrong with them, each a line for the user.
    fn read(
        name: String,
        origin: Origin,
        texts: Vec<io::Result<Vec<u8>>>,
    ) -> Result<Case, Vec<String>> {
        let read = |(client, text): (Rank, &io::Result<Vec<u8>>)| {
            let file = format!("in{client}.txt");
            let text = (text.as_ref())
                .map_err(|error| vec![format!("{file}: cannot be read: {error}")])?;
            let in_file = |problem: String| format!("{file}:{problem}");
            manifest::parse(&text[..])
                .map_err(|problems| problems.into_iter().map(in_file).collect())
        };
        let clients = Rank::clients(texts.len()).zip(&texts);
        let inputs: Vec<Result<Manifest, Vec<String>>> = clients.map(read).collect();
        sound::check(&inputs)?;
        let inputs: Vec<Manifest> = inputs.into_iter().flatten().collect();
        let texts = texts.into_iter().flatten().map(String::from_utf8);
        let texts: Result<Vec<String>, _> = texts.collect();
        let texts = texts.expect("what is read as an input is UTF-8");
        Ok(Case {
            beyond: beyond(&texts, &inputs),
            name,
            origin,
            texts,
            inputs,
        })
    }

    fn new(name: String, origin: Origin, texts: Vec<String>) -> Result<Case, Vec<String>> {
        let texts = texts.into_iter().map(|text| Ok(text.into()));
        Case::read(name, origin, texts.collect())
    }

    /// A made-up one.
    fn made_up(name: &str, inputs: &[Manifest]) -> Case {
        let texts = inputs.iter().map(ToString::to_string).collect();
        Case::new(name.into(), Origin::Generated, texts).expect("what is written can be read")
    }

    /// The same test with other hashes. Where two were equal, two are.
    pub fn fresh(&self, rng: &mut Rng) -> Case {
        let hashes = (self.inputs.iter())
            .flat_map(|input| &input.owned)
            .flat_map(|file| file.hashes.iter().map(|hash| hash.to_string()));
        let hashes: BTreeSet<String> = hashes.collect();
        let fresh: BTreeMap<String, String> = (hashes.into_iter())
            .map(|hash| (hash, format!("{:032x}", rng.u128(..))))
            .collect();
        let replaced = |text: &String| {
            let words = text.split_inclusive(char::is_whitespace);
            let words = words.map(|word| {
                let hash = word.trim_end();
                match fresh.get(hash) {
                    Some(other) => format!("{other}{}", &word[hash.len()..]),
                    None => word.to_owned(),
                }
            });
            words.collect()
        };
        let texts = self.texts.iter().map(replaced).collect();
        let case = Case::new(self.name.clone(), self.origin, texts);
        Case {
            beyond: self.beyond.clone(),
            ..case.expect("another hash is as good")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promise::LONGEST_NAME;

    #[test]
    fn what_is_made_up_is_what_the_assignment_allows_and_from_the_seed() {
        let cases = generated(18, 3);
        assert_eq!(cases, generated(18, 3));
        for case in &cases {
            assert_eq!(case.beyond, None, "{}", case.name);
            for input in &case.inputs {
                assert!(!input.owned.is_empty() || !input.wanted.is_empty());
            }
            assert!(case.inputs.iter().any(|input| !input.wanted.is_empty()));
        }
        let names: BTreeSet<&String> = cases.iter().map(|case| &case.name).collect();
        assert_eq!(names.len(), 18);
        let longest = cases
            .iter()
            .flat_map(|case| &case.inputs)
            .flat_map(|input| &input.owned);
        assert_eq!(
            longest.map(|file| file.name.as_str().len()).max(),
            Some(LONGEST_NAME)
        );
    }

    #[test]
    fn what_goes_beyond_the_assignment_says_how() {
        let said: Vec<String> = generated_beyond(1)
            .into_iter()
            .filter_map(|case| case.beyond)
            .collect();
        assert_eq!(
            said,
            [
                "the name '16-letter-file.x'",
                "there are 14 files",
                "'file1' has 250 segments",
                "two segments have one hash",
                "client 2 neither owns nor wants a file",
                "in1.txt: the lines end in CR and LF",
            ]
        );
    }

    #[test]
    fn fresh_hashes_leave_everything_else_as_it_is_written() {
        for case in generated_beyond(1) {
            let fresh = case.fresh(&mut Rng::with_seed(5));
            let other = case.fresh(&mut Rng::with_seed(6));
            for ((before, after), other) in case.texts.iter().zip(&fresh.texts).zip(&other.texts) {
                assert_eq!(before.len(), after.len());
                assert!(before.len() < 100 || (before != after && after != other));
                let line_lengths = |text: &str| text.split('\n').map(str::len).collect::<Vec<_>>();
                assert_eq!(line_lengths(before), line_lengths(after));
            }
            assert_eq!(beyond(&fresh.texts, &fresh.inputs), case.beyond);
        }
    }
}
