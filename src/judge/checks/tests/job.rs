//! Whole runs, in the formats that programs use.

use super::{ANSWER, ASK, DOWNLOAD, Format, MadeUp, RECOGNISED, UPLOAD, varied};
use crate::checks::{Check, Shown};

#[track_caller]
fn assert_right(made: &MadeUp) {
    for (check, shown) in made.all_shown() {
        assert_eq!(shown, Ok(Shown::Right), "{check}");
    }
}

/// Nothing is wrong with it, whatever is not known.
#[track_caller]
fn assert_not_accused(made: &MadeUp) {
    for (check, seen) in made.all_shown() {
        let is_fine = matches!(seen, Ok(Shown::Right) | Err(_));
        assert!(is_fine, "{check}: {seen:?}");
    }
}

#[test]
fn a_right_program_is_right_whichever_side_sends_the_hash() {
    for format in RECOGNISED {
        assert_right(&MadeUp::right(format));
    }
}

#[test]
fn without_hashes_only_the_start_and_the_threads_are_told() {
    let made = MadeUp::right(Format::NoHash);
    for (check, seen) in made.all_shown() {
        if matches!(check, Check::TwoThreads | Check::Registration) {
            assert_eq!(seen, Ok(Shown::Right), "{check}");
        } else {
            assert!(seen.is_err(), "{check}: {seen:?}");
        }
    }
}

#[test]
fn a_hash_that_several_segments_have_tells_nothing() {
    let mut made = MadeUp::right(Format::HashBothWays);
    for segment in &mut made.known.segments {
        segment.is_unique = false;
    }
    assert!(made.shown(Check::Peers).is_err());
    assert!(made.shown(Check::Registration).is_err());
}

#[test]
fn what_is_cut_off_in_the_recording_is_not_told() {
    let mut made = MadeUp::whole(Format::HashBothWays, 6, 100, |_, _| 1);
    made.run.recording.ranks[3].is_cut = true;
    assert_not_accused(&made);
    assert!(made.shown(Check::Sources).is_err());
}

#[test]
fn a_right_program_may_have_ten_requests_in_flight() {
    for format in RECOGNISED {
        let mut made = MadeUp::swarm(5, 40);
        made.register();
        for ten in 0..4 {
            for client in 3..=5 {
                let segments = || ten * 10..ten * 10 + 10;
                for segment in segments() {
                    made.ask(client, varied(client, segment), &format.question(segment));
                }
                for segment in segments() {
                    made.answer(varied(client, segment), client, &format.answer(segment));
                }
                made.tell(client, &[]);
            }
        }
        made.finish();
        assert_not_accused(&made);
        if format != Format::HashInTheQuestion {
            assert_right(&made);
        }
    }
}

#[test]
fn a_refusal_is_followed_by_another_question() {
    for format in [Format::HashBothWays, Format::HashInTheQuestion] {
        let mut made = MadeUp::swarm(5, 40);
        made.register();
        for segment in 0..40 {
            for client in 3..=5 {
                if client == 3 {
                    // Client 4 does not have it yet.
                    made.ask(3, 4, &[segment]);
                    made.answer(4, 3, &[]);
                }
                made.fetch(format, client, varied(client, segment), segment);
                if segment % 10 == 9 {
                    made.tell(client, &[]);
                }
            }
        }
        made.finish();
        assert_right(&made);
    }
}

#[test]
fn a_refusal_may_repeat_the_hash() {
    let mut made = MadeUp::swarm(5, 40);
    made.register();
    for segment in 0..40 {
        for client in 3..=5 {
            if client == 3 {
                made.fetch(Format::HashBothWays, 3, 4, segment);
            }
            made.fetch(
                Format::HashBothWays,
                client,
                varied(client, segment),
                segment,
            );
            if segment % 10 == 9 {
                made.tell(client, &[]);
            }
        }
    }
    made.finish();
    assert_right(&made);
}

#[test]
fn questions_and_answers_may_have_several_messages() {
    for format in RECOGNISED {
        let mut made = MadeUp::swarm(5, 40);
        made.register();
        for segment in 0..40 {
            for client in 3..=5 {
                let member = varied(client, segment);
                made.ask(client, member, &[]);
                made.fetch(format, client, member, segment);
                made.answer(member, client, &[]);
                if segment % 10 == 9 {
                    made.tell(client, &[]);
                }
            }
        }
        made.finish();
        assert_right(&made);
    }
}

