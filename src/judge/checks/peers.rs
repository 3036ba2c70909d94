//! Clients get segments from each other, and none from the tracker.

use std::collections::BTreeSet;

use crate::checks::evidence::*;

const HINT: &str = "a client has to ask a seed or a peer for each segment; the tracker only says who \
                    they are";

/// A client asks for each segment, and for the swarm again after every ten. So for this many segments others send it one
/// message at least, whatever is in that.
const MOST_A_MESSAGE: usize = 20;

pub(super) fn judge(scene: &Scene<'_>) -> Result<Shown, Unseen> {
    let saw_all = scene.saw_all_messages();
    let mut lacking = None;
    for &(client, file) in &scene.dialogue.complete {
        let name = &scene.known.files[file].name;
        let segments = scene.known.files[file].segments();
        if saw_all.is_err() || segments.is_empty() || hears_otherwise(scene, client) {
            continue;
        }
        let messages = from_clients(scene, client);
        let (all, alone) = from_tracker(scene, client, file);
        // Either the tracker sent all hashes, or nobody called anything that could have sent one.
        let is_known = all == segments.len() || calls_nothing(scene);
        if messages == 0 && is_known {
            let number = segments.len();
            let said = format!(
                "client {client} has all {number} segments of {name} and never received a message from another client"
            );
            let detail = if all == number {
                format!("all its hashes came in messages of rank 0 to client {client}")
            } else {
                "no message brought them: it has them from elsewhere, such as another client's input".into()
            };
            return wrong(Evidence::new(said, HINT).with_details(vec![detail]));
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
            return wrong(Evidence::new(said, HINT));
        }
        let whole = downloaded(scene, client);
        if !is_fetched && all == segments.len() && messages * MOST_A_MESSAGE < whole {
            let said = format!(
                "client {client} has all {whole} segments of its files, whose hashes came from the tracker, and other \
                 clients sent it only {}",
                count(messages, "message")
            );
            lacking.get_or_insert(Evidence::new(said, HINT));
        }
    }
    saw_all?;
    match (scene.saw_fetches(), lacking) {
        (Ok(()), _) => Ok(Shown::Right),
        (Err(_), Some(evidence)) => Ok(Shown::Lacking(evidence)),
        (Err(why), None) => Err(why),
    }
}

/// The number of segments of the files that a client got whole.
fn downloaded(scene: &Scene<'_>, client: Rank) -> usize {
    let of_client = scene
        .dialogue
        .complete
        .iter()
        .filter(|(who, _)| *who == client);
    of_client
        .map(|(_, file)| scene.known.files[*file].segments().len())
        .sum()
}

/// Whether no rank called anything but what starts and ends MPI.
fn calls_nothing(scene: &Scene<'_>) -> bool {
    let mut calls = scene.run.recording.calls();
    calls.all(|(_, call)| {
        let frame = [Kind::Init, Kind::InitThread, Kind::Finalize, Kind::Join];
        frame.contains(&call.kind)
    })
}

/// Whether a client may have got something from other clients by collective operations.
fn hears_otherwise(scene: &Scene<'_>, client: Rank) -> bool {
    let mut calls = scene.run.recording.calls_of(client).iter();
    calls.any(|call| match call.kind.spread() {
        Spread::ToAll => true,
        Spread::FromRoot => call.peer != Peer::One(Rank::TRACKER),
        Spread::ToRoot => call.peer == Peer::One(client),
        Spread::Nothing => false,
    })
}

/// The number of messages that clients sent it.
fn from_clients(scene: &Scene<'_>, client: Rank) -> usize {
    let messages = scene.between_clients();
    messages.filter(|message| message.to == client).count()
}

/// The number of messages that clients sent it and that neither ask it something nor brought it a segment.
fn unexplained(scene: &Scene<'_>, client: Rank) -> usize {
    let dialogue = &scene.dialogue;
    let asked = dialogue.asks.values().flatten();
    let asked = asked.filter(|ask| ask.to == client).count();
    let all = (client, 0)..=(client, Segment::MAX);
    let fetched = dialogue.fetches.range(all).count();
    from_clients(scene, client).saturating_sub(asked + fetched)
}

/// The number of a file's segments whose hashes the tracker sent to the client, and the number of those
/// that it sent in a message of their own.
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
