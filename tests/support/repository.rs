//! The swarms that the repository comes with, and the designs that its pages name.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use swarm::manifest::{self, Manifest};

/// The folder of the repository.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("this is in tests/support")
}

/// The test folders of the repository with their inputs.
pub fn folders() -> BTreeMap<PathBuf, Vec<Manifest>> {
    let inputs = root().join("inputs");
    let folders: BTreeMap<PathBuf, Vec<Manifest>> = [inputs.clone(), inputs.join("edge")]
        .iter()
        .flat_map(|folder| fs::read_dir(folder).expect("the repository has inputs"))
        .map(|entry| entry.expect("a folder can be listed").path())
        .filter(|folder| folder.join("in1.txt").exists())
        .map(|folder| {
            let inputs = (1..)
                .map(|client| folder.join(format!("in{client}.txt")))
                .take_while(|path| path.exists())
                .map(|path| manifest::read(&path).expect("a good input"))
                .collect();
            (folder, inputs)
        })
        .collect();
    assert!(folders.len() >= 12, "these are not all of them");
    folders
}

/// The published designs of the table in `docs/designs.md`, each with its options.
pub fn designs() -> BTreeMap<char, Vec<&'static str>> {
    let design = |row: &'static str| {
        let [_, letter, _, options, _] = row.split('|').collect::<Vec<_>>()[..] else {
            return None;
        };
        let letter = letter.trim().strip_prefix("**")?.strip_suffix("**")?;
        let options = options.split('`').skip(1).step_by(2);
        Some((
            letter.parse().ok()?,
            options.flat_map(str::split_whitespace).collect(),
        ))
    };
    let designs: BTreeMap<_, _> = include_str!("../../docs/designs.md")
        .lines()
        .filter_map(design)
        .collect();
    assert_eq!(designs.keys().collect::<String>(), "ABCDE");
    designs
}
