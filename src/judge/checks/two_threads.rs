//! A client has two threads that talk: one downloads, one serves.
//!
//! Only clients that do both are judged. The upload thread of a client that is not asked may never call
//! MPI.

use std::collections::{BTreeMap, BTreeSet};

use crate::checks::evidence::*;

pub(super) fn judge(scene: &Scene<'_>) -> Result<Shown, Unseen> {
    let doing_both = doing_both(scene);
    let mut is_seen = false;
    for (client, record) in scene.clients() {
        if !doing_both.contains(&client) {
            continue;
        }
        let threads = talking(record);
        if threads.len() > 1 {
            is_seen = true;
        } else if let Some((thread, calls)) = threads.first_key_value() {
            scene.saw_all_messages()?;
            let said = format!(
                "client {client} talks with the other clients in one thread only: it downloads and \
                 serves in the same one"
            );
            let hint = "give each client a download thread and an upload thread (pthread_create), \
                        and let both send and receive by themselves";
            let detail = format!(
                "client {client}: thread {thread} made all {calls} calls that send to other \
                 clients, receive from them, look for their messages or wait for them"
            );
            return wrong(Evidence::new(said, hint).with_details(vec![detail]));
        }
    }
    right_if(
        is_seen,
        "no client was seen both to download from others and to serve others",
    )
}

/// The clients that download and serve. Fetches show it; or the client wrote first to another client, and
/// another client wrote first to it.
fn doing_both(scene: &Scene<'_>) -> BTreeSet<Rank> {
    let mut downloading: BTreeSet<Rank> = BTreeSet::new();
    let mut serving: BTreeSet<Rank> = BTreeSet::new();
    if scene.saw_fetches().is_ok() {
        for ((client, _), fetch) in &scene.dialogue.fetches {
            if let Some(from) = fetch.from {
                downloading.insert(*client);
                serving.insert(from);
            }
        }
    }
    let mut met: BTreeSet<[Rank; 2]> = BTreeSet::new();
    for message in scene.between_clients() {
        let (from, to) = (message.from, message.to);
        if met.insert([from.min(to), from.max(to)]) && message.surely_taken().is_some() {
            downloading.insert(from);
            serving.insert(to);
        }
    }
    downloading.intersection(&serving).copied().collect()
}

/// The threads that send to clients, receive from them, look for their messages or wait for what was begun, each with
/// the number of such calls.
fn talking(record: &RankRecord) -> BTreeMap<Thread, u64> {
    let is_client = |rank| rank != Rank::TRACKER;
    let is_with_clients = |peer, from: Option<Rank>| match peer {
        Peer::Any => from.is_none_or(is_client),
        Peer::One(rank) => is_client(rank),
        Peer::None => false,
    };
    let mut threads = BTreeMap::new();
    for call in &record.calls {
        let talks = match call.kind.what() {
            What::Send | What::Receive | What::Find | What::Wait => true,
            What::Together | What::Other => false,
        };
        if talks && is_with_clients(call.peer, call.taken.map(|taken| taken.from)) {
            *threads.entry(call.thread).or_default() += 1;
        }
    }
    for (thread, state) in (0..).zip(&record.threads) {
        if let Some(polling) = &state.polling
            && is_with_clients(polling.peer, None)
        {
            *threads.entry(thread).or_default() += polling.times;
        }
    }
    threads
}
