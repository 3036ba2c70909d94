//! Whether no thread takes a message that another thread of its rank waits for.
//!
//! Two patterns that could both match a message are not wrong: it may never come. Two threads that wait
//! for just the same are not wrong either: they may share the work. So it is wrong if a message came, one
//! thread took it, and another waited for it by another pattern. A thread that only finds a message takes
//! it if it receives it next.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::checks::evidence::*;

/// A thread waits for a message.
#[derive(Clone, Copy)]
struct Claim {
    thread: Thread,
    kind: Kind,
    pattern: Pattern,
    from: Duration,
    until: Duration,
    took: Option<Taken>,
}

pub(super) fn judge(scene: &Scene<'_>) -> Result<Shown, Unseen> {
    let mut doubt = None;
    for (rank, record) in scene.run.recording.by_rank() {
        match rivals(record) {
            Some((one, other, Some(message))) => {
                return wrong(theft(rank, &one, &other, message));
            }
            Some((one, other, None)) => {
                let threads = [one, other]
                    .map(|claim| which_thread(claim.thread))
                    .join(" and ");
                let (who, wishes) = (who(rank), [one, other].map(|claim| wish(&claim)).join("; "));
                doubt.get_or_insert_with(|| {
                    format!("{threads} of {who} could both take one message, but that may be meant: {wishes}")
                });
            }
            None => {}
        }
    }
    if let Some(doubt) = doubt {
        return unseen(doubt);
    }
    scene.saw_all_messages()?;
    Ok(Shown::Right)
}

/// Two threads that wait for one message, and that message, if it came. Two whose message came go first.
fn rivals(record: &RankRecord) -> Option<(Claim, Claim, Option<Taken>)> {
    let reach = Reach::of(record);
    // For each thread and pattern, the claim that lasts longest: many are alike.
    let mut known: Vec<Claim> = Vec::new();
    let mut doubt = None;
    for claim in claims(record) {
        let others = known
            .iter()
            .filter(|other| other.thread != claim.thread && other.until > claim.from);
        for other in others.filter(|other| reach.meet(other, &claim)) {
            let is_shared = |one: &Claim, other: &Claim| {
                let is_same = one.pattern == other.pattern
                    || reach.leads(one, &other.pattern)
                    || reach.leads(other, &one.pattern);
                let taken = one.took.filter(|_| !is_same)?;
                let waits = reach.takes(other, one.pattern.comm, taken);
                waits.then_some(taken)
            };
            if let Some(taken) = is_shared(&claim, other) {
                return Some((claim, *other, Some(taken)));
            }
            if let Some(taken) = is_shared(other, &claim) {
                return Some((*other, claim, Some(taken)));
            }
            doubt.get_or_insert((*other, claim, None));
        }
        let alike = |other: &&mut Claim| {
            other.thread == claim.thread
                && other.pattern == claim.pattern
                && other.kind == claim.kind
        };
        match known.iter_mut().find(alike) {
            Some(other) if other.until < claim.until => *other = claim,
            Some(_) => {}
            None => known.push(claim),
        }
    }
    doubt
}

/// What looks lead to: for each thread and what it looks for, what it receives next. A thread may choose by the
/// source or by the tag of what it finds.
struct Reach(BTreeMap<Thread, Vec<(Pattern, Pattern)>>);

impl Reach {
    fn of(record: &RankRecord) -> Reach {
        let mut reach: BTreeMap<Thread, Vec<(Pattern, Pattern)>> = BTreeMap::new();
        let mut last: BTreeMap<Thread, &Call> = BTreeMap::new();
        for call in &record.calls {
            if let Some(look) = last.insert(call.thread, call)
                && is_taken_by(look, call)
            {
                let pair = (Pattern::of(look), Pattern::of(call));
                let mine = reach.entry(call.thread).or_default();
                if !mine.contains(&pair) {
                    mine.push(pair);
                }
            }
        }
        Reach(reach)
    }

    /// What a thread receives that looks like this.
    fn receives(&self, claim: &Claim) -> impl Iterator<Item = &Pattern> {
        let mine = self.0.get(&claim.thread).into_iter().flatten();
        let mine = mine.filter(|(look, _)| *look == claim.pattern);
        mine.map(|(_, receive)| receive)
    }

