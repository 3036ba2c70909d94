//! What makes the inputs of a swarm sound: every client can use its own, and all owners of a file say the
//! same of it. Whoever starts a swarm refuses others, in these words.

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::Manifest;
use crate::protocol::{FileName, Hashes, OwnedFile, Rank};

/// The inputs of clients, as they become known. A file is kept once, however many clients own it.
#[derive(Debug, Default)]
pub struct Inputs {
    problems: BTreeMap<Rank, Vec<String>>,
    /// The versions of each file. If there are two, their owners contradict each other.
    versions: BTreeMap<FileName, Vec<Version>>,
}

/// What some clients say that a file consists of.
#[derive(Debug)]
pub struct Version {
    /// The hashes of its segments.
    pub hashes: Hashes,
    /// Who says so.
    pub owners: BTreeSet<Rank>,
}

impl Inputs {
    /// Adds what a client owns, or why it cannot use its input: lines for the user.
    pub fn add(&mut self, client: Rank, input: Result<Vec<OwnedFile>, Vec<String>>) {
        let files = match input {
            Ok(files) => files,
            Err(problems) => {
                self.problems.insert(client, problems);
                return;
            }
        };
        for OwnedFile { name, hashes } in files {
            let versions = self.versions.entry(name).or_default();
            match versions.iter_mut().find(|version| version.hashes == hashes) {
                Some(version) => _ = version.owners.insert(client),
                None => versions.push(Version {
                    hashes,
                    owners: BTreeSet::from([client]),
                }),
            }
        }
    }

    /// All files, if the inputs are sound.
    ///
    /// # Errors
    /// Lines for the user: what is wrong with each client's input, in rank order, and for each two versions
    /// of a file their first owners, and the first segment that differs.
    pub fn close(mut self) -> Result<BTreeMap<FileName, Version>, Vec<String>> {
        let mut problems: Vec<String> = self.problems.into_values().flatten().collect();
        for (name, versions) in &mut self.versions {
            versions.sort_by_key(Version::first_owner);
            let (first, others) = versions.split_first().expect("a name came with a version");
            problems.extend(others.iter().map(|other| other.contradiction(name, first)));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let files = self.versions.into_iter().map(|(name, versions)| {
            let version = versions.into_iter().next();
            (name, version.expect("a name came with a version"))
        });
        Ok(files.collect())
    }
}

impl Version {
    fn first_owner(&self) -> Rank {
        *self.owners.first().expect("a version came from an owner")
    }

    /// How it differs from another version, in words for the user.
    fn contradiction(&self, name: &FileName, other: &Version) -> String {
        let [one, two] = [other, self].map(Version::first_owner);
        let difference = self.hashes.first_difference(&other.hashes);
        let position = difference.expect("equal versions are kept once");
        format!(
            "clients {one} and {two} both own '{name}', \
             with different segments from segment {position} on"
        )
    }
}

/// Whether the inputs of all clients, in rank order, are those of a sound swarm.
///
/// # Errors
/// As [`Inputs::close`].
pub fn check(inputs: &[Result<Manifest, Vec<String>>]) -> Result<(), Vec<String>> {
    let mut all = Inputs::default();
    for (client, input) in Rank::clients(inputs.len()).zip(inputs) {
        let owned = input.as_ref().map(|input| input.owned.clone());
        all.add(client, owned.map_err(Clone::clone));
    }
    all.close().map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest;

    #[test]
    fn every_problem_is_a_line_and_those_of_one_client_come_first() {
        let hash = |letter: char| letter.to_string().repeat(32);
        let input = |content: &str| {
            let hashes: Vec<String> = content.chars().map(hash).collect();
            let text = format!("1 f {} {} 0", hashes.len(), hashes.join(" "));
            manifest::parse(text.as_bytes())
        };
        let unable = || Err(vec!["in5.txt:1: bad".to_owned()]);
        let sound = [input("abcd"), input("abcd"), Ok(Manifest::default())];
        assert_eq!(check(&sound), Ok(()));
        let [one, two, three] = sound;
        let unsound = [one, two, input("abxd"), input("abc"), unable(), three];
        let problems = [
            "in5.txt:1: bad",
            "clients 1 and 3 both own 'f', with different segments from segment 3 on",
            "clients 1 and 4 both own 'f', with different segments from segment 4 on",
        ];
        assert_eq!(check(&unsound), Err(problems.map(String::from).to_vec()));
    }
}
