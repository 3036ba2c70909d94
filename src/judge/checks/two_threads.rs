//! A client has two threads that talk: one downloads, one serves.
//!
//! Only clients that do both are judged. The upload thread of a client that is not asked may never call
//! MPI.

use std::collections::{BTreeMap, BTreeSet};

use crate::checks::evidence::*;

pub(super) fn judge(scene: &Scene<'_>) -> Result<Shown, Unseen> {
    let [surely, likely] = doing_both(scene);
    let (mut is_seen, mut lacking, mut doubt) = (false, None, None);
    for (client, record) in scene.clients() {
        if !surely.contains(&client) && !likely.contains(&client) {
            continue;
        }
        let threads = talking(record);
        if threads.len() > 1 {
            is_seen = true;
        } else if let Some((&thread, &calls)) = threads.first_key_value() {
            scene.saw_all_messages()?;
            let evidence = evidence(client, thread, calls);
            match (listener(record, thread), silent(record, thread)) {
                (None, None) => return wrong(evidence),
                // It may be the one that downloads or serves, and hand over what is to be sent.
                (None, Some(other)) => {
                    doubt.get_or_insert(format!(
                        "{} of client {client} calls nothing of MPI, and what it does is not seen",
                        which_thread(other)
                    ));
                }
                // Perhaps nobody asked it for anything.
                (Some(other), _) => {
                    let idle = format!(
                        "{} of client {client} listens, and no client's message came to it",
                        which_thread(other)
                    );
                    if surely.contains(&client) {
                        lacking.get_or_insert(evidence.with_more(idle));
                    } else {
                        doubt.get_or_insert(idle);
                    }
                }
            }
        }
    }
    match (is_seen, lacking) {
        (true, _) => Ok(Shown::Right),
        (false, Some(evidence)) => Ok(Shown::Lacking(evidence)),
        (false, None) => unseen(doubt.unwrap_or_else(|| {
            "no client was seen both to download from others and to serve others".into()
        })),
    }
}

fn evidence(client: Rank, thread: Thread, calls: u64) -> Evidence {
    let said = format!(
        "client {client} talks with the other clients in one thread only: it downloads and serves in the same one"
    );
    let hint = "give each client a download thread and an upload thread (pthread_create), and let both send and \
                receive by themselves";
    let detail = format!(
        "client {client}: thread {thread} made all {calls} calls that send to other clients, receive from them, find \
         their messages or wait for them"
    );
    Evidence::new(said, hint).with_details(vec![detail])
}

/// The clients that download and serve: surely, for fetches show it; and likely, for the client wrote first to another
/// client, and another client wrote first to it.
fn doing_both(scene: &Scene<'_>) -> [BTreeSet<Rank>; 2] {
    let both = |downloading: &BTreeSet<Rank>, serving: &BTreeSet<Rank>| {
        downloading.intersection(serving).copied().collect()
    };
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
    let surely = both(&downloading, &serving);
    let mut met: BTreeSet<[Rank; 2]> = BTreeSet::new();
    for message in scene.between_clients() {
        let (from, to) = (message.from, message.to);
        if met.insert([from.min(to), from.max(to)]) && message.surely_taken().is_some() {
            downloading.insert(from);
            serving.insert(to);
        }
    }
    [surely, both(&downloading, &serving)]
}

/// Whether a call is with clients, or may be: where it does not say with whom, whose message came to it counts.
fn is_with_clients(peer: Peer, from: Option<Rank>) -> bool {
    let is_client = |rank| rank != Rank::TRACKER;
    match peer {
        Peer::Any => from.is_none_or(is_client),
        Peer::One(rank) => is_client(rank),
        Peer::None => false,
    }
}

fn talks(kind: Kind) -> bool {
    match kind.what() {
        What::Send | What::Receive | What::Find | What::Wait => true,
        What::Together | What::Other => false,
    }
}

/// The threads that send to clients, receive from them, find their messages or wait for what was begun, each with
/// the number of such calls.
fn talking(record: &RankRecord) -> BTreeMap<Thread, u64> {
    let mut threads = BTreeMap::new();
    for call in record.calls.iter().filter(|call| is_talk(call)) {
        *threads.entry(call.thread).or_default() += 1;
    }
    threads
}

fn is_talk(call: &Call) -> bool {
    talks(call.kind) && is_with_clients(call.peer, call.taken.map(|taken| taken.from))
}

/// Another thread that would have taken or found a client's message, if one had come.
fn listener(record: &RankRecord, but: Thread) -> Option<Thread> {
    let looks = (0..).zip(&record.threads).filter(|(_, state)| {
        let polling = state.polling.as_ref();
        polling.is_some_and(|looks| is_with_clients(looks.peer, None))
    });
    let receives = record
        .calls
        .iter()
        .filter(|call| talks(call.kind) && call.peer == Peer::Any);
    let all = looks
        .map(|(thread, _)| thread)
        .chain(receives.map(|call| call.thread));
    all.into_iter().find(|thread| *thread != but)
}

/// Another thread, which never calls anything of MPI. One that was over before anything was said to clients does not count.
fn silent(record: &RankRecord, but: Thread) -> Option<Thread> {
    let is_first = |call: &&Call| call.thread == but && is_talk(call);
    let first = record.calls.iter().find(is_first).map(|call| call.started);
    let threads = (0..).zip(&record.threads);
    let is_silent = |thread: Thread, state: &ThreadRecord| {
        let is_idle = state.ended.is_some_and(|ended| Some(ended) < first);
        let calls = record.calls.iter().any(|call| call.thread == thread);
        !calls && !is_idle && state.polling.is_none()
    };
    let silent = threads.filter(|&(thread, state)| is_silent(thread, state));
    silent
        .map(|(thread, _)| thread)
        .find(|thread| *thread != but)
}