    /// Whether what a thread receives is what it has found by this pattern.
    fn leads(&self, claim: &Claim, look: &Pattern) -> bool {
        let mut mine = self.0.get(&claim.thread).into_iter().flatten();
        mine.any(|(by, receive)| by == look && *receive == claim.pattern)
    }

    /// Whether a thread would take this message, if it came to this claim.
    fn takes(&self, claim: &Claim, comm: Comm, message: Taken) -> bool {
        let is_taken = |pattern: &Pattern| pattern.takes(comm, message.from, message.tag);
        is_taken(&claim.pattern) && (takes(claim.kind) || self.receives(claim).any(is_taken))
    }

    /// Whether there can be a message that two threads would both take. What a thread would take that has received
    /// nothing is not known.
    fn meet(&self, one: &Claim, other: &Claim) -> bool {
        let would_take = |looks: &Claim, pattern: &Pattern| {
            let mut receives = self.receives(looks).peekable();
            takes(looks.kind)
                || receives.peek().is_none()
                || receives.any(|receive| receive.meets(pattern))
        };
        one.pattern.meets(&other.pattern)
            && would_take(one, &other.pattern)
            && would_take(other, &one.pattern)
    }
}

/// Whether a call receives what the call of its thread before it has found.
fn is_taken_by(look: &Call, next: &Call) -> bool {
    let finds = |taken: Taken| Pattern::of(next).takes(look.comm, taken.from, taken.tag);
    let receives = next.kind.what() == What::Receive;
    look.kind.what() == What::Find && receives && look.taken.is_some_and(finds)
}

/// Whether a call takes the message that it matches.
fn takes(kind: Kind) -> bool {
    kind.what() == What::Receive || matches!(kind, Kind::Mprobe | Kind::Improbe)
}

/// What the threads of a rank wait for, in the order of their beginning.
fn claims(record: &RankRecord) -> Vec<Claim> {
    let mut claims = Vec::new();
    // The next call of each thread, by its number.
    let mut next: Vec<(Thread, &Call)> = Vec::new();
    for call in record.calls.iter().rev() {
        let after = next.iter_mut().find(|(thread, _)| *thread == call.thread);
        let is_claim = match call.kind.what() {
            // A matched probe has already taken it.
            What::Receive => !matches!(call.kind, Kind::Mrecv | Kind::Imrecv),
            What::Find => true,
            What::Send | What::Wait | What::Together | What::Other => false,
        };
        if is_claim {
            let is_next = (after.as_ref()).is_some_and(|(_, next)| is_taken_by(call, next));
            let until = if call.kind.goes_on() {
                call.completed.unwrap_or(Duration::MAX)
            } else {
                record.end_of(call)
            };
            claims.push(Claim {
                thread: call.thread,
                kind: call.kind,
                pattern: Pattern::of(call),
                from: call.started,
                until,
                took: call.taken.filter(|_| takes(call.kind) || is_next),
            });
        }
        match after {
            Some(after) => after.1 = call,
            None => next.push((call.thread, call)),
        }
    }
    for (thread, state) in (0..).zip(&record.threads) {
        if let Some(polling) = state
            .polling
            .as_ref()
            // When a thread has ended is not known.
            .filter(|it| it.kind.what() == What::Find && !state.is_over)
        {
            claims.push(Claim {
                thread,
                kind: polling.kind,
                pattern: Pattern::of_looks(polling),
                from: polling.since,
                until: Duration::MAX,
                took: None,
            });
        }
    }
    claims.sort_by_key(|claim| claim.from);
    claims
}

/// What a thread waits for: `thread 1 is in MPI_Recv (anyone, tag 5)`.
fn wish(claim: &Claim) -> String {
    let Pattern { peer, tag, .. } = claim.pattern;
    let (thread, since, kind) = (which_thread(claim.thread), seconds(claim.from), claim.kind);
    format!("{thread} is in {kind} ({peer}, {tag}) since {since}")
}

