//! Clients get segments from each other, and none from the tracker.

use std::collections::BTreeSet;

use crate::checks::{Evidence, Shown};
use crate::seen::calls::{Kind, Peer, Segment};
use crate::seen::scene::Scene;
use crate::seen::unseen::Unseen;
use swarm::protocol::Rank;

const HINT: &str = "a client has to ask a seed or a peer for each segment; the tracker only says who \
                    they are";

pub(super) fn judge(scene: &Scene<'_>) -> Result<Shown, Unseen> {
    let is_cut = scene.run.recording.is_cut();
    for &(client, file) in &scene.dialogue.complete {
        let name = &scene.known.files[file].name;
        let segments = scene.known.files[file].segments();
        if is_cut || segments.is_empty() || hears_otherwise(scene, client) {
            continue;
        }
        let messages = from_clients(scene, client);
        let (all, alone) = from_tracker(scene, client, file);
        // Without the hashes from the tracker it would be a riddle where they came from.
        if messages == 0 && all == segments.len() {
            let said = format!(
                "client {client} has all {} segments of {name} and never received a message from \
                 another client",
                segments.len()
            );
            let detail = format!("all its hashes came in messages of rank 0 to client {client}");
            return Ok(Shown::Wrong(
                Evidence::new(said, HINT).with_details(vec![detail]),
            ));
        }
        let dialogue = &scene.dialogue;
        let range = (client, segments.start)..(client, segments.end);
        let is_fetched = dialogue.fetches.range(range).next().is_some();
        if !is_fetched && alone == segments.len() && unexplained(scene, client) * 2 < alone {
            let said = format!(
                "client {client} got {name} from the tracker: rank 0 sent it each of the {} \
                 segments, and no client sent it any",
                segments.len()
            );
            return Ok(Shown::Wrong(Evidence::new(said, HINT)));
        }
    }
    scene.saw_fetches()?;
    Ok(Shown::Right)
}

/// Whether a client may have heard of other clients by operations that all take part in.
fn hears_otherwise(scene: &Scene<'_>, client: Rank) -> bool {
    let record = scene.run.recording.of(client);
    let mut calls = record.into_iter().flat_map(|record| &record.calls);
    calls.any(|call| {
        let by_another = call.peer != Peer::One(Rank::TRACKER);
        matches!(
            call.kind,
            Kind::Allgather | Kind::Allgatherv | Kind::Alltoall
        ) || matches!(call.kind, Kind::Bcast | Kind::Scatter | Kind::Scatterv) && by_another
    })
}

/// How many messages clients sent it.
fn from_clients(scene: &Scene<'_>, client: Rank) -> usize {
    let messages = scene.between_clients();
    messages.filter(|message| message.to == client).count()
}

/// How many of the messages that clients sent it neither ask it nor are answers that brought it
/// something else.
fn unexplained(scene: &Scene<'_>, client: Rank) -> usize {
    let dialogue = &scene.dialogue;
    let asked = dialogue.asks.values().flatten();
    let asked = asked.filter(|ask| ask.to == client).count();
    let all = (client, 0)..=(client, Segment::MAX);
    let fetched = dialogue.fetches.range(all).count();
    from_clients(scene, client).saturating_sub(asked + fetched)
}

/// How many of a file's segments have their hashes in messages of the tracker to the client, and of
/// how many it is in a message of its own.
fn from_tracker(scene: &Scene<'_>, client: Rank, file: usize) -> (usize, usize) {
    let (mut all, mut alone) = (BTreeSet::new(), BTreeSet::new());
    for message in &scene.messages {
        if message.from == Rank::TRACKER && message.to == client {
            all.extend(message.sent.segments.iter().copied());
            alone.extend(scene.known.only(&message.sent.segments));
        }
    }
    let segments = scene.known.files[file].segments();
    let count = |sent: &BTreeSet<Segment>| sent.range(segments.clone()).count();
    (count(&all), count(&alone))
}
