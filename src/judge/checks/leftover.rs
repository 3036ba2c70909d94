//! Whether every message that is sent is received.

use crate::checks::evidence::*;

/// The most messages that are shown.
const MOST: usize = 5;

pub(super) fn judge(scene: &Scene<'_>) -> Result<Shown, Unseen> {
    let recording = &scene.run.recording;
    scene.saw_good_end(", so some messages were still on their way")?;
    scene.saw_all_receives()?;
    let never_ended = (recording.by_rank()).find(|(_, record)| record.finalize.is_none());
    if let Some((rank, _)) = never_ended {
        return unseen(format!("{} did not call MPI_Finalize", who(rank)));
    }
    let open: Vec<Vec<Pattern>> = recording.ranks.iter().map(open).collect();
    let may_be_taken = |message: &Message<'_>| {
        let patterns = open.get(message.to.0 as usize);
        patterns.is_some_and(|all| all.iter().any(|it| it.matches(message)))
    };
    let (open, left): (Vec<Message<'_>>, Vec<Message<'_>>) =
        scene.untaken().partition(may_be_taken);
    let Some(first) = left.first() else {
        return match open.first() {
            Some(message) => unseen(format!(
                "{} began to receive {message}, and did not look whether it came",
                who(message.to),
            )),
            None => Ok(Shown::Right),
        };
    };
    let number = left.len();
    let verb = if number == 1 { "was" } else { "were" };
    let said = format!(
        "{} {verb} sent and never received, first {first}",
        count(number, "message"),
    );
    let hint = "receive every message before MPI_Finalize; see who sends one more, or who stops one too early";
    let lines = left.iter().take(MOST).map(|message| {
        let Call { kind, started, .. } = message.sent;
        format!("{message}: {kind} at {}", seconds(*started))
    });
    let more = number.saturating_sub(MOST);
    let more = (more > 0).then(|| format!("and {more} more"));
    let details = lines.chain(more).collect();
    wrong(Evidence::new(said, hint).with_details(details))
}

/// What a rank began to receive and never completed: that may have taken a message.
fn open(record: &RankRecord) -> Vec<Pattern> {
    let is_open = |call: &&Call| {
        let is_begun = call.kind.what() == What::Receive && call.kind.goes_on();
        is_begun && call.completed.is_none()
    };
    distinct(record.calls.iter().filter(is_open).map(Pattern::of))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Check;
    use crate::seen::made_up::{Change, MadeUp, taken};

    #[test]
    fn what_nobody_took_is_left() {
        let mut made_up = MadeUp::new(3);
        made_up.send((1, 0), 2, 5);
        assert_eq!(
            made_up.wrong(Check::Leftover).said,
            "1 message was sent and never received, first 32 bytes from client 1 to client 2 with tag 5"
        );
        for _ in 0..6 {
            made_up.send((0, 0), 2, 4);
        }
        let seen = made_up.wrong(Check::Leftover);
        assert!(
            seen.said.starts_with("7 messages were sent"),
            "{}",
            seen.said
        );
        assert_eq!(seen.details.len(), MOST + 1);
        assert_eq!(seen.details[MOST], "and 2 more");
    }

    #[test]
    fn what_was_taken_or_was_not_sent_is_not_left() {
        let mut made_up = MadeUp::new(3);
        made_up.send((1, 0), 2, 5);
        made_up.take((2, 1), 1, 5);
        made_up.send((1, 0), 2, 5).error = Some(6);
        made_up.send((1, 0), 2, 5).peer = Peer::None;
        assert_eq!(made_up.shown(Check::Leftover), Ok(Shown::Right));
    }

    #[test]
    fn what_was_cancelled_is_not_left() {
        let mut made_up = MadeUp::new(3);
        let sent = made_up.send((1, 0), 2, 5);
        (sent.kind, sent.completed) = (Kind::Isend, None);
        made_up.call((1, 0), Kind::Cancel);
        assert_eq!(made_up.shown(Check::Leftover), Ok(Shown::Right));
        // Another call was.
        made_up.rank(1).calls[1].tag = Tag::One(6);
        made_up.wrong(Check::Leftover);
        made_up.rank(1).calls[1].tag = Tag::One(5);
        made_up.rank(1).calls[1].peer = Peer::One(Rank(0));
        made_up.wrong(Check::Leftover);
        // It is known that it was cancelled, or that it was not.
        made_up.rank(1).calls[1].peer = Peer::None;
        let sent = &mut made_up.rank(1).calls[0];
        (sent.completed, sent.is_cancelled) = (sent.returned, true);
        assert_eq!(made_up.shown(Check::Leftover), Ok(Shown::Right));
        made_up.rank(1).calls[0].is_cancelled = false;
        made_up.wrong(Check::Leftover);
    }

    #[test]
    fn what_a_receive_in_the_background_may_have_taken_is_not_surely_left() {
        let mut made_up = MadeUp::new(3);
        made_up.send((1, 0), 2, 5);
        let begun = made_up.receive((2, 1), Peer::Any, Tag::One(5));
        (begun.kind, begun.completed) = (Kind::Irecv, None);
        assert!(made_up.is_untold(Check::Leftover, "did not look"));
        made_up.rank(2).calls[0].tag = Tag::One(6);
        made_up.wrong(Check::Leftover);
        // Nor was it taken by a receive that was cancelled, and so is complete.
        let begun = &mut made_up.rank(2).calls[0];
        (begun.tag, begun.completed) = (Tag::One(5), begun.returned);
        made_up.wrong(Check::Leftover);
    }

    #[test]
    fn what_is_left_cannot_be_told_of_a_run_that_is_not_complete() {
        let with = |change: Change| {
            let mut made_up = MadeUp::new(3);
            made_up.send((1, 0), 2, 5);
            change(&mut made_up);
            made_up
        };
        let changes: [(&str, Change); 5] = [
            ("hung", MadeUp::hang),
            ("crashed", |made_up| made_up.crash(1, 11)),
            ("room", |made_up| made_up.rank(2).is_cut = true),
            ("MPI_Finalize", |made_up| made_up.rank(2).finalize = None),
            ("may have taken", |made_up| {
                made_up.receive((2, 0), Peer::Any, Tag::Any).error = Some(1);
            }),
        ];
        for (why, change) in changes {
            assert!(with(change).is_untold(Check::Leftover, why), "{why}");
        }
        let taken = with(|made_up| made_up.take((2, 0), 1, 5).taken = Some(taken(1, 5)));
        assert_eq!(taken.shown(Check::Leftover), Ok(Shown::Right));
    }
}
