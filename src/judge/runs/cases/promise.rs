//! What the assignment promises of a program's inputs.

use std::collections::{BTreeMap, BTreeSet};

use swarm::manifest::Manifest;
use swarm::protocol::{FileName, Rank};

/// The most files of a swarm.
const MOST_FILES: usize = 10;

/// The most segments of a file.
const MOST_SEGMENTS: usize = 100;

/// The most letters of a file's name.
pub(super) const LONGEST_NAME: usize = 15;

/// The first thing in inputs that the assignment does not promise, if there is one.
pub(super) fn beyond(texts: &[String], inputs: &[Manifest]) -> Option<String> {
    let owned = || inputs.iter().flat_map(|input| &input.owned);
    if inputs.len() < 2 {
        return Some("there is one client".into());
    }
    let names: BTreeSet<&FileName> = owned().map(|file| &file.name).collect();
    if names.len() > MOST_FILES {
        return Some(format!("there are {} files", names.len()));
    }
    if let Some(file) = owned().find(|file| file.hashes.len() > MOST_SEGMENTS) {
        let (name, length) = (&file.name, file.hashes.len());
        return Some(format!("'{name}' has {length} segments"));
    }
    if let Some(file) = owned().find(|file| file.hashes.is_empty()) {
        return Some(format!("'{}' has no segments", file.name));
    }
    let all = names.iter().copied();
    let mut all = all.chain(inputs.iter().flat_map(|input| &input.wanted));
    let is_unusual = |name: &FileName| {
        name.as_str().len() > LONGEST_NAME
            || name.as_str().contains(|c: char| !c.is_ascii_graphic())
    };
    if let Some(name) = all.find(|name| is_unusual(name)) {
        return Some(format!("the name '{name}'"));
    }
    for (client, input) in Rank::clients(inputs.len()).zip(inputs) {
        if input.owned.is_empty() && input.wanted.is_empty() {
            return Some(format!("client {client} neither owns nor wants a file"));
        }
        if let Some(name) = input.wanted.iter().find(|name| !names.contains(name)) {
            return Some(format!("nobody owns '{name}'"));
        }
        if input.to_download().count() < input.wanted.len() {
            return Some(format!("client {client} wants a file that it owns"));
        }
    }
    let mut places: BTreeMap<[u8; 32], (&FileName, usize)> = BTreeMap::new();
    for file in owned() {
        for (place, hash) in file.hashes.iter().enumerate() {
            let first = *places
                .entry(*hash.as_bytes())
                .or_insert((&file.name, place));
            if first != (&file.name, place) {
                return Some("two segments have one hash".into());
            }
        }
    }
    let is_plain = |text: &String, input: &Manifest| {
        let plain = input.to_string();
        text.trim_end_matches('\n') == plain.trim_end_matches('\n')
    };
    let unusual = texts
        .iter()
        .zip(inputs)
        .position(|(text, input)| !is_plain(text, input))?;
    let what = if texts[unusual].contains('\r') {
        "the lines end in CR and LF"
    } else {
        "there is unusual white space"
    };
    Some(format!("in{}.txt: {what}", unusual + 1))
}
