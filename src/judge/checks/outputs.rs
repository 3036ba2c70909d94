//! Whether every client writes the files that it wants, and no others. Files are compared as by `diff -w`.

use std::collections::BTreeMap;

use crate::checks::evidence::*;
use crate::seen::known::{Known, KnownFile};
use crate::seen::run::{split, squeezed};
use swarm::protocol::is_output_name;

/// The most wrong files that are named.
const MOST_FILES: usize = 20;

/// A file that a client has to write.
struct Output<'a> {
    client: Rank,
    file: &'a KnownFile,
    lines: Vec<&'a [u8]>,
}

/// All files that clients have to write, by the names of the outputs.
fn expected(known: &Known) -> BTreeMap<String, Output<'_>> {
    let outputs = known.files.iter().flat_map(|file| {
        file.leechers.iter().map(move |&client| {
            let lines = known.hashes(file).map(str::as_bytes).collect();
            let output = Output {
                client,
                file,
                lines,
            };
            (file.output(client), output)
        })
    });
    outputs.collect()
}

/// Something wrong with the files. The worst is last.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    Extra,
    Short,
    Missing,
    Differs,
}

pub(super) fn judge(scene: &Scene<'_>) -> Result<Shown, Unseen> {
    let Scene { known, run, .. } = scene;
    let expected = expected(known);
    let others = (run.outputs.iter()).filter(|(name, _)| !known.may_write.contains(*name));
    let others: BTreeMap<&str, &[u8]> = others
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    let mut faults: Vec<(Fault, Evidence)> = Vec::new();
    for (name, output) in &expected {
        let fault = match run.outputs.get(name) {
            None => Some((Fault::Missing, missing(name, output, &others))),
            Some(bytes) => compare(known, name, output, bytes),
        };
        faults.extend(fault);
    }
    if run.has_ended_well() {
        let extra = others.keys().filter(|name| is_output_name(name));
        faults.extend(extra.map(|name| (Fault::Extra, extra_file(name))));
    } else {
        // A file that is missing might have come, and an extra file might have been renamed.
        let before = faults.len();
        faults.retain(|(fault, _)| *fault == Fault::Differs);
        if faults.is_empty() && before > 0 {
            let verb = if before == 1 { "was" } else { "were" };
            let of = count(expected.len(), "file");
            let then = format!(" before {before} of {of} {verb} written to the end");
            scene.saw_good_end(&then)?;
        }
    }
    faults.sort_by(|(one, _), (other, _)| other.cmp(one));
    let mut faults = faults.into_iter().map(|(_, evidence)| evidence);
    let Some(mut worst) = faults.next() else {
        return Ok(Shown::Right);
    };
    let more = faults.len().saturating_sub(MOST_FILES);
    let rest = faults.take(MOST_FILES).map(|evidence| evidence.said);
    worst.details.extend(rest);
    if more > 0 {
        worst
            .details
            .push(format!("and {} more", count(more, "file")));
    }
    wrong(worst)
}

fn missing(name: &str, output: &Output<'_>, others: &BTreeMap<&str, &[u8]>) -> Evidence {
    let (client, file, lines) = (output.client, &output.file.name, &output.lines);
    let hint = format!(
        "see that client {client} writes every file that it wants as client<R>_<NAME> in the working folder, and \
         closes it before it ends"
    );
    let evidence = Evidence::new(format!("client {client} wrote no {name}"), hint);
    // It may be there under another name.
    let same = others.iter().find(|(_, bytes)| {
        split(bytes)
            .iter()
            .map(|line| squeezed(line))
            .eq(lines.iter().copied())
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

/// What is wrong with a file, if something is.
fn compare(
    known: &Known,
    name: &str,
    output: &Output<'_>,
    bytes: &[u8],
) -> Option<(Fault, Evidence)> {
    let (file, lines) = (&output.file.name, &output.lines);
    let whole = split(bytes);
    let found: Vec<Vec<u8>> = whole.iter().map(|line| squeezed(line)).collect();
    let (wanted, there) = (lines.len(), found.len());
    let differing = lines.iter().zip(&found).filter(|(a, b)| a != b).count();
    let first = lines.iter().zip(&found).position(|(a, b)| a != b);
    // The last line may not have come to the disk yet.
    let is_cut = first.is_some_and(|place| {
        place + 1 == there && !bytes.ends_with(b"\n") && lines[place].starts_with(&found[place])
    });
    if let Some(place) = first.filter(|_| !is_cut) {
        let (right, wrong) = (&lines[place], &found[place]);
        let (what, hint) = difference(known, output, place, &found);
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
    known: &Known,
    output: &Output<'_>,
    place: usize,
    found: &[Vec<u8>],
) -> (String, &'static str) {
    let (right, wrong) = (output.lines[place], &found[place]);
    let filled = found.iter().filter(|line| !line.is_empty());
    if wrong.is_empty() && filled.eq(&output.lines) {
        let what = "is empty, and all hashes are there without the empty lines";
        return (what.into(), "see whether a line break is written twice");
    }
    if let Some(segment) = known.find(wrong) {
        if !known.is_unique(segment) {
            let hint =
                "keep each segment at its number in its file, not in the order in which they come";
            return ("is the hash of other segments".into(), hint);
        }
        let hint = if known.file_of(segment) == output.file {
            "keep each segment at its number in the file, not in the order in which they come"
        } else {
            "see that a request and its answer name the file, and that files do not share one buffer"
        };
        return (format!("is the hash of {}", known.words(segment)), hint);
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

#[cfg(test)]
mod tests;
