//! Dialogues in which serving a segment takes time.

use super::*;

/// What the download half does when it is woken.
fn wake(download: &mut Download, now: Duration) -> Vec<Effect> {
    let mut outbox = Outbox::default();
    download.wake(now, &mut outbox);
    outbox.collect()
}

const SLOT: Duration = Duration::from_millis(5);

/// Settings in which serving a segment takes one [`SLOT`].
fn timed(settings: Settings) -> Settings {
    Settings {
        upload_time: SLOT,
        ..settings
    }
}

#[test]
fn a_busy_member_is_not_asked_before_it_has_a_slot_free() {
    let (mut download, effects) = joined(LETTERS, &[1, 3], timed(settings(10, 2)));
    assert_eq!(positions(&effects), [(3, 0), (1, 1)]);
    let busy = Answer::Busy(SLOT);
    let effects = hear(&mut download, Rank(3), segment(0, busy.clone()));
    assert_eq!(
        positions(&effects),
        [(1, 0)],
        "another member is asked for it"
    );
    let effects = hear(&mut download, Rank(1), segment(1, Answer::Ack(hash(b'b'))));
    assert_eq!(positions(&effects), [(1, 2)], "who sends is asked again");
    assert_eq!(hear(&mut download, Rank(1), segment(0, busy)), []);
    assert_eq!(download.due(), Some(SLOT));
    let effects = wake(&mut download, SLOT);
    assert_eq!(
        positions(&effects),
        [(1, 0)],
        "what had to wait comes first"
    );
    assert_eq!(download.due(), None, "nothing more may be in flight");
}

#[test]
fn who_waits_for_a_slot_comes_when_one_is_kept_and_whoever_refused_rests() {
    let (mut download, effects) = joined("ab", &[1, 3], timed(settings(10, 1)));
    assert_eq!(positions(&effects), [(3, 0)]);
    let effects = hear(&mut download, Rank(3), segment(0, Answer::Nack));
    assert_eq!(positions(&effects), [(1, 0)]);
    let effects = hear(&mut download, Rank(1), segment(0, Answer::Busy(SLOT)));
    assert_eq!(effects, []);
    assert_eq!(download.due(), Some(SLOT));
    let effects = wake(&mut download, SLOT);
    assert_eq!(positions(&effects), [(1, 0)]);
    let busy = Answer::Busy(10 * SLOT);
    assert_eq!(hear(&mut download, Rank(1), segment(0, busy)), []);
    assert_eq!(download.due(), Some(4 * SLOT));
    let effects = wake(&mut download, 4 * SLOT);
    assert_eq!(positions(&effects), [(3, 1)], "for another segment");
}

#[test]
fn a_hint_is_followed_before_anything_else() {
    let (mut download, effects) = joined("abcd", &[1, 3], timed(settings(10, 1)));
    assert_eq!(positions(&effects), [(3, 0)]);
    let hint = |holder, segment| Hint {
        holder: Rank(holder),
        segment: SegmentIndex(segment),
    };
    let refusal = SegmentAnswer {
        file: F,
        segment: SegmentIndex(0),
        answer: Answer::Busy(SLOT),
        hints: vec![hint(3, 2), hint(1, 3)],
    };
    let effects = hear(&mut download, Rank(3), ToDownload::Segment(refusal));
    assert_eq!(positions(&effects), [(1, 3)]);
    let effects = hear(&mut download, Rank(1), segment(3, Answer::Busy(2 * SLOT)));
    assert_eq!(positions(&effects), []);
    let effects = wake(&mut download, SLOT);
    assert_eq!(positions(&effects), [(3, 2)], "when it can be");
}

#[test]
fn who_can_only_wait_asks_the_tracker_when_its_list_is_old() {
    let (mut download, effects) = joined("ab", &[1], timed(indexed(settings(10, 1))));
    assert_eq!(positions(&effects), [(1, 0)]);
    let busy = Answer::Busy(10 * SLOT);
    assert_eq!(hear(&mut download, Rank(1), segment(0, busy)), []);
    assert_eq!(download.due(), Some(5 * SLOT));
    let effects = wake(&mut download, 5 * SLOT);
    assert_eq!(effects, [told(ToTracker::SwarmRequest(name("f")))]);
    let effects = hear(&mut download, Rank::TRACKER, news(&[1, 3], &[(3, &[0])]));
    assert_eq!(positions(&effects), [(3, 0)]);
}

#[test]
fn a_list_that_is_too_old_is_no_moment_to_wait_for_while_a_grant_is_awaited() {
    let granting = Settings {
        tracker_grants: true,
        ..settings(10, 2)
    };
    let (mut download, _) = joined("ab", &[1], timed(granting));
    let effects = hear(&mut download, Rank::TRACKER, ToDownload::Grant(F));
    assert_eq!(positions(&effects), [(1, 0)]);
    hear(&mut download, Rank(1), segment(0, Answer::Busy(10 * SLOT)));
    for _ in 0..9 {
        let Some(due) = download.due() else { break };
        wake(&mut download, due);
        assert!(download.due().is_none_or(|next| next > due));
    }
}
