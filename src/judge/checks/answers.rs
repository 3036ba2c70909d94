//! R4, R9. Only who has a segment gives it.
//!
//! A segment came from who lacked it if that client certainly did not hold it at that time, and if nobody else who may
//! have held it was asked. Whether that one said yes, or the other one took a no for a yes, is not known: every program has
//! answers of its own.

use std::time::Duration;

use crate::checks::evidence::*;
use crate::seen::dialogue::{Ask, Dialogue, Holds};

/// The number of questions that show that answers are right, even if every client that was asked had the
/// segment.
const MANY: usize = 100;

pub(super) fn judge(scene: &Scene<'_>) -> Result<Shown, Unseen> {
    let dialogue = &scene.dialogue;
    scene.saw_fetches()?;
    let keys = dialogue.fetches.keys();
    let given = keys.filter(|(client, segment)| {
        let file = scene.known.segments[*segment as usize].file;
        dialogue.complete.contains(&(*client, file))
    });
    let mut lies = given.filter_map(|&(client, segment)| lie(scene, client, segment));
    if let Some(mut evidence) = lies.next() {
        let others = lies.count();
        if others > 0 {
            let detail = format!("{others} other segments came like this");
            evidence.details.push(detail);
        }
        return wrong(evidence);
    }
    let asks = || {
        dialogue
            .asks
            .iter()
            .flat_map(|(key, asks)| asks.iter().map(move |ask| (key, ask)))
    };
    let lacked = asks().any(|(&(_, segment), ask)| {
        lacks_at(dialogue.holds(scene.known, ask.to, segment), ask.sent).is_some()
    });
    let questions = asks().count().max(dialogue.fetches.len());
    right_if(
        lacked || questions >= MANY,
        format!(
            "none of the {questions} questions was for a segment that who was asked did not have"
        ),
    )
}

/// Whether a client that did not hold this segment gave it to this client.
fn lie(scene: &Scene<'_>, client: Rank, segment: Segment) -> Option<Evidence> {
    let dialogue = &scene.dialogue;
    let mut givers = givers(dialogue, client, segment)?;
    let later = |(giver, at): (Rank, Duration)| {
        let holds = dialogue.holds(scene.known, giver, segment);
        lacks_at(holds, at).map(|later| (giver, at, later))
    };
    let (giver, at, later) = later(givers.pop()?).filter(|_| {
        givers
            .iter()
            .all(|&(giver, at)| lacks_at(dialogue.holds(scene.known, giver, segment), at).is_some())
    })?;
    let what = scene.known.words(segment);
    let name = &scene.known.file_of(segment).name;
    let detail = match later {
        Lacks::Until(begun) => format!(
            "client {giver} began to download {what} itself {} after that",
            span(begun.saturating_sub(at))
        ),
        Lacks::Always => format!("client {giver} neither owns {name} nor wants it"),
    };
    let said = format!("client {client} took {what} from client {giver}, which did not have it");
    let hint = "either the upload thread says yes without a look at what its client holds by then, or the download \
                thread takes a no for a yes: look at the answer, and at who reads it";
    Some(Evidence::new(said, hint).with_details(vec![detail]))
}

/// The clients that may have given a client this segment, in the order of time, each with the time of its
/// answer or just before it. `None` if that is not known.
fn givers(dialogue: &Dialogue, client: Rank, segment: Segment) -> Option<Vec<(Rank, Duration)>> {
    let carries = dialogue.carries(client, segment);
    let asks = dialogue.asks(client, segment);
    if carries.is_empty() {
        let answered = |ask: &Ask| Some((ask.to, ask.answered?));
        return asks.iter().map(answered).collect();
    }
    let has_carried = |to: Rank| carries.iter().any(|carry| carry.from == to);
    // One that was asked and sent no hash back has refused, or its answer is not known.
    let is_known = asks.iter().all(|ask| has_carried(ask.to));
    let carried = || carries.iter().map(|carry| (carry.from, carry.sent));
    is_known.then(|| carried().collect())
}

/// How long a client does not hold a segment.
enum Lacks {
    Until(Duration),
    Always,
}

fn lacks_at(holds: Holds, time: Duration) -> Option<Lacks> {
    match holds {
        Holds::NotBefore(begun) if time < begun => Some(Lacks::Until(begun)),
        Holds::Never => Some(Lacks::Always),
        Holds::NotBefore(_) | Holds::Always | Holds::Unknown => None,
    }
}
