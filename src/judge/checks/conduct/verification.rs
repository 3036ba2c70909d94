//! R4. A client checks the hash that comes back: the run sent one client a wrong hash, once.

use std::time::Duration;

use super::Scene;
use crate::checks::check::{Evidence, Seen};
use crate::seen::calls::Lie;
use swarm::protocol::Rank;

const HINT: &str = "compare the hash that comes back with the one that the tracker told the client, \
                    and ask again if they differ";

pub(super) fn judge(scene: &Scene<'_>) -> Seen {
    let Some((liar, lie)) = lie(scene) else {
        return untold("no message was changed: no client sent another just one hash");
    };
    let Lie { to, segment } = lie;
    let (known, dialogue) = (scene.known, &scene.dialogue);
    let (what, file) = (scene.segment(segment), known.file_of(segment));
    let output = format!("client{to}_{}", file.name);
    let place = known.place(segment) as usize;
    let right = &known.segments[segment as usize].hash;
    if let Some(bytes) = scene.run.outputs.get(&output) {
        let text = String::from_utf8_lossy(bytes);
        let lines: Vec<&str> = text.split_whitespace().collect();
        if let Some(line) = lines.get(place)
            && lines.len() == file.length as usize
            && !known.segments.iter().any(|segment| segment.hash == **line)
        {
            let said = format!(
                "client {to} took a wrong hash for {what} from client {liar} and wrote it to {output}"
            );
            let details = vec![
                format!("expected in line {}: {right}", place + 1),
                format!("found: {line}"),
            ];
            return Seen::Wrong(Evidence::new(said, HINT).with_details(details));
        }
    }
    if scene.run.ending.hung.is_some() {
        if !is_delivered(scene, liar, lie) {
            return untold("the run hung, and the wrong hash may not have been received");
        }
        let said = format!(
            "the run waits for ever after client {liar} sent client {to} a wrong hash for {what}"
        );
        return Seen::Wrong(Evidence::new(said, HINT));
    }
    if !dialogue
        .complete
        .contains(&(to, known.segments[segment as usize].file))
    {
        return untold("the output is wrong, but not where the wrong hash belongs");
    }
    if is_asked_again(scene, liar, lie) {
        Seen::Right
    } else {
        untold(
            "the wrong hash did no harm, but whether the client noticed it or ignores the hashes \
             that come back is not known",
        )
    }
}

fn untold(why: &str) -> Seen {
    Seen::CannotBeTold(why.to_owned())
}

/// Who sent a wrong hash, and which.
fn lie(scene: &Scene<'_>) -> Option<(Rank, Lie)> {
    let mut clients = scene.clients();
    clients.find_map(|(client, record)| Some((client, record.lie?)))
}

/// Whether the wrong hash was surely received: all was that its sender has sent to the client.
fn is_delivered(scene: &Scene<'_>, liar: Rank, lie: Lie) -> bool {
    let mut messages = scene.dialogue.messages.iter();
    let is_taken = |taken: Option<&crate::seen::calls::Call>| {
        taken.is_some_and(|taken| taken.completed.is_some())
    };
    messages.all(|message| (message.from, message.to) != (liar, lie.to) || is_taken(message.taken))
}

/// Whether the client asked for the segment again, or the right hash came to it besides.
///
/// The message with the lie may count as one that carries the segment, or as one that carries none.
fn is_asked_again(scene: &Scene<'_>, liar: Rank, lie: Lie) -> bool {
    let (dialogue, key) = (&scene.dialogue, (lie.to, lie.segment));
    let asks = dialogue.asks.get(&key).map_or(&[][..], Vec::as_slice);
    let carries = dialogue.carries.get(&key).map_or(&[][..], Vec::as_slice);
    if carries.len() > 1 {
        return true;
    }
    let asked = asks.iter().find(|ask| ask.to == liar).map(|ask| ask.sent);
    let lied = asked.and_then(|asked| answered(scene, liar, lie.to, asked));
    lied.is_some_and(|lied| asks.iter().any(|ask| ask.sent >= lied))
}

/// When the first answer of a client to a question of that time was there.
fn answered(scene: &Scene<'_>, from: Rank, to: Rank, asked: Duration) -> Option<Duration> {
    let mut messages = scene.dialogue.messages.iter();
    messages.find_map(|message| {
        let is_answer = (message.from, message.to) == (from, to) && message.sent.started >= asked;
        message.taken?.completed.filter(|_| is_answer)
    })
}