#[test]
fn all_may_be_asked_how_busy_they_are() {
    for format in RECOGNISED {
        for asks_with_hash in [false, true] {
            let mut made = MadeUp::swarm(5, 40);
            made.register();
            for segment in 0..40 {
                for client in 3..=5 {
                    let question = if asks_with_hash && format != Format::HashInTheAnswer {
                        vec![segment]
                    } else {
                        vec![]
                    };
                    let others = || (1..=5).filter(|&other| other != client);
                    for other in others() {
                        made.ask(client, other, &question);
                    }
                    for other in others() {
                        made.answer(other, client, &[]);
                    }
                    // The least busy is always the first.
                    made.fetch(format, client, 1, segment);
                    if segment % 10 == 9 {
                        made.tell(client, &[]);
                    }
                }
            }
            made.finish();
            for (check, seen) in made.all_shown() {
                let is_wrong = matches!(seen, Ok(Shown::Wrong(_)));
                assert!(!is_wrong, "{format:?} {asks_with_hash}: {check}: {seen:?}");
            }
        }
    }
}

#[test]
fn the_tracker_may_grant_every_segment() {
    for format in RECOGNISED.into_iter().chain([Format::NoHash]) {
        let mut made = MadeUp::swarm(5, 40);
        made.register();
        for segment in 0..40 {
            for client in 3..=5 {
                made.tell(client, &[]);
                made.send_hashes((0, 0), client, 9, &[segment]);
                made.take((client, DOWNLOAD), 0, 9).at_once();
                made.fetch(format, client, varied(client, segment), segment);
                made.tell(client, &[segment]);
            }
        }
        made.finish();
        assert_not_accused(&made);
        if format != Format::NoHash {
            assert_right(&made);
        }
    }
}

#[test]
fn a_run_of_one_tag_is_told_by_its_threads() {
    let mut made = MadeUp::right(Format::HashBothWays);
    one_tag(&mut made);
    assert_right(&made);
}

#[test]
fn one_tag_in_one_thread_is_not_told() {
    let mut made = MadeUp::right(Format::HashBothWays);
    one_tag(&mut made);
    for record in &mut made.run.recording.ranks {
        record
            .calls
            .iter_mut()
            .for_each(|call| call.thread = DOWNLOAD);
    }
    assert!(made.shown(Check::Peers).is_err());
    assert!(made.shown(Check::Answers).is_err());
}

/// Questions are answered with their tags.
fn one_tag(made: &mut MadeUp) {
    use crate::seen::calls::Tag;
    for record in &mut made.run.recording.ranks {
        for call in &mut record.calls {
            if call.tag == Tag::One(ANSWER) {
                call.tag = Tag::One(ASK);
                if let Some(taken) = &mut call.taken {
                    taken.tag = ASK;
                }
            }
        }
    }
}

#[test]
fn a_run_that_breaks_off_is_not_accused_of_what_is_missing() {
    for format in RECOGNISED {
        let whole = MadeUp::right(format);
        for share in [10, 30, 60, 90] {
            let mut made = whole.clone();
            let end = made.now() * share / 100;
            made.hang();
            made.run.outputs.remove("client5_file1");
            for record in &mut made.run.recording.ranks {
                record.finalize = None;
                record.calls.retain(|call| call.started < end);
            }
            assert_not_accused(&made);
        }
    }
}

#[test]
fn a_reader_thread_may_take_the_answers() {
    let mut made = MadeUp::right(Format::HashInTheQuestion);
    for record in &mut made.run.recording.ranks {
        for call in &mut record.calls {
            if call.taken.is_some() {
                call.thread = UPLOAD;
            }
        }
    }
    assert_not_accused(&made);
    assert_eq!(made.shown(Check::TwoThreads), Ok(Shown::Right));
}

/// With a look at all calls for each of these messages it would take minutes.
#[test]
fn a_flood_that_nobody_takes_is_judged_at_once() {
    const MANY: usize = 60_000;
    let mut made = MadeUp::new(3);
    for _ in 0..MANY {
        made.send((1, DOWNLOAD), 2, ASK).at_once();
        made.call((2, UPLOAD), crate::seen::calls::Kind::Test)
            .at_once();
    }
    let said = made.wrong(Check::Leftover).said;
    assert!(said.starts_with("60,000 messages were sent"), "{said}");
    made.hang();
    made.wrong(Check::Hang);
}
