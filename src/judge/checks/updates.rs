//! R6. After every ten segments a client asks the tracker again.
//!
//! Twice as many are let pass: more requests may be in flight meanwhile.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::checks::evidence::*;

/// The most segments that may come with no message to the tracker in between.
const MOST: usize = 20;

pub(super) fn judge(scene: &Scene<'_>) -> Result<Shown, Unseen> {
    scene.saw_fetches()?;
    let mut came: BTreeMap<(Rank, usize), Vec<Duration>> = BTreeMap::new();
    for (&(client, segment), fetch) in &scene.dialogue.fetches {
        if let Some(answered) = fetch.answered {
            let file = scene.known.segments[segment as usize].file;
            came.entry((client, file)).or_default().push(answered);
        }
    }
    let mut is_long = false;
    for ((client, file), mut times) in came {
        times.sort_unstable();
        is_long |= times.len() >= MOST;
        let told = to_tracker(scene, client);
        let silent =
            times.chunk_by(|&before, &after| !told.iter().any(|at| (before..=after).contains(at)));
        let longest = silent.max_by_key(|times| times.len()).unwrap_or_default();
        if let [first, .., last] = longest
            && longest.len() > MOST
        {
            let name = &scene.known.files[file].name;
            let said = format!(
                "client {client} downloaded {} segments of {name} one after another without a \
                 message to the tracker, which it has to ask again after every 10",
                longest.len()
            );
            let hint = "count the segments that have come, and ask the tracker for the file's seeds \
                        and peers again after every 10";
            let detail = format!(
                "from {} to {} client {client} sent nothing to rank 0",
                span(*first),
                span(*last)
            );
            return wrong(Evidence::new(said, hint).with_details(vec![detail]));
        }
    }
    right_if(
        is_long,
        format!("no client was seen to download {MOST} segments of a file"),
    )
}

/// When a client sent something to the tracker, in order.
fn to_tracker(scene: &Scene<'_>, client: Rank) -> Vec<Duration> {
    let messages = scene.messages.iter();
    let sent = messages
        .filter(|message| (message.from, message.to) == (client, Rank::TRACKER))
        .map(|message| message.sent.started);
    let together = (scene.run.recording.calls_of(client).iter())
        .filter(|call| call.kind.what() == What::Together)
        .map(|call| call.started);
    let mut times: Vec<Duration> = sent.chain(together).collect();
    times.sort_unstable();
    times
}
