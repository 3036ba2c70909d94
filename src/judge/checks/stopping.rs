//! R12. Nobody stops before all clients are done.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::checks::evidence::*;

pub(super) fn judge(scene: &Scene<'_>) -> Result<Shown, Unseen> {
    scene.saw_fetches()?;
    let mut last: BTreeMap<Rank, (Duration, Segment)> = BTreeMap::new();
    for (&(client, segment), fetch) in &scene.dialogue.fetches {
        if let Some(answered) = fetch.answered {
            let last = last.entry(client).or_insert((answered, segment));
            *last = (*last).max((answered, segment));
        }
    }
    let stops =
        (scene.run.recording.by_rank()).filter_map(|(rank, record)| Some((record.finalize?, rank)));
    if let Some((stopped, rank)) = stops.min() {
        let others = last.iter().filter(|(client, _)| **client != rank);
        let latest = others.max_by_key(|(_, (answered, _))| *answered);
        if let Some((client, &(answered, segment))) = latest
            && stopped < answered
        {
            return wrong(evidence(scene, rank, stopped, *client, answered, segment));
        }
    }
    if let Some(evidence) = unheard(scene) {
        return wrong(evidence);
    }
    scene.saw_all_stop()?;
    let mut fetches = scene.dialogue.fetches.values();
    right_if(
        fetches.all(|fetch| fetch.answered.is_some()),
        "when the last segment came is not known: which answer is whose does not show",
    )
}

/// A question that was not taken, because the client that was asked had called `MPI_Finalize`.
fn unheard(scene: &Scene<'_>) -> Option<Evidence> {
    let recording = &scene.run.recording;
    scene.saw_all_messages().ok()?;
    scene.between_clients().find_map(|message| {
        let segment = scene.known.only(&message.sent.segments)?;
        let stopped = recording.of(message.to)?.finalize?;
        let is_untaken = message.surely_taken().is_none();
        let (asked, asker) = (message.to, message.from);
        let is_question = is_untaken && surely_lacks(scene, asker, segment, message.sent.started);
        is_question.then(|| {
            let said = format!(
                "client {asked} called MPI_Finalize, and never took a question of client {asker} for {}",
                scene.known.words(segment)
            );
            let details = vec![
                format!("client {asked} called MPI_Finalize at {}", span(stopped)),
                format!("client {asker} asked it at {}", span(message.sent.started)),
            ];
            Evidence::new(said, SERVE).with_details(details)
        })
    })
}

/// Whether a client surely does not have a segment that it is to download, at this time. Who has it may send its hash to
/// tell others, or to answer them.
fn surely_lacks(scene: &Scene<'_>, client: Rank, segment: Segment, at: Duration) -> bool {
    let (known, dialogue) = (scene.known, &scene.dialogue);
    let file = known.segments[segment as usize].file;
    let gets_it_later = match dialogue.fetches.get(&(client, segment)) {
        Some(fetch) => fetch.answered.is_some_and(|answered| at < answered),
        None => !dialogue.complete.contains(&(client, file)),
    };
    known.lacks(client, segment) && gets_it_later
}

/// What to look at in a client.
const SERVE: &str = "a client that has all its files has to serve the others until the tracker says that \
                     all are done: join the upload thread before MPI_Finalize";

fn evidence(
    scene: &Scene<'_>,
    rank: Rank,
    stopped: Duration,
    client: Rank,
    answered: Duration,
    segment: Segment,
) -> Evidence {
    let (who, hint) = if rank == Rank::TRACKER {
        let hint = "the tracker has to wait until every client has said that it is done, and only \
                    then stop them and itself";
        ("the tracker".to_owned(), hint)
    } else {
        (format!("client {rank}"), SERVE)
    };
    let said = format!(
        "{who} called MPI_Finalize {} before client {client} had its last segment",
        span(answered - stopped)
    );
    let details = vec![
        format!("{who} called MPI_Finalize at {}", span(stopped)),
        format!(
            "client {client} got {} at {}",
            scene.known.words(segment),
            span(answered)
        ),
    ];
    Evidence::new(said, hint).with_details(details)
}
