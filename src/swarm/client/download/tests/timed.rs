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

/// The call of a member that suggests a segment, and tells what it has gained.
fn call(suggested: Option<usize>, gained: &[usize]) -> ToDownload {
    ToDownload::Call(Call {
        file: F,
        segment: suggested.map(SegmentIndex),
        is_farewell: suggested.is_none(),
        gained: gained.iter().copied().map(SegmentIndex).collect(),
    })
}

/// A member is told that nothing is needed now.
fn declined(member: u32, waits: bool, gained: &[usize]) -> Effect {
    let decline = Decline {
        file: F,
        waits,
        gained: gained.iter().copied().map(SegmentIndex).collect(),
    };
    Effect::Send(Envelope::new(Rank(member), ToUpload::Decline(decline)))
}

fn ack(position: usize) -> ToDownload {
    let letter = LETTERS.as_bytes()[position];
    segment(position, Answer::Ack(hash(letter)))
}

#[test]
fn who_waits_asks_elsewhere_meanwhile_and_for_what_is_suggested_when_it_is_called() {
    let (mut download, effects) = joined(LETTERS, &[1, 3], timed(settings(10, 2)));
    assert_eq!(positions(&effects), [(3, 0), (1, 1)]);
    let effects = hear(&mut download, Rank(3), segment(0, Answer::Busy));
    assert_eq!(positions(&effects), [(1, 0)], "another member is asked");
    assert_eq!(positions(&hear(&mut download, Rank(1), ack(1))), [(1, 2)]);
    let effects = hear(&mut download, Rank(3), call(Some(7), &[]));
    assert_eq!(effects, [declined(3, true, &[1])], "its window is full");
    let effects = hear(&mut download, Rank(1), ack(0));
    assert_eq!(positions(&effects), [(3, 3)], "it comes back");
    let effects = hear(&mut download, Rank(1), segment(2, Answer::Busy));
    assert_eq!(effects, [], "it waits at both");
    let effects = hear(&mut download, Rank(1), call(Some(7), &[]));
    assert_eq!(positions(&effects), [(1, 7)]);
}

#[test]
fn who_may_ask_for_little_at_a_time_waits_in_few_queues() {
    let others = Vec::from_iter(3..30);
    for (window, queues) in [(1, 3), (2, 6), (5, 13), (usize::MAX, 13)] {
        let (mut download, effects) = joined(LETTERS, &others, timed(settings(10, window)));
        let mut asked = positions(&effects);
        let mut answered = 0;
        while let Some(&(member, position)) = asked.get(answered) {
            let effects = hear(&mut download, Rank(member), segment(position, Answer::Busy));
            asked.extend(positions(&effects));
            answered += 1;
        }
        assert_eq!(asked.len(), queues, "window {window}");
    }
}

#[test]
fn who_is_called_takes_what_it_lacks_or_declines_and_waits_on() {
    let (mut download, effects) = joined("abcd", &[1], timed(settings(10, 2)));
    assert_eq!(positions(&effects), [(1, 0), (1, 1)]);
    hear(&mut download, Rank(1), segment(0, Answer::Busy));
    assert_eq!(hear(&mut download, Rank(1), segment(1, Answer::Busy)), []);
    let effects = hear(&mut download, Rank(1), call(Some(2), &[]));
    assert_eq!(positions(&effects), [(1, 2)], "it is what was suggested");
    let effects = hear(&mut download, Rank(1), call(Some(2), &[]));
    assert_eq!(
        positions(&effects),
        [(1, 1)],
        "that is on its way, so another"
    );
    hear(&mut download, Rank(1), ack(2));
    let effects = hear(&mut download, Rank(1), call(Some(2), &[]));
    assert_eq!(positions(&effects), [(1, 0)], "that has come");
    hear(&mut download, Rank(1), ack(1));
    let effects = hear(&mut download, Rank(1), call(Some(3), &[]));
    assert_eq!(positions(&effects), [(1, 3)]);
    hear(&mut download, Rank(1), ack(0));
    let effects = hear(&mut download, Rank(1), call(Some(3), &[]));
    assert_eq!(effects, [declined(1, true, &[0])], "all is on its way");
}

#[test]
fn who_has_all_leaves_the_queues_and_ends_when_it_has_heard_the_last_of_each() {
    let (mut download, _) = joined("a", &[1, 3], timed(settings(10, 1)));
    hear(&mut download, Rank(3), segment(0, Answer::Busy));
    let effects = hear(&mut download, Rank(1), ack(0));
    let complete = told(ToTracker::FileComplete(progress(&[])));
    assert_eq!(effects, [declined(3, false, &[]), complete, save("f", "a")]);
    assert_eq!(saved(&mut download, Ok(())), []);
    assert!(!download.is_done());
    let effects = hear(&mut download, Rank(3), call(Some(0), &[]));
    assert_eq!(effects, [], "that call has crossed the word that it leaves");
    assert!(!download.is_done());
    let effects = hear(&mut download, Rank(3), call(None, &[]));
    let all = ToTracker::AllComplete { missing: vec![] };
    assert_eq!(effects, [told(all)]);
    assert!(download.is_done());
}

#[test]
fn a_call_of_who_was_not_asked_is_an_error() {
    let (mut download, _) = joined("a", &[1, 3], timed(settings(10, 1)));
    hear(&mut download, Rank(3), ack(0));
    let step = download.step(NOW, Rank(1), call(None, &[]), &mut Outbox::default());
    assert!(step.is_err());
}

#[test]
fn who_can_only_wait_asks_the_tracker_when_its_list_is_old() {
    let (mut download, effects) = joined("ab", &[1], timed(indexed(settings(10, 1))));
    assert_eq!(positions(&effects), [(1, 0)]);
    assert_eq!(hear(&mut download, Rank(1), segment(0, Answer::Busy)), []);
    assert_eq!(download.due(), Some(SLOT));
    let effects = wake(&mut download, SLOT);
    assert_eq!(effects, [told(ToTracker::SwarmRequest(name("f")))]);
    let effects = hear(&mut download, Rank::TRACKER, news(&[1, 3], &[(3, &[0])]));
    assert_eq!(positions(&effects), [(3, 0)]);
    hear(&mut download, Rank(3), segment(0, Answer::Busy));
    assert_eq!(download.due(), Some(2 * SLOT), "the next one lasts longer");
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
    hear(&mut download, Rank(1), segment(0, Answer::Busy));
    for _ in 0..9 {
        let Some(due) = download.due() else { break };
        wake(&mut download, due);
        assert!(download.due().is_none_or(|next| next > due));
    }
}
