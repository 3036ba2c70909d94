//! The clients' files against what they should be, as `diff -w` compares.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{has_ended_well, what_happened};
use crate::checks::check::{Evidence, Seen};
use crate::seen::run::Run;
use crate::seen::words::{count, shown};
use swarm::manifest::Manifest;
use swarm::protocol::{FileName, Hashes, Rank};

/// As many of the files that are wrong are named.
const MOST_FILES: usize = 20;

/// What the clients of a run have to write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// Each file, by the name under which a client writes it.
    files: BTreeMap<String, Output>,
    /// What the assignment says nothing of: `client<R>_<NAME>` of what a client both owns and wants, or of what
    /// nobody owns.
    open: BTreeSet<String>,
    /// Where each hash is from: the file and its number there, from 1. Not those of several segments.
    origins: HashMap<Vec<u8>, Option<(FileName, usize)>>,
}

/// A file that a client has to write.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Output {
    client: Rank,
    file: FileName,
    lines: Vec<Vec<u8>>,
}

impl Expected {
    /// What follows from the clients' inputs, in rank order.
    pub fn new(inputs: &[Manifest]) -> Expected {
        let mut expected = Expected::default();
        let mut files: BTreeMap<&FileName, &Hashes> = BTreeMap::new();
        for owned in inputs.iter().flat_map(|input| &input.owned) {
            if files.insert(&owned.name, &owned.hashes).is_none() {
                for (number, hash) in (1..).zip(owned.hashes.iter()) {
                    let origin = Some((owned.name.clone(), number));
                    let known = expected.origins.entry(hash.as_bytes().to_vec());
                    known.and_modify(|origin| *origin = None).or_insert(origin);
                }
            }
        }
        for (client, input) in Rank::clients(inputs.len()).zip(inputs) {
            let name_of = |file: &FileName| format!("client{client}_{file}");
            expected.open.extend(input.wanted.iter().map(name_of));
            for file in input.to_download() {
                if let Some(hashes) = files.get(file) {
                    let lines = hashes.iter().map(|hash| hash.as_bytes().to_vec()).collect();
                    let file = file.clone();
                    expected.open.remove(&name_of(&file));
                    expected.files.insert(
                        name_of(&file),
                        Output {
                            client,
                            file,
                            lines,
                        },
                    );
                }
            }
        }
        expected
    }
}

/// Something wrong with the files. The worst is last.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    Extra,
    Short,
    Missing,
    Differs,
}

pub(super) fn judge(expected: &Expected, run: &Run) -> Seen {
    let mut faults: Vec<(Fault, Evidence)> = Vec::new();
    let mut others: BTreeMap<&str, &[u8]> = BTreeMap::new();
    for (name, bytes) in &run.outputs {
        if !expected.files.contains_key(name) && !expected.open.contains(name) {
            others.insert(name, bytes);
        }
    }
    for (name, output) in &expected.files {
        let fault = match run.outputs.get(name) {
            None => Some((Fault::Missing, missing(name, output, &others))),
            Some(bytes) => compare(expected, name, output, bytes),
        };
        faults.extend(fault);
    }
    if !has_ended_well(run) {
        // What is not there yet might have come, and an extra file might have been renamed.
        let before = faults.len();
        faults.retain(|(fault, _)| *fault == Fault::Differs);
        if faults.is_empty() && before > 0 {
            let what = what_happened(run);
            return Seen::CannotBeTold(format!(
                "{what} before {} of {} {} written to the end",
                before,
                count(expected.files.len(), "file"),
                if before == 1 { "was" } else { "were" },
            ));
        }
    } else {
        let extra = others.keys().filter(|name| is_output(name));
        faults.extend(extra.map(|name| (Fault::Extra, extra_file(name))));
    }
    faults.sort_by(|(one, _), (other, _)| other.cmp(one));
    let mut faults = faults.into_iter().map(|(_, evidence)| evidence);
    let Some(mut worst) = faults.next() else {
        return Seen::Right;
    };
    let more = faults.len().saturating_sub(MOST_FILES);
    let rest = faults.take(MOST_FILES).map(|evidence| evidence.said);
    worst.details.extend(rest);
    if more > 0 {
        worst
            .details
            .push(format!("and {} more", count(more, "file")));
    }
    Seen::Wrong(worst)
}

fn missing(name: &str, output: &Output, others: &BTreeMap<&str, &[u8]>) -> Evidence {
    let Output {
        client,
        file,
        lines,
    } = output;
    let hint = format!(
        "see that client {client} writes every file that it wants as client<R>_<NAME> in the working folder, and \
         closes it before it ends"
    );
    let evidence = Evidence::new(format!("client {client} wrote no {name}"), hint);
    // A file that has all of it under another name.
    let same = others.iter().find(|(_, bytes)| {
        split(bytes)
            .iter()
            .map(|line| squeezed(line))
            .eq(lines.clone())
    });
    match same {
        Some((other, _)) => evidence.with_details(vec![format!(
            "all of {file} is in {}",
            shown(other.as_bytes())
        )]),
        None => evidence,
    }
}

