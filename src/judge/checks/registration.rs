//! R1. The tracker knows every hash of every owned file before any client asks another.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use crate::checks::evidence::*;

/// When a client first told the tracker of a segment of its own.
#[derive(Clone, Copy)]
struct Announcement {
    sent: Duration,
    /// When the tracker had it. Not known of a collective operation.
    came: Option<Duration>,
}

/// By client and segment.
type Announcements = BTreeMap<(Rank, Segment), Announcement>;

pub(super) fn judge(scene: &Scene<'_>) -> Result<Shown, Unseen> {
    let told = told(scene);
    if told.is_empty() {
        return unseen("no hash was recognised in what clients sent the tracker");
    }
    let saw_all = scene.run.has_ended_well() && scene.saw_all_messages().is_ok();
    if let (Some(evidence), true) = (cut_short(scene, &told), saw_all) {
        return wrong(evidence);
    }
    if let Some(evidence) = early(scene, &told).or_else(|| unheard(scene)) {
        return wrong(evidence);
    }
    scene.saw_all_messages()?;
    let owned: Vec<(Rank, Segment)> = owned(scene).collect();
    let known = owned.iter().filter(|key| told.contains_key(key)).count();
    if known < owned.len() {
        return unseen(format!(
            "only {known} of the {} hashes that clients own were recognised in what they sent the \
             tracker",
            owned.len()
        ));
    }
    let last = told
        .values()
        .map(|told| told.came.unwrap_or(told.sent))
        .max();
    match (first_question(scene), last) {
        (Some((_, _, first)), Some(last)) if last <= first => Ok(Shown::Right),
        (Some(_), _) => unseen(
            "clients sent each other something before the tracker knew all files; whether \
                       they asked for segments is not known",
        ),
        (None, _) => unseen("no client asked another"),
    }
}

/// The segments with a hash of their own, each with each of its owners.
fn owned(scene: &Scene<'_>) -> impl Iterator<Item = (Rank, Segment)> {
    let known = scene.known;
    known.files.iter().flat_map(move |file| {
        let segments = file.segments();
        let unique = segments.filter(|&segment| known.is_unique(segment));
        unique.flat_map(move |segment| file.owners.iter().map(move |&owner| (owner, segment)))
    })
}

/// All that clients told the tracker of what they own.
fn told(scene: &Scene<'_>) -> Announcements {
    let mut told = Announcements::new();
    let mut tell = |client, segments: &[Segment], new: Announcement| {
        for &segment in segments {
            let is_unique = scene.known.is_unique(segment);
            if is_unique && scene.known.owns(client, segment) {
                let old = told.entry((client, segment)).or_insert(new);
                if new.sent < old.sent {
                    *old = new;
                }
            }
        }
    };
    for message in &scene.messages {
        if message.to == Rank::TRACKER && message.from != Rank::TRACKER {
            let came = message.surely_taken().and_then(|taken| taken.completed);
            let sent = message.sent.started;
            tell(
                message.from,
                &message.sent.segments,
                Announcement { sent, came },
            );
        }
    }
    for (client, record) in scene.clients() {
        for call in &record.calls {
            if call.kind.what() == What::Together && reaches_tracker(call.kind, call.peer) {
                let (sent, came) = (call.started, None);
                tell(client, &call.segments, Announcement { sent, came });
            }
        }
    }
    told
}

/// Whether the tracker gets what a client gives in a collective operation.
fn reaches_tracker(kind: Kind, root: Peer) -> bool {
    match kind.spread() {
        Spread::ToRoot => root == Peer::One(Rank::TRACKER),
        // It gives something only where it is the root.
        Spread::ToAll | Spread::FromRoot => true,
        Spread::Nothing => false,
    }
}

/// A client that told the tracker of the beginning of a file, and never of the rest. More than one hash
/// has to be missing: messages of fixed length may cut one in two.
fn cut_short(scene: &Scene<'_>, told: &Announcements) -> Option<Evidence> {
    for file in &scene.known.files {
        let segments = file.segments();
        let mut all = segments.clone();
        if !all.all(|segment| scene.known.is_unique(segment)) {
            continue;
        }
        for &owner in &file.owners {
            let mut known = segments.clone();
            let is_told = |segment: &Segment| told.contains_key(&(owner, *segment));
            let beginning = known.by_ref().take_while(is_told).count();
            let missing = file.length as usize - beginning;
            let is_cut = beginning > 0 && missing > 1 && !known.any(|segment| is_told(&segment));
            if is_cut
                && !has_told_another(
                    scene,
                    owner,
                    segments.start + beginning as Segment..segments.end,
                )
            {
                let said = format!(
                    "client {owner} told the tracker of {beginning} of the {} segments of {}",
                    file.length, file.name
                );
                let hint = "look at how much of a file one message to the tracker holds: a buffer \
                            or a loop of fixed length cuts the rest off";
                let detail = format!(
                    "the last hash that client {owner} sent to rank 0 is that of segment \
                     {beginning}; the hashes of segments {} to {} are in none of its messages to \
                     rank 0",
                    beginning + 1,
                    file.length
                );
                return Some(Evidence::new(said, hint).with_details(vec![detail]));
            }
        }
    }
    None
}

