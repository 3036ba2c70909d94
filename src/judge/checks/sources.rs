//! R5. A file that several clients own is not fetched from one of them.
//!
//! A program may choose a source for each segment, or after each ten, when it has asked the tracker. So
//! one source is wrong where chance does not explain it, as it does in one short download.

use std::collections::{BTreeMap, BTreeSet};

use crate::checks::evidence::*;
use crate::seen::dialogue::Download;

/// A download of fewer segments does not count.
const SEGMENTS: usize = 20;

/// A program that chooses among two owners after every ten segments has one source by chance in one of
/// two to the power of this number of cases.
const BITS: f64 = 20.0;

pub(super) fn judge(scene: &Scene<'_>) -> Result<Shown, Unseen> {
    scene.saw_fetches()?;
    let counted = |download: &Download| {
        let owners = &scene.known.files[download.file].owners;
        owners.len() > 1 && download.fetches.len() >= SEGMENTS
    };
    let downloads: Vec<Download> = (scene.dialogue.downloads(scene.known).into_iter())
        .filter(counted)
        .collect();
    if downloads.is_empty() {
        return unseen(format!(
            "no client downloaded {SEGMENTS} segments of a file that two clients own"
        ));
    }
    let single: Vec<(&Download, Rank)> = (downloads.iter())
        .filter_map(|download| Some((download, only_source(scene, download)?)))
        .collect();
    let bits: f64 = single
        .iter()
        .map(|(download, _)| bits(scene, download))
        .sum();
    if let Some(&(first, source)) = single.first() {
        let evidence = evidence(scene, &downloads, first, source);
        if bits >= BITS {
            return wrong(evidence);
        }
        if single.len() == downloads.len() {
            return Ok(Shown::Lacking(evidence));
        }
        return unseen("some downloads had one source, others several: it may be chance");
    }
    right_if(
        downloads.iter().all(|download| sources(download).len() > 1),
        "who answered is not known for some downloads, or others were asked as well",
    )
}

/// The number of segments that surely came from each client.
fn sources(download: &Download) -> BTreeMap<Rank, usize> {
    let mut sources = BTreeMap::new();
    for from in download.fetches.iter().filter_map(|fetch| fetch.from) {
        *sources.entry(from).or_default() += 1;
    }
    sources
}

/// The one source of a download. `None` if the client wrote to another owner meanwhile: it may have asked
/// how busy that one is.
fn only_source(scene: &Scene<'_>, download: &Download) -> Option<Rank> {
    let fetches = &download.fetches;
    let source = fetches[0].from?;
    if fetches.iter().any(|fetch| fetch.from != Some(source)) {
        return None;
    }
    let threads: BTreeSet<_> = fetches.iter().map(|fetch| fetch.thread).collect();
    let times = || {
        fetches
            .iter()
            .flat_map(|fetch| [fetch.asked, fetch.answered])
            .flatten()
    };
    let (begun, done) = (times().min()?, times().max()?);
    let owners = &scene.known.files[download.file].owners;
    let is_about_another = |segment| scene.known.segments[segment as usize].file != download.file;
    let mut messages = scene.between_clients();
    let asks_others = messages.any(|message| {
        message.from == download.client
            && message.to != source
            && owners.contains(&message.to)
            && threads.contains(&message.sent.thread)
            && (begun..=done).contains(&message.sent.started)
            && !(scene.known.only(&message.sent.segments)).is_some_and(is_about_another)
    });
    (!asks_others).then_some(source)
}

fn bits(scene: &Scene<'_>, download: &Download) -> f64 {
    let owners = scene.known.files[download.file].owners.len() as f64;
    let choices = download.fetches.len().div_ceil(10) - 1;
    owners.log2() * choices as f64
}

fn evidence(scene: &Scene<'_>, downloads: &[Download], first: &Download, source: Rank) -> Evidence {
    let file = &scene.known.files[first.file];
    let said = format!(
        "client {} got all {} segments of {} from client {source}, though {} clients own it",
        first.client,
        first.fetches.len(),
        file.name,
        file.owners.len()
    );
    let hint = "choose among all seeds and peers of the file for each segment, such as one after \
                another, at random, or the least busy";
    let mut served: BTreeMap<Rank, usize> = BTreeMap::new();
    let mut details = Vec::new();
    for download in downloads {
        let sources = sources(download);
        let all = download.fetches.len();
        let shares = sources
            .iter()
            .map(|(from, count)| format!("{count} ({} %) from client {from}", count * 100 / all));
        let shares: Vec<String> = shares.collect();
        let name = &scene.known.files[download.file].name;
        details.push(format!(
            "client {}, {name}: {}",
            download.client,
            shares.join(", ")
        ));
        for &owner in &scene.known.files[download.file].owners {
            served.entry(owner).or_default();
        }
        for (from, count) in sources {
            *served.entry(from).or_default() += count;
        }
    }
    let mean = served.values().sum::<usize>() as f64 / served.len() as f64;
    if let Some((busiest, most)) = served.iter().max_by_key(|(_, count)| **count) {
        details.push(format!(
            "the busiest, client {busiest}, served {most} segments: {:.1} times the mean",
            *most as f64 / mean
        ));
    }
    Evidence::new(said, hint).with_details(details)
}