fn extra_file(name: &str) -> Evidence {
    let shown = shown(name.as_bytes());
    Evidence::new(
        format!("{shown} was written, and no client is to download that"),
        "write only the files that the client wants and does not own; look at how the name is put together",
    )
}

/// Whether a name has the form `client<R>_<NAME>`.
fn is_output(name: &str) -> bool {
    let rank = name
        .strip_prefix("client")
        .and_then(|rest| rest.split_once('_'));
    rank.is_some_and(|(rank, _)| !rank.is_empty() && rank.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What is wrong with a file, if something is.
fn compare(
    expected: &Expected,
    name: &str,
    output: &Output,
    bytes: &[u8],
) -> Option<(Fault, Evidence)> {
    let Output { file, lines, .. } = output;
    let whole = split(bytes);
    let found: Vec<Vec<u8>> = whole.iter().map(|line| squeezed(line)).collect();
    let (wanted, there) = (lines.len(), found.len());
    let differing = lines.iter().zip(&found).filter(|(a, b)| a != b).count();
    let first = lines.iter().zip(&found).position(|(a, b)| a != b);
    // The last line may have been cut off on its way to the disk.
    let is_cut = first.is_some_and(|place| {
        place + 1 == there && !bytes.ends_with(b"\n") && lines[place].starts_with(&found[place])
    });
    if let Some(place) = first.filter(|_| !is_cut) {
        let (right, wrong) = (&lines[place], &found[place]);
        let (what, hint) = difference(expected, output, place, &found);
        let said = format!("line {} of {name} {what}", place + 1);
        let evidence = Evidence::new(said, hint).with_details(vec![
            format!("expected: {}", shown(right)),
            format!(
                "found:    {}",
                shown(whole.get(place).unwrap_or(&wrong.as_slice()))
            ),
            format!(
                "{} of {} differ; the file has {}",
                differing + wanted.saturating_sub(there),
                count(wanted, "line"),
                count(there, "line"),
            ),
        ]);
        return Some((Fault::Differs, evidence));
    }
    if there > wanted {
        let said = format!(
            "{name} has {}, and {file} has {}",
            count(there, "line"),
            count(wanted, "segment")
        );
        let hint = "write each segment once; see whether an older, longer text is left in a buffer";
        let line = shown(whole[wanted]);
        let evidence =
            Evidence::new(said, hint).with_details(vec![format!("line {} is {line}", wanted + 1)]);
        return Some((Fault::Differs, evidence));
    }
    (there < wanted || is_cut).then(|| {
        let end = match (there, is_cut) {
            (0, _) => "is empty".to_owned(),
            (there, true) => format!("ends within line {there} of {wanted}"),
            (there, false) => format!("ends after line {there} of {wanted}"),
        };
        let hint = "count a segment when it is received, not when it is asked for; close the file before the \
                    program ends";
        (Fault::Short, Evidence::new(format!("{name} {end}"), hint))
    })
}

/// What the first wrong line is, and what to look at.
fn difference(
    expected: &Expected,
    output: &Output,
    place: usize,
    found: &[Vec<u8>],
) -> (String, &'static str) {
    let (lines, file) = (&output.lines, &output.file);
    let (right, wrong) = (&lines[place], &found[place]);
    let filled = found.iter().filter(|line| !line.is_empty());
    if wrong.is_empty() && filled.eq(lines) {
        let what = "is empty, and all hashes are there without the empty lines";
        return (what.into(), "see whether a line break is written twice");
    }
    if let Some(Some((origin, number))) = expected.origins.get(wrong.as_slice()) {
        let what = format!("is the hash of segment {number} of {origin}");
        let hint = if origin == file {
            "keep each segment at its number in the file, not in the order in which they come"
        } else {
            "see that a request and its answer name the file, and that files do not share one buffer"
        };
        return (what, hint);
    }
    if expected.origins.contains_key(wrong.as_slice()) {
        let what = "is the hash of other segments";
        let hint =
            "keep each segment at its number in its file, not in the order in which they come";
        return (what.into(), hint);
    }
    let terminator = "a hash of 32 characters needs room for 33: the last byte of a C string is 0";
    if wrong.is_empty() {
        let hint = "see whether an answer that has no hash is stored as if it had one";
        ("is empty".into(), hint)
    } else if wrong.starts_with(right) {
        ("goes on after the right hash".into(), terminator)
    } else if right.starts_with(wrong) {
        (
            "has only the beginning of the right hash".into(),
            terminator,
        )
    } else {
        let what = "is not the right hash, nor any other hash of the inputs";
        let hint = "see whether both threads write to one buffer, and whether an answer is stored before it is \
                    checked";
        (what.into(), hint)
    }
}

/// The lines of a file. A missing last line break is none.
fn split(bytes: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    if lines.last().is_some_and(|last| last.is_empty()) {
        lines.pop();
    }
    lines
}

/// A line without what C calls white space.
fn squeezed(line: &[u8]) -> Vec<u8> {
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'\x0b';
    line.iter()
        .copied()
        .filter(|byte| !is_space(byte))
        .collect()
}

#[cfg(test)]
mod tests;