/// Whether an owner has sent another client several of these hashes in one message: that one may have told the tracker.
fn has_told_another(scene: &Scene<'_>, owner: Rank, segments: Range<Segment>) -> bool {
    let mut told = scene
        .between_clients()
        .filter(|message| message.from == owner);
    told.any(|message| {
        let sent = message.sent.segments.iter();
        sent.filter(|segment| segments.contains(segment)).count() > 1
    })
}

/// A client that asked another one before the tracker knew all files of a third one.
///
/// An owner may tell the tracker its files more than once, and the first time in a way that is not
/// recognised. So one that has begun to talk with clients is no proof.
fn early(scene: &Scene<'_>, told: &Announcements) -> Option<Evidence> {
    scene.saw_fetches().ok()?;
    let (asker, to, asked) = first_question(scene)?;
    let owners = (scene.known.files.iter()).flat_map(|file| &file.owners);
    for &owner in owners {
        let mine = told.range((owner, 0)..=(owner, Segment::MAX));
        let Some((_, last)) = mine.max_by_key(|(_, told)| told.sent) else {
            continue;
        };
        let has_begun = (scene.between_clients())
            .any(|message| message.from == owner && message.sent.started < last.sent);
        let known = last.came.unwrap_or(last.sent);
        if asked < known && !has_begun {
            let said = format!(
                "client {asker} asked client {to} for a segment {} before the tracker knew all \
                 files of client {owner}",
                span(known - asked)
            );
            let details = vec![
                format!("client {asker} asked client {to} at {}", span(asked)),
                format!("client {owner} sent its last hash at {}", span(last.sent)),
                format!("the tracker had it at {}", span(known)),
            ];
            return Some(Evidence::new(said, WAIT).with_details(details));
        }
    }
    None
}

/// A client that asked another one before the tracker had heard from a third one.
fn unheard(scene: &Scene<'_>) -> Option<Evidence> {
    scene.saw_fetches().ok()?;
    let (asker, to, asked) = first_question(scene)?;
    for (client, record) in scene.clients() {
        let files = &scene.known.files;
        let takes_part = (files.iter())
            .any(|file| file.owners.contains(&client) || file.leechers.contains(&client));
        // It may have told the tracker in a collective operation.
        let mut calls = record.calls.iter();
        let is_together =
            calls.any(|call| call.kind.what() == What::Together && call.started < asked);
        if !takes_part || is_together || may_have_passed_on(scene, client, asked) {
            continue;
        }
        let to_tracker =
            |message: &&Message<'_>| message.from == client && message.to == Rank::TRACKER;
        let first = scene.messages.iter().find(to_tracker);
        let heard = first.and_then(|first| Some((first, first.surely_taken()?.completed?)));
        if let Some((first, heard)) = heard
            && asked < heard
        {
            let said = format!(
                "client {asker} asked client {to} for a segment {} before the tracker heard of client \
                 {client}",
                span(heard - asked)
            );
            let details = vec![
                format!("client {asker} asked client {to} at {}", span(asked)),
                format!(
                    "client {client} first sent the tracker something at {}",
                    span(first.sent.started)
                ),
                format!("the tracker had it at {}", span(heard)),
            ];
            return Some(Evidence::new(said, WAIT).with_details(details));
        }
    }
    None
}

/// Whether the tracker may have heard of a client through others before this time: whoever got something from it, or
/// from one who had, may have passed it on.
fn may_have_passed_on(scene: &Scene<'_>, client: Rank, before: Duration) -> bool {
    let mut heard = BTreeMap::from([(client, Duration::ZERO)]);
    let sent_before = scene
        .messages
        .iter()
        .filter(|message| message.sent.started < before);
    for message in sent_before {
        let knows = heard
            .get(&message.from)
            .is_some_and(|since| *since <= message.sent.started);
        if knows && message.to == Rank::TRACKER && message.from != client {
            return true;
        }
        if knows && message.to != Rank::TRACKER {
            // When it came is not known of each.
            let taken = message.taken.and_then(|taken| taken.completed);
            let came = taken.unwrap_or(message.sent.started);
            let since = heard.entry(message.to).or_insert(came);
            *since = came.min(*since);
        }
    }
    let has_called_together = |(other, since): (&Rank, &Duration)| {
        let mut calls = scene.run.recording.calls_of(*other).iter();
        calls.any(|call| {
            let is_late = call.returned.is_none_or(|returned| returned >= *since);
            call.kind.what() == What::Together && call.started < before && is_late
        })
    };
    heard
        .iter()
        .filter(|(other, _)| **other != client)
        .any(has_called_together)
}

/// What to look at in the tracker.
const WAIT: &str = "let the tracker receive the files of every client first, and only then tell each client \
                    that it may start";

/// The first question: who asked, who was asked, and when. Where questions are not recognised, the first
/// message between clients.
fn first_question(scene: &Scene<'_>) -> Option<(Rank, Rank, Duration)> {
    let dialogue = &scene.dialogue;
    if dialogue.recognised.is_err() {
        let first = scene.between_clients().next()?;
        return Some((first.from, first.to, first.sent.started));
    }
    let asks = (dialogue.asks.iter())
        .flat_map(|(&(client, _), asks)| asks.iter().map(move |ask| (client, ask.to, ask.sent)));
    let fetches = (dialogue.fetches.iter())
        .filter_map(|(&(client, _), fetch)| Some((client, fetch.from?, fetch.asked?)));
    asks.chain(fetches).min_by_key(|&(.., time)| time)
}
