//! The tests that a program is run on: given in folders, or made up. Each run can have fresh hashes of its
//! own, so that a segment is recognised by its hash.

mod made_up;
mod promise;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use fastrand::Rng;
use promise::beyond;

use crate::seen::condition::Origin;
use swarm::inputs;
use swarm::manifest::{self, Manifest};
use swarm::protocol::Rank;

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
    fn new(name: String, origin: Origin, texts: Vec<String>) -> Result<Case> {
        let mut read = Vec::new();
        for (client, text) in (1..).zip(&texts) {
            let input = manifest::parse(text.as_bytes());
            read.push(
                input
                    .map_err(|problems| anyhow::anyhow!("{name}/in{client}.txt:{}", problems[0]))?,
            );
        }
        Ok(Case {
            beyond: beyond(&texts, &read),
            name,
            origin,
            texts,
            inputs: read,
        })
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

/// The tests of a folder: each folder in it, however deep, that has an `in1.txt`; or the folder itself.
///
/// # Errors
/// When there are none, or one cannot be read: says which file and line.
pub fn given(folder: &Path) -> Result<Vec<Case>> {
    let mut folders = Vec::new();
    find(folder, &mut folders).with_context(|| format!("cannot list {}", folder.display()))?;
    ensure!(
        !folders.is_empty(),
        "there is no folder with an in1.txt in {}",
        folder.display()
    );
    folders.sort();
    folders.iter().map(|path| read(folder, path)).collect()
}

fn find(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if folder.join("in1.txt").is_file() {
        found.push(folder.to_owned());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            find(&entry.path(), found)?;
        }
    }
    Ok(())
}

fn read(root: &Path, folder: &Path) -> Result<Case> {
    let shown = folder.display();
    let clients = inputs::clients(folder).with_context(|| format!("cannot list {shown}"))?;
    let clients = inputs::count(&clients).with_context(|| shown.to_string())?;
    let mut texts = Vec::new();
    for client in Rank::clients(clients) {
        let path = inputs::path(folder, client);
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let Ok(text) = String::from_utf8(text) else {
            bail!("{}: is not text", path.display());
        };
        texts.push(text);
    }
    let name = folder.strip_prefix(root).unwrap_or(folder);
    let name = match name.to_str() {
        None | Some("") => folder
            .file_name()
            .map_or("test".into(), |name| name.to_string_lossy().into_owned()),
        Some(name) => name.to_owned(),
    };
    let case = Case::new(name, Origin::Given, texts);
    case.with_context(|| root.display().to_string())
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

    #[test]
    fn the_tests_of_the_repository_are_read_and_those_of_the_course_are_within_its_limits() {
        let cases = given(Path::new("../../inputs")).unwrap();
        let within: Vec<&str> = (cases.iter())
            .filter(|case| case.beyond.is_none())
            .map(|case| case.name.as_str())
            .collect();
        for name in ["test1", "test2", "test3", "test4"] {
            assert!(within.contains(&name), "{within:?}");
        }
        assert!(within.len() < cases.len());
        let problem = given(Path::new("/proc/self/fd")).unwrap_err();
        assert!(
            problem
                .to_string()
                .starts_with("there is no folder with an in1.txt")
        );
    }
}
