//! Tests that are given in folders.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::Case;
use crate::seen::condition::Origin;
use swarm::inputs;
use swarm::protocol::Rank;
use swarm::shown::Shown;

/// The most bytes of an input.
const MOST_BYTES: u64 = 64 << 20;

/// The tests of a folder: each folder in it, however deep, that has inputs; or the folder itself.
///
/// # Errors
/// When there are none, or some are no sound tests: says all that is wrong with each, a line for each.
pub fn given(folder: &Path) -> Result<Vec<Case>> {
    let mut folders = Vec::new();
    find(folder, &mut folders).with_context(|| format!("cannot list {}", folder.shown()))?;
    ensure!(
        !folders.is_empty(),
        "there is no folder with an in1.txt in {}",
        folder.shown()
    );
    folders.sort();
    let mut cases = Vec::new();
    let mut unsound = Vec::new();
    for path in folders {
        match read(folder, &path) {
            Ok(case) => cases.push(case),
            Err(problems) => unsound.extend(
                (problems.into_iter())
                    .map(|problem| format!("{} is no sound test: {problem}", path.shown())),
            ),
        }
    }
    if !unsound.is_empty() {
        bail!(unsound.join("\n"));
    }
    Ok(cases)
}

fn find(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !inputs::clients(folder)?.is_empty() {
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

/// The bytes of an input.
fn whole(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        let most = MOST_BYTES >> 20;
        return Err(io::Error::other(format!(
            "an input of a test has at most {most} MiB"
        )));
    }
    Ok(bytes)
}

fn read(root: &Path, folder: &Path) -> Result<Case, Vec<String>> {
    let listed = inputs::clients(folder).map_err(|error| vec![error.to_string()])?;
    let clients = inputs::count(&listed).map_err(|error| vec![error.to_string()])?;
    let read = |client| whole(&inputs::path(folder, client));
    let texts = Rank::clients(clients).map(read).collect();
    let name = folder.strip_prefix(root).unwrap_or(folder);
    let name = match name.to_str() {
        None | Some("") => folder
            .file_name()
            .map_or("test".into(), |name| name.to_string_lossy().into_owned()),
        Some(name) => name.to_owned(),
    };
    Case::read(name, Origin::Given, texts)
}

#[cfg(test)]
mod tests {
    use super::*;

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
