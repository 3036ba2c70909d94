//! R4. A client checks the hash that comes back. In such a run one client gets a wrong hash, once.

use std::time::Duration;

use crate::checks::evidence::*;

const HINT: &str = "compare the hash that comes back with the one that the tracker told the client, \
                    and ask again if they differ";

pub(super) fn judge(scene: &Scene<'_>) -> Result<Shown, Unseen> {
    if scene.run.ending.hung.is_some() && scene.may_hang_anyway {
        return unseen("the run hung, as the program may do without a wrong hash, too");
    }
    let Some((liar, lie)) = lie(scene) else {
        // The recorder changes a copy, and these send what the program has.
        let mut calls = scene.clients().flat_map(|(_, record)| &record.calls);
        let as_it_is = [Kind::StartSend, Kind::SendrecvReplaceSend];
        let sent = calls.find(|call| as_it_is.contains(&call.kind) && !call.segments.is_empty());
        return unseen(sent.map_or(
            "no message was changed: no client sent another just one hash".into(),
            |call| {
                format!(
                    "no message was changed: those of {} cannot be",
                    call.function()
                )
            },
        ));
    };
    let Lie { to, segment } = lie;
    let (known, dialogue) = (scene.known, &scene.dialogue);
    let (what, file) = (known.words(segment), known.file_of(segment));
    let output = file.output(to);
    let place = known.place(segment) as usize;
    let right = &known.segments[segment as usize].hash;
    if let Some(bytes) = scene.run.outputs.get(&output) {
        let text = String::from_utf8_lossy(bytes);
        let lines: Vec<&str> = text.split_whitespace().collect();
        if let Some(line) = lines.get(place)
            && lines.len() == file.length as usize
            && known.find(line.as_bytes()).is_none()
        {
            let said = format!(
                "client {to} took a wrong hash for {what} from client {liar} and wrote it to {output}"
            );
            let details = vec![
                format!("expected in line {}: {right}", place + 1),
                format!("found: {line}"),
            ];
            return wrong(Evidence::new(said, HINT).with_details(details));
        }
    }
    if scene.run.ending.hung.is_some() {
        if !scene.stood_still() {
            return unseen(
                "the run was over its time while messages still came: it may only be slow",
            );
        }
        if !is_delivered(scene, liar, lie) {
            return unseen("the run hung, and the wrong hash may not have been received");
        }
        let said = format!(
            "the run waits for ever after client {liar} sent client {to} a wrong hash for {what}"
        );
        return wrong(Evidence::new(said, HINT));
    }
    let place_of_file = known.segments[segment as usize].file;
    if !dialogue.complete.contains(&(to, place_of_file)) {
        return unseen("the output is wrong, but not where the wrong hash belongs");
    }
    right_if(
        is_asked_again(scene, liar, lie),
        "the wrong hash did no harm, but whether the client noticed it or ignores the hashes \
         that come back is not known",
    )
}

/// The client that sent a wrong hash, and what it sent.
fn lie(scene: &Scene<'_>) -> Option<(Rank, Lie)> {
    let mut clients = scene.clients();
    clients.find_map(|(client, record)| Some((client, record.lie?)))
}

/// Whether the wrong hash was surely received: the client received all messages of its sender.
fn is_delivered(scene: &Scene<'_>, liar: Rank, lie: Lie) -> bool {
    let mut messages = scene.messages.iter();
    messages.all(|message| {
        (message.from, message.to) != (liar, lie.to)
            || (message.surely_taken()).is_some_and(|taken| taken.completed.is_some())
    })
}

/// Whether the client asked for the segment again, or got the right hash as well.
///
/// The message with the wrong hash may count as one that carries the segment or not.
fn is_asked_again(scene: &Scene<'_>, liar: Rank, lie: Lie) -> bool {
    let asks = scene.dialogue.asks(lie.to, lie.segment);
    if scene.dialogue.carries(lie.to, lie.segment).len() > 1 {
        return true;
    }
    let asked = asks.iter().find(|ask| ask.to == liar).map(|ask| ask.sent);
    let lied = asked.and_then(|asked| answered(scene, liar, lie.to, asked));
    lied.is_some_and(|lied| asks.iter().any(|ask| ask.sent >= lied))
}

/// When a client got the first message that another one sent it after a question.
fn answered(scene: &Scene<'_>, from: Rank, to: Rank, asked: Duration) -> Option<Duration> {
    let mut messages = scene.messages.iter();
    messages.find_map(|message| {
        let is_answer = (message.from, message.to) == (from, to) && message.sent.started >= asked;
        message.surely_taken()?.completed.filter(|_| is_answer)
    })
}
