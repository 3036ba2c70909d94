//! Which thread sends which message to which. Any other message is an offence against the rule that the
//! message belongs to; if it is about segments, and to or from the tracker, against R2.

use super::known::KnownSwarm;
use super::{Passing, Rule, Way};
use swarm::event::Thread;
use swarm::protocol::{Rank, Tag};

/// Checks that a message may be where it is. Otherwise returns the rule that it breaks, and how.
pub(super) fn check(passing: &Passing<'_>, known: &KnownSwarm) -> Result<(), (Rule, String)> {
    let &Passing {
        thread,
        from,
        to,
        letter,
        ..
    } = passing;
    let tag = letter.tag();
    let (sender, reader) = ends(tag);
    let exists = known.has(from, sender) && known.has(to, reader) && from != to;
    match passing.way {
        Way::Posted if exists && thread == sender => Ok(()),
        Way::Taken if exists && thread == reader => Ok(()),
        Way::Posted => {
            let text = format!(
                "rank {from} sent {tag} to rank {to} from its {thread} thread, \
                 which is not for it to send"
            );
            Err((rule(tag, from, to), text))
        }
        Way::Taken => {
            let text = format!(
                "rank {to} took {tag} from rank {from} with its {thread} thread, \
                 which is not for it to take"
            );
            Err((rule(tag, from, to), text))
        }
    }
}

/// The threads that send and read such messages.
fn ends(tag: Tag) -> (Thread, Thread) {
    match tag {
        Tag::Init
        | Tag::SwarmRequest
        | Tag::Update
        | Tag::FileComplete
        | Tag::AllComplete
        | Tag::Alive
        | Tag::Confirm => (Thread::Download, Thread::Tracker),
        Tag::InitAck | Tag::Swarm | Tag::Grant => (Thread::Tracker, Thread::Download),
        Tag::Stop => (Thread::Tracker, Thread::Upload),
        Tag::SegmentRequest | Tag::AvailabilityRequest => (Thread::Download, Thread::Upload),
        Tag::Segment | Tag::Availability => (Thread::Upload, Thread::Download),
    }
}

fn rule(tag: Tag, from: Rank, to: Rank) -> Rule {
    if !tag.is_trackers() && [from, to].contains(&Rank::TRACKER) {
        return Rule::R2;
    }
    match tag {
        Tag::Init | Tag::InitAck => Rule::R1,
        Tag::SwarmRequest | Tag::Swarm => Rule::R3,
        Tag::SegmentRequest | Tag::AvailabilityRequest | Tag::Grant | Tag::Confirm => Rule::R4,
        Tag::Update => Rule::R6,
        Tag::FileComplete => Rule::R7,
        Tag::AllComplete => Rule::R8,
        Tag::Segment | Tag::Availability => Rule::R9,
        Tag::Stop => Rule::R12,
        Tag::Alive => Rule::Messages,
    }
}
