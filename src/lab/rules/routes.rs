//! Which thread sends which message to which. Any other message is an offence against the rule that the
//! message belongs to; if it is about segments, and to or from the tracker, against R2.

use super::known::KnownSwarm;
use super::{Passing, Rule, Way};
use swarm::protocol::{Rank, Tag};

/// Checks that a message may be where it is. Otherwise returns the rule that it breaks, and how.
pub(super) fn check(passing: &Passing<'_>, known: &KnownSwarm) -> Result<(), (Rule, String)> {
    let (thread, from, to) = (passing.thread, passing.from, passing.to);
    let tag = passing.letter.tag();
    let (sender, reader) = (tag.sender(), tag.reader());
    let exists = known.has(from, sender) && known.has(to, reader) && from != to;
    let meant = match passing.way {
        Way::Posted => sender,
        Way::Taken => reader,
    };
    if exists && thread == meant {
        return Ok(());
    }
    let text = match passing.way {
        Way::Posted => format!(
            "rank {from} sent {tag} to rank {to} from its {thread} thread, \
             which is not for it to send"
        ),
        Way::Taken => format!(
            "rank {to} took {tag} from rank {from} with its {thread} thread, \
             which is not for it to take"
        ),
    };
    Err((rule(tag, from, to), text))
}

fn rule(tag: Tag, from: Rank, to: Rank) -> Rule {
    if !tag.is_trackers() && [from, to].contains(&Rank::TRACKER) {
        return Rule::R2;
    }
    let rule = tag.rule().map(|number| Rule::ALL[usize::from(number) - 1]);
    rule.unwrap_or(Rule::Messages)
}