fn theft(rank: Rank, one: &Claim, other: &Claim, message: Taken) -> Evidence {
    let (thread, rival) = (which_thread(one.thread), which_thread(other.thread));
    let (rank, from, tag) = (who(rank), who(message.from), message.tag);
    let said = format!(
        "{thread} of {rank} took a message with tag {tag} from {from} while {rival} waited for such a message, too"
    );
    let hint = "give requests and answers different tags, and let each thread receive only the tags that are \
                meant for it: not MPI_ANY_TAG";
    let was = |claim| wish(claim).replacen(" is in ", " was in ", 1);
    Evidence::new(said, hint).with_details(vec![was(one), was(other)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Check;
    use crate::seen::made_up::{MadeUp, ms, polling, taken};

    /// Thread 1 waits for client 2's tag 7; the others do as the tests have it.
    fn waiting() -> MadeUp {
        let mut made_up = MadeUp::new(4);
        made_up.take((1, 1), 2, 7).until(100);
        made_up
    }

    fn assert_thief(made_up: &MadeUp, thread: Thread) {
        let said = made_up.wrong(Check::Receivers).said;
        assert!(said.starts_with(&format!("thread {thread} of client 1 took")));
    }

    #[test]
    fn a_message_that_the_other_thread_waits_for_is_not_to_be_taken() {
        let mut made_up = waiting();
        let thief = made_up.receive((1, 2), Peer::Any, Tag::Any);
        thief.taken = Some(taken(2, 7));
        let seen = made_up.wrong(Check::Receivers);
        assert_eq!(
            seen.said,
            "thread 2 of client 1 took a message with tag 7 from client 2 while thread 1 waited for such a \
             message, too"
        );
        assert_eq!(
            seen.details,
            [
                "thread 2 was in MPI_Recv (anyone, any tag) since 0.002 s",
                "thread 1 was in MPI_Recv (client 2, tag 7) since 0.001 s"
            ]
        );
        // Nor if the right one got it.
        let mut made_up = waiting();
        made_up.receive((1, 2), Peer::Any, Tag::Any).forever();
        assert_thief(&made_up, 1);
    }

    #[test]
    fn patterns_that_no_message_matches_both_do_no_harm() {
        let mut made_up = waiting();
        made_up.receive((1, 2), Peer::Any, Tag::One(8)).taken = Some(taken(2, 8));
        made_up.receive((1, 2), Peer::One(Rank(3)), Tag::Any).taken = Some(taken(3, 7));
        let other = made_up.receive((1, 2), Peer::Any, Tag::Any);
        (other.comm, other.taken) = (1, Some(taken(2, 7)));
        made_up.receive((1, 2), Peer::None, Tag::Any);
        assert_eq!(made_up.shown(Check::Receivers), Ok(Shown::Right));
    }

    #[test]
    fn what_could_be_taken_by_either_but_did_not_come_is_doubted() {
        let mut made_up = MadeUp::new(4);
        made_up
            .receive((1, 1), Peer::One(Rank(2)), Tag::Any)
            .forever();
        made_up.receive((1, 2), Peer::Any, Tag::One(9)).taken = Some(taken(3, 9));
        assert!(made_up.is_untold(Check::Receivers, "could both take"));
    }

    #[test]
    fn threads_that_wait_for_just_the_same_may_share_the_work() {
        let mut made_up = MadeUp::new(4);
        for thread in [1, 2] {
            let call = made_up
                .receive((1, thread), Peer::Any, Tag::One(9))
                .until(100);
            call.taken = Some(taken(3, 9));
        }
        assert!(made_up.is_untold(Check::Receivers, "could both take"));
    }

    #[test]
    fn one_after_the_other_is_fine() {
        let mut made_up = MadeUp::new(4);
        made_up.take((1, 1), 2, 7);
        made_up.receive((1, 2), Peer::Any, Tag::Any).taken = Some(taken(2, 7));
        assert_eq!(made_up.shown(Check::Receivers), Ok(Shown::Right));
    }

    #[test]
    fn a_thread_that_was_ended_waits_no_more() {
        let mut made_up = MadeUp::new(4);
        made_up.receive((1, 1), Peer::Any, Tag::Any).forever();
        made_up.rank(1).threads[1].is_over = true;
        made_up.take((1, 2), 2, 7);
        assert_eq!(made_up.shown(Check::Receivers), Ok(Shown::Right));
    }

    #[test]
    fn a_receive_that_does_not_wait_lasts_until_it_is_complete() {
        for kind in [Kind::Irecv, Kind::StartReceive] {
            let mut made_up = MadeUp::new(4);
            let begun = made_up.receive((1, 1), Peer::One(Rank(2)), Tag::One(7));
            (begun.kind, begun.completed, begun.taken) = (kind, Some(ms(50)), Some(taken(2, 7)));
            made_up.receive((1, 2), Peer::Any, Tag::Any).forever();
            assert_thief(&made_up, 1);
            // One that was cancelled by then waits no more, and took nothing.
            let begun = &mut made_up.rank(1).calls[0];
            (begun.completed, begun.taken, begun.is_cancelled) = (begun.returned, None, true);
            assert_eq!(made_up.shown(Check::Receivers), Ok(Shown::Right));
        }
    }

    #[test]
    fn who_finds_a_message_takes_it_only_if_it_does_so_next() {
        let mut made_up = waiting();
        let found = made_up.receive((1, 2), Peer::Any, Tag::Any);
        (found.kind, found.taken) = (Kind::Probe, Some(taken(2, 7)));
        assert!(made_up.is_untold(Check::Receivers, "could both take"));
        made_up
            .receive((1, 2), Peer::One(Rank(2)), Tag::One(7))
            .forever();
        assert_thief(&made_up, 2);
    }

    #[test]
    fn a_look_takes_nothing_and_waits_only_for_what_its_thread_receives() {
        // Thread 2 looks for anything, and takes tag 1 alone.
        let looking = || {
            let mut made_up = MadeUp::new(4);
            made_up.take((1, 2), 2, 7);
            made_up.take((1, 1), 2, 7).until(100);
            for (tag, time) in [(7, 5), (1, 6)] {
                let found = made_up.receive((1, 2), Peer::Any, Tag::Any).until(time);
                (found.kind, found.taken) = (Kind::Probe, Some(taken(2, tag)));
            }
            made_up
        };
        let mut made_up = looking();
        made_up.take((1, 2), 2, 1);
        made_up.rank(1).threads[2].polling = Some(polling(Peer::Any, Tag::Any));
        assert_eq!(made_up.shown(Check::Receivers), Ok(Shown::Right));
        // Who receives just anything after a look waits for all.
        let mut made_up = looking();
        made_up.receive((1, 2), Peer::Any, Tag::Any).taken = Some(taken(2, 1));
        assert_thief(&made_up, 1);
    }

    /// Found by the same look, and received from whom it came.
    #[test]
    fn threads_that_look_for_just_the_same_may_share_the_work() {
        let mut made_up = MadeUp::new(4);
        for thread in [1, 2] {
            let found = made_up.receive((1, thread), Peer::Any, Tag::One(9));
            (found.kind, found.taken) = (Kind::Iprobe, Some(taken(3, 9)));
            made_up.take((1, thread), 3, 9).until(100);
        }
        made_up.rank(1).threads[2].polling = Some(polling(Peer::Any, Tag::One(9)));
        let shown = made_up.shown(Check::Receivers);
        assert!(!matches!(shown, Ok(Shown::Wrong(_))), "{shown:?}");
    }

    /// Thread 2 looks at all, and never receives what client 2 sends.
    #[test]
    fn who_chooses_by_the_source_waits_only_for_its_own() {
        let mut made_up = MadeUp::new(4);
        made_up.take((1, 1), 2, 7).until(100);
        let found = made_up.receive((1, 2), Peer::Any, Tag::Any).until(50);
        (found.kind, found.taken) = (Kind::Probe, Some(taken(3, 7)));
        made_up.take((1, 2), 3, 7);
        assert_eq!(made_up.shown(Check::Receivers), Ok(Shown::Right));
    }

    #[test]
    fn a_matched_probe_takes_what_it_finds() {
        let mut made_up = waiting();
        let found = made_up.receive((1, 2), Peer::Any, Tag::Any);
        (found.kind, found.taken) = (Kind::Mprobe, Some(taken(2, 7)));
        assert_thief(&made_up, 2);
    }

    #[test]
    fn a_matched_receive_takes_what_is_taken_already() {
        let mut made_up = waiting();
        let matched = made_up.receive((1, 2), Peer::Any, Tag::Any);
        (matched.kind, matched.taken) = (Kind::Mrecv, Some(taken(2, 7)));
        assert_eq!(made_up.shown(Check::Receivers), Ok(Shown::Right));
    }

    #[test]
    fn who_looks_again_and_again_waits_as_well() {
        let mut made_up = MadeUp::new(4);
        made_up.take((1, 1), 2, 7).until(200);
        made_up.rank(1).threads[2].polling = Some(polling(Peer::Any, Tag::Any));
        assert!(made_up.is_untold(Check::Receivers, "could both take"));
        // But not when it has ended.
        made_up.rank(1).threads[2].is_over = true;
        assert_eq!(made_up.shown(Check::Receivers), Ok(Shown::Right));
    }
}
