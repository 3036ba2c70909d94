//! The judge of the rules. A sound run keeps all rules. A run that was broken on purpose breaks the
//! rule that it was to break, and no rule that has nothing to do with it.

mod draws;
mod tape;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use lab::rules::{Judge, Judgement, Rule, Verdict};
use swarm::client::{Conduct, Leaving, Part};
use swarm::event::{Deed, Event, Thread};
use swarm::manifest::Manifest;
use swarm::policy::TrackerIndex;
use swarm::protocol::{
    Answer, Call, Decline, FileId, FileName, Hashes, Init, InitAck, Letter, Missing, Rank, Reason,
    SegmentHash, SegmentIndex, Swarm, Tag, ToDownload, ToTracker, ToUpload,
};
use swarm::scenario::{Cast, Role};
use swarm::settings::Settings;
use tape::{
    TRACKER, Tape, letter, one_leecher, passing, selecting, settings, tapes, tapes_of, two_leechers,
};

fn judge(events: &[Event], settings: Settings, is_whole: bool) -> Vec<Judgement> {
    judge_cast(events, settings, Cast::default(), is_whole)
}

fn judge_cast(events: &[Event], settings: Settings, cast: Cast, is_whole: bool) -> Vec<Judgement> {
    let mut judge = Judge::new(4, settings, BTreeSet::new()).casting(cast);
    for (line, event) in (1..).zip(events) {
        judge.see(line, event);
    }
    judge.close(is_whole)
}

fn broken(judgements: &[Judgement]) -> Vec<Rule> {
    let broken = judgements
        .iter()
        .filter(|judgement| matches!(judgement.verdict, Verdict::Broken { .. }));
    broken.map(|judgement| judgement.rule).collect()
}

/// One way to break a rule.
struct Break {
    rule: Rule,
    how: &'static str,
    /// The other rules that such a run breaks.
    also: &'static [Rule],
    inputs: fn() -> Vec<Manifest>,
    settings: Settings,
    /// The part of one client.
    part: (Rank, Part),
    edit: fn(&mut Tape),
}

fn one(rule: Rule, how: &'static str, edit: fn(&mut Tape)) -> Break {
    Break {
        rule,
        how,
        also: &[],
        inputs: one_leecher,
        settings: settings(),
        part: (Rank(1), Part::default()),
        edit,
    }
}

/// A break in a run with two leechers, which ask the first owner only.
fn two(rule: Rule, how: &'static str, edit: fn(&mut Tape)) -> Break {
    Break {
        inputs: two_leechers,
        settings: selecting("first"),
        ..one(rule, how, edit)
    }
}

impl Break {
    fn and(self, also: &'static [Rule]) -> Break {
        Break { also, ..self }
    }

    fn with(self, settings: Settings) -> Break {
        Break { settings, ..self }
    }

    fn playing(self, rank: u32, part: Part) -> Break {
        let part = (Rank(rank), part);
        Break { part, ..self }
    }

    fn check(&self) {
        let (rank, part) = self.part;
        let class = "a".to_owned();
        let cast = Cast::from(vec![Role {
            client: rank,
            class,
            part,
        }]);
        for mut tape in tapes_of(self.inputs, self.settings, cast.clone()) {
            for judgement in judge_cast(&tape, self.settings, cast.clone(), true) {
                assert_eq!(judgement.verdict, Verdict::Holds, "{judgement}, unbroken");
            }
            (self.edit)(&mut tape);
            if self.rule != Rule::Messages {
                tape.number_anew();
            }
            let judgements = judge_cast(&tape, self.settings, cast.clone(), true);
            let mut expected = vec![self.rule];
            expected.extend(self.also);
            expected.sort();
            let said: Vec<String> = judgements.iter().map(ToString::to_string).collect();
            assert_eq!(
                broken(&judgements),
                expected,
                "{}, {}: {said:#?}",
                self.rule,
                self.how
            );
        }
    }
}

fn check_all(breaks: &[Break]) {
    assert!(breaks.len() >= 3);
    breaks.iter().for_each(Break::check);
}

fn wrong_hash() -> SegmentHash {
    SegmentHash::new(&[b'x'; 32]).expect("letters are printable")
}

fn has_ended(deed: &Deed) -> bool {
    matches!(deed, Deed::Ended)
}

fn is_saved(deed: &Deed) -> bool {
    matches!(deed, Deed::Saved { .. })
}

fn is_verified(deed: &Deed) -> bool {
    matches!(deed, Deed::Verified { .. })
}

fn lists(letter: &mut Letter) -> &mut Arc<[Rank]> {
    match letter {
        Letter::ToDownload(ToDownload::Swarm(Swarm::Joined(joined))) => &mut joined.members,
        Letter::ToDownload(ToDownload::Swarm(Swarm::Members(members))) => &mut members.members,
        Letter::ToTracker(_) | Letter::ToDownload(_) | Letter::ToUpload(_) => {
            panic!("{letter:?} lists nobody")
        }
    }
}

fn seeds(letter: &mut Letter) -> &mut Arc<[Rank]> {
    match letter {
        Letter::ToDownload(ToDownload::Swarm(Swarm::Joined(joined))) => &mut joined.seeds,
        Letter::ToDownload(ToDownload::Swarm(Swarm::Members(members))) => &mut members.seeds,
        Letter::ToTracker(_) | Letter::ToDownload(_) | Letter::ToUpload(_) => {
            panic!("{letter:?} lists nobody")
        }
    }
}

fn change(list: &mut Arc<[Rank]>, change: impl FnOnce(&mut Vec<Rank>)) {
    let mut ranks = list.to_vec();
    change(&mut ranks);
    *list = ranks.into();
}

#[test]
fn sound_runs_keep_every_rule_and_their_beginnings_break_none() {
    let with_segments = Settings {
        tracker_index: &TrackerIndex::ALL[1],
        ..settings()
    };
    let granting = Settings {
        tracker_grants: true,
        ..selecting("least-busy")
    };
    for settings in [settings(), with_segments, granting] {
        for tape in tapes(two_leechers, settings) {
            for judgement in judge(&tape, settings, true) {
                assert_eq!(judgement.verdict, Verdict::Holds, "{judgement}");
            }
            let stop = tape.first(Tag::Stop, TRACKER, Rank(1))[0];
            for end in (0..tape.len()).step_by(7) {
                let judgements = judge(&tape[..end], settings, false);
                assert_eq!(broken(&judgements), [], "{judgements:?}");
                let stopped = &judgements[Rule::R12 as usize].verdict;
                assert!(end > stop || *stopped == Verdict::CannotBeTold);
            }
        }
    }
}

#[test]
fn a_broken_rule_stays_broken_when_the_run_is_broken_off_and_is_told_in_words() {
    let tape = tapes(one_leecher, settings()).next();
    let mut tape = tape.expect("there are some");
    let owner = Rank(
        if tape.all(true, Tag::SegmentRequest, Rank(3), Rank(1))[0]
            < tape.all(true, Tag::SegmentRequest, Rank(3), Rank(2))[0]
        {
            2
        } else {
            1
        },
    );
    let request = tape.insert_exchange(Rank(3), owner, Some(Answer::Nack));
    tape.number_anew();
    let last = tape.last(Tag::Segment, owner, Rank(3))[1];
    let judgements = judge(&tape[..last], settings(), false);
    assert_eq!(broken(&judgements), [Rule::R9]);
    let judgement = &judgements[Rule::R9 as usize];
    assert_eq!(
        judgement.to_string(),
        format!(
            "R9: rank {owner} refused segment {} of 'f' to rank 3, which it owns",
            request.segment
        )
    );
    let line = 1 + tape.first(Tag::Segment, owner, Rank(3))[0] as u64;
    assert!(
        matches!(&judgement.verdict, Verdict::Broken { first, more: 0 } if first.line == line),
        "{judgement:?}"
    );
}

#[test]
fn r1_registration() {
    check_all(&[
        one(Rule::R1, "INIT dropped", |tape| {
            tape.drop_message(tape.first(Tag::Init, Rank(4), TRACKER));
        }),
        one(Rule::R1, "INIT doubled", |tape| {
            tape.double_message(tape.first(Tag::Init, Rank(4), TRACKER));
        }),
        one(Rule::R1, "INIT_ACK early", |tape| {
            let heard = (1..=4).map(|rank| tape.first(Tag::Init, Rank(rank), TRACKER)[1]);
            let last = heard.max().expect("there are four");
            tape.shift(tape.first(Tag::InitAck, TRACKER, Rank(1))[0], last);
        }),
        one(Rule::R1, "INIT_ACK dropped", |tape| {
            tape.drop_message(tape.first(Tag::InitAck, TRACKER, Rank(3)));
        }),
        one(Rule::R1, "INIT_ACK doubled", |tape| {
            tape.double_message(tape.first(Tag::InitAck, TRACKER, Rank(3)));
        }),
        one(Rule::R1, "a request before INIT_ACK", |tape| {
            let request = tape.first(Tag::SwarmRequest, Rank(3), TRACKER)[0];
            tape.shift(request, tape.first(Tag::InitAck, TRACKER, Rank(3))[1]);
        }),
        one(Rule::R1, "INIT_ACK that refuses without a reason", |tape| {
            tape.change(tape.first(Tag::InitAck, TRACKER, Rank(4)), |letter| {
                *letter = ToDownload::InitAck(InitAck::Refused).into();
            });
            // The others go on, and so does who was refused.
        }),
    ]);
}

/// A run that is refused, because rank 3 cannot use its input.
fn refused() -> Tape {
    let mut tape = Tape(Vec::new());
    for client in Rank::clients(4) {
        let refusal = ToDownload::InitAck(InitAck::Refused);
        tape.insert_message(0, TRACKER, client, refusal);
    }
    for client in Rank::clients(4) {
        let init = match client {
            Rank(3) => Init::Unable(vec!["in3.txt: cannot be read".to_owned()]),
            Rank(_) => Init::Ready(vec![]),
        };
        tape.insert_message(0, client, TRACKER, ToTracker::Init(init));
    }
    tape.number_anew();
    tape
}

#[test]
fn a_swarm_that_does_not_start_keeps_every_rule() {
    for judgement in judge(&refused(), settings(), true) {
        assert_eq!(judgement.verdict, Verdict::Holds, "{judgement}");
    }
    let mut started = refused();
    for place in started.first(Tag::InitAck, TRACKER, Rank(1)) {
        *letter(&mut started[place]) = ToDownload::InitAck(InitAck::Start(vec![])).into();
    }
    assert_eq!(broken(&judge(&started, settings(), true)), [Rule::R1]);
}

#[test]
fn r2_what_the_tracker_knows() {
    let with_segments = Settings {
        tracker_index: &TrackerIndex::ALL[1],
        ..selecting("first")
    };
    check_all(&[
        one(Rule::R2, "a hash forged", |tape| {
            tape.change(tape.first(Tag::Swarm, TRACKER, Rank(3)), |letter| {
                if let Letter::ToDownload(ToDownload::Swarm(Swarm::Joined(joined))) = letter {
                    let forged = joined.hashes.iter().skip(1).chain([wrong_hash()]);
                    joined.hashes = forged.collect::<Hashes>();
                }
            });
        }),
        one(Rule::R2, "a number too many", |tape| {
            tape.change(tape.first(Tag::InitAck, TRACKER, Rank(1)), |letter| {
                if let Letter::ToDownload(ToDownload::InitAck(InitAck::Start(numbers))) = letter {
                    numbers.push(FileId(7));
                }
            });
        }),
        one(Rule::R2, "segments told that are not to be known", |tape| {
            tape.change(tape.first(Tag::Update, Rank(3), TRACKER), |letter| {
                if let Letter::ToTracker(ToTracker::Update(told)) = letter {
                    told.gained.push(SegmentIndex(0));
                }
            });
        }),
        one(Rule::R2, "a segment asked of the tracker", |tape| {
            let [place, _] = tape.first(Tag::SegmentRequest, Rank(3), Rank(1));
            let request = letter(&mut tape[place]).clone();
            tape.insert_message(place, Rank(3), TRACKER, request);
        }),
        two(Rule::R2, "a gained segment told twice", |tape| {
            tape.change(tape.first(Tag::Update, Rank(4), TRACKER), |letter| {
                if let Letter::ToTracker(ToTracker::Update(told)) = letter {
                    told.gained[1] = told.gained[0];
                }
            });
        })
        .with(with_segments),
        two(Rule::R2, "a list that forges what is held", |tape| {
            tape.change(tape.first(Tag::Swarm, TRACKER, Rank(3)), |letter| {
                if let Letter::ToDownload(ToDownload::Swarm(Swarm::Joined(joined))) = letter {
                    joined.held.pop();
                }
            });
        })
        .with(with_segments),
    ]);
}

#[test]
fn r3_who_is_in_a_swarm() {
    check_all(&[
        one(Rule::R3, "the client left out", |tape| {
            tape.change(tape.nth(Tag::Swarm, TRACKER, Rank(3), 1), |letter| {
                change(lists(letter), |list| list.retain(|rank| *rank != Rank(3)));
            });
        }),
        one(Rule::R3, "a stranger listed", |tape| {
            tape.change(tape.first(Tag::Swarm, TRACKER, Rank(3)), |letter| {
                change(lists(letter), |list| list.push(Rank(4)));
            });
        }),
        one(Rule::R3, "SWARM doubled", |tape| {
            tape.double_message(tape.last(Tag::Swarm, TRACKER, Rank(3)));
        }),
        one(Rule::R3, "SWARM dropped", |tape| {
            tape.drop_message(tape.last(Tag::Swarm, TRACKER, Rank(3)));
        }),
        one(Rule::R3, "SWARM sent by a client", |tape| {
            let places = tape.last(Tag::Swarm, TRACKER, Rank(3));
            tape.sent_by(places, Rank(1), Thread::Upload);
        }),
        one(Rule::R3, "SWARM that knows no file", |tape| {
            tape.change(tape.nth(Tag::Swarm, TRACKER, Rank(3), 1), |letter| {
                *letter = ToDownload::Swarm(Swarm::Unknown).into();
            });
        }),
        one(Rule::R3, "a request before the swarm is known", |tape| {
            let request = tape.all(true, Tag::SegmentRequest, Rank(3), Rank(1))[0];
            tape.shift(request, tape.first(Tag::Swarm, TRACKER, Rank(3))[1]);
        }),
    ]);
}

#[test]
fn r4_requests_and_checks() {
    let granting = Settings {
        tracker_grants: true,
        ..settings()
    };
    check_all(&[
        one(Rule::R4, "Verified dropped", |tape| {
            tape.remove(tape.deed(Rank(3), Thread::Download, is_verified));
        }),
        one(Rule::R4, "Verified doubled", |tape| {
            tape.double(tape.deed(Rank(3), Thread::Download, is_verified));
        }),
        one(Rule::R4, "a right hash taken for a wrong one", |tape| {
            let place = tape.deed(Rank(3), Thread::Download, is_verified);
            let event = &mut tape[place];
            if let Deed::Verified {
                from,
                file,
                segment,
            } = event.deed
            {
                event.deed = Deed::WrongHash {
                    from,
                    file,
                    segment,
                };
            }
        }),
        one(Rule::R4, "a request with a forged hash", |tape| {
            tape.change(
                tape.first(Tag::SegmentRequest, Rank(3), Rank(1)),
                |letter| {
                    if let Letter::ToUpload(ToUpload::SegmentRequest(request)) = letter {
                        request.hash = wrong_hash();
                    }
                },
            );
        }),
        one(Rule::R4, "a request to who is no member", |tape| {
            tape.insert_exchange(Rank(3), Rank(4), Some(Answer::Nack));
        }),
        one(Rule::R4, "a refusal that is not respected", |tape| {
            tape.insert_exchange(Rank(3), Rank(4), Some(Answer::Nack));
            tape.insert_exchange(Rank(3), Rank(4), Some(Answer::Nack));
        }),
        one(Rule::R4, "a question who is busy", |tape| {
            let [place, _] = tape.first(Tag::SegmentRequest, Rank(3), Rank(1));
            let Letter::ToUpload(ToUpload::SegmentRequest(request)) =
                letter(&mut tape[place]).clone()
            else {
                panic!("it is a request")
            };
            let (file, segment) = (request.file, request.segment);
            let load = Some(0);
            let offer = swarm::protocol::Availability {
                file,
                segment,
                load,
            };
            tape.insert_message(place, Rank(1), Rank(3), ToDownload::Availability(offer));
            let question = ToUpload::AvailabilityRequest { file, segment };
            tape.insert_message(place, Rank(3), Rank(1), question);
        }),
        one(Rule::R4, "GRANT dropped", |tape| {
            tape.drop_message(tape.first(Tag::Grant, TRACKER, Rank(3)));
        })
        .with(granting),
        one(Rule::R4, "GRANT doubled", |tape| {
            tape.double_message(tape.last(Tag::Grant, TRACKER, Rank(3)));
        })
        .with(granting),
        one(Rule::R4, "CONFIRM dropped", |tape| {
            tape.drop_message(tape.last(Tag::Confirm, Rank(3), TRACKER));
        })
        .with(granting),
        one(Rule::R4, "least-busy without an offer", |tape| {
            let places = tape.all(true, Tag::Availability, Rank(1), Rank(3));
            let taken = tape.all(false, Tag::Availability, Rank(1), Rank(3));
            for (posted, taken) in places.into_iter().zip(taken).rev() {
                tape.change([posted, taken], |letter| {
                    if let Letter::ToDownload(ToDownload::Availability(offer)) = letter {
                        offer.load = None;
                    }
                });
            }
        })
        .and(&[Rule::R9])
        .with(selecting("least-busy")),
    ]);
}

#[test]
fn r5_sources_vary() {
    let one_by_one = Settings {
        window: NonZeroUsize::MIN,
        ..settings()
    };
    check_all(&[
        one(Rule::R5, "rank 1 serves for rank 2", |tape| {
            tape.serve_for(Rank(3), Rank(2), Rank(1));
        })
        .with(one_by_one),
        one(Rule::R5, "rank 2 serves for rank 1", |tape| {
            tape.serve_for(Rank(3), Rank(1), Rank(2));
        })
        .with(one_by_one),
        Break {
            inputs: two_leechers,
            ..one(Rule::R5, "rank 1 serves rank 4 for rank 2", |tape| {
                tape.serve_for(Rank(4), Rank(2), Rank(1));
            })
            .with(one_by_one)
        },
    ]);
}

#[test]
fn r6_updates() {
    check_all(&[
        one(Rule::R6, "UPDATE dropped", |tape| {
            tape.drop_message(tape.nth(Tag::Swarm, TRACKER, Rank(3), 1));
            tape.drop_message(tape.first(Tag::Update, Rank(3), TRACKER));
        }),
        one(Rule::R6, "UPDATE early", |tape| {
            let update = tape.first(Tag::Update, Rank(3), TRACKER)[0];
            tape.shift(
                update,
                tape.deed(Rank(3), Thread::Download, is_verified) + 1,
            );
        }),
        one(Rule::R6, "UPDATE doubled", |tape| {
            tape.double_message(tape.nth(Tag::Swarm, TRACKER, Rank(3), 1));
            tape.double_message(tape.first(Tag::Update, Rank(3), TRACKER));
        }),
        one(Rule::R6, "a request before the answer", |tape| {
            let [update, _] = tape.first(Tag::Update, Rank(3), TRACKER);
            let next = (update..tape.len()).find(|&place| {
                passing(&tape[place]).is_some_and(|(posted, from, _, letter)| {
                    posted && from == Rank(3) && letter.tag() == Tag::SegmentRequest
                })
            });
            tape.shift(next.expect("it goes on"), update + 1);
        }),
    ]);
}

#[test]
fn r7_completion() {
    check_all(&[
        one(Rule::R7, "FILE_COMPLETE dropped", |tape| {
            tape.drop_message(tape.first(Tag::FileComplete, Rank(3), TRACKER));
        }),
        one(Rule::R7, "FILE_COMPLETE early", |tape| {
            let complete = tape.first(Tag::FileComplete, Rank(3), TRACKER)[0];
            let came = [1, 2].map(|rank| tape.last(Tag::Segment, Rank(rank), Rank(3))[1]);
            let last = came.into_iter().max().expect("there are two");
            tape.shift(complete, last);
        }),
        one(Rule::R7, "FILE_COMPLETE doubled", |tape| {
            tape.double_message(tape.first(Tag::FileComplete, Rank(3), TRACKER));
        }),
        one(Rule::R7, "the file not saved", |tape| {
            tape.remove(tape.deed(Rank(3), Thread::Download, is_saved));
        }),
        one(Rule::R7, "the file saved early", |tape| {
            let saved = tape.deed(Rank(3), Thread::Download, is_saved);
            let complete = tape.first(Tag::FileComplete, Rank(3), TRACKER)[0];
            tape.shift(saved, complete);
        }),
    ]);
}

#[test]
fn r8_the_end_of_downloading() {
    check_all(&[
        one(Rule::R8, "ALL_COMPLETE dropped", |tape| {
            tape.drop_message(tape.first(Tag::AllComplete, Rank(3), TRACKER));
        })
        .and(&[Rule::R12]),
        one(Rule::R8, "ALL_COMPLETE doubled", |tape| {
            tape.double_message(tape.first(Tag::AllComplete, Rank(3), TRACKER));
        }),
        one(Rule::R8, "ALL_COMPLETE early", |tape| {
            let request = tape.first(Tag::SwarmRequest, Rank(3), TRACKER)[0];
            let [posted, taken] = tape.first(Tag::AllComplete, Rank(3), TRACKER);
            tape.shift(taken, request);
            tape.shift(posted + 1, request);
        }),
        one(Rule::R8, "ALL_COMPLETE sent for another", |tape| {
            tape.drop_message(tape.first(Tag::AllComplete, Rank(4), TRACKER));
            let place = tape.first(Tag::AllComplete, Rank(3), TRACKER)[0];
            let missing = vec![];
            tape.insert_message(place, Rank(3), TRACKER, ToTracker::AllComplete { missing });
        })
        .and(&[Rule::R12]),
        one(Rule::R8, "nothing said of a missing file", |tape| {
            tape.change(tape.first(Tag::AllComplete, Rank(3), TRACKER), |letter| {
                *letter = ToTracker::AllComplete { missing: vec![] }.into();
            });
        }),
        one(Rule::R8, "a file left behind by who stays", |tape| {
            tape.change(tape.first(Tag::AllComplete, Rank(3), TRACKER), |letter| {
                if let Letter::ToTracker(ToTracker::AllComplete { missing }) = letter {
                    missing[0].reason = Reason::ItLeft;
                }
            });
        }),
        one(Rule::R8, "a file that came left behind", |tape| {
            tape.change(tape.first(Tag::AllComplete, Rank(3), TRACKER), |letter| {
                if let Letter::ToTracker(ToTracker::AllComplete { missing }) = letter {
                    let name = FileName::new("f").expect("a name");
                    missing.push(Missing {
                        name,
                        reason: Reason::ItLeft,
                    });
                }
            });
        })
        .playing(3, leaving(Leaving::At(Duration::from_secs(1)))),
        one(Rule::R8, "the thread ends early", |tape| {
            let complete = tape.first(Tag::AllComplete, Rank(3), TRACKER)[0];
            tape.shift(tape.deed(Rank(3), Thread::Download, has_ended), complete);
        }),
        one(Rule::R8, "the thread never ends", |tape| {
            tape.remove(tape.deed(Rank(3), Thread::Download, has_ended));
        }),
    ]);
}

#[test]
fn r9_service() {
    let wide = Settings {
        window: NonZeroUsize::new(10).expect("it is not 0"),
        ..settings()
    };
    check_all(&[
        one(Rule::R9, "what is held refused", |tape| {
            tape.insert_exchange(Rank(3), Rank(2), Some(Answer::Nack));
        }),
        one(Rule::R9, "a wrong hash sent", |tape| {
            tape.insert_exchange(Rank(3), Rank(2), Some(Answer::Ack(wrong_hash())));
        })
        .with(selecting("random")),
        one(Rule::R9, "an answer dropped", |tape| {
            tape.insert_exchange(Rank(3), Rank(2), None);
        })
        .with(wide),
        one(Rule::R9, "an answer doubled", |tape| {
            tape.insert_exchange(Rank(3), Rank(2), Some(Answer::Nack));
            tape.double_message(tape.first(Tag::Segment, Rank(2), Rank(3)));
        }),
        one(Rule::R9, "put off where serving takes no time", |tape| {
            tape.insert_exchange(Rank(3), Rank(2), Some(Answer::Busy));
        }),
        one(Rule::R9, "sent by who does not hold it", |tape| {
            let busy = Answer::Ack(wrong_hash());
            tape.insert_exchange(Rank(3), Rank(4), Some(busy));
        })
        .and(&[Rule::R4])
        .with(selecting("random")),
    ]);
}

/// A run in which clients wait in queues.
fn queued(how: &'static str, edit: fn(&mut Tape)) -> Break {
    let timed = Settings {
        upload_time: Duration::from_millis(5),
        upload_slots: Some(NonZeroUsize::MIN),
        ..selecting("first")
    };
    two(Rule::R9, how, edit).with(timed)
}

/// The first call between these ranks that `is` accepts: where it is posted and taken.
fn called(tape: &Tape, is: fn(&Call) -> bool) -> ([usize; 2], Rank, Rank) {
    let mut pairs = (1..=4).flat_map(|at| (1..=4).map(move |who| (Rank(at), Rank(who))));
    let found = pairs.find_map(|(at, who)| {
        let places = [true, false].map(|posted| {
            let all = tape.all(posted, Tag::Call, at, who).into_iter();
            let mut all = all.filter(|&place| {
                passing(&tape[place]).is_some_and(|(_, _, _, letter)| {
                    matches!(letter, Letter::ToDownload(ToDownload::Call(call)) if is(call))
                })
            });
            all.next()
        });
        let [Some(posted), Some(taken)] = places else {
            return None;
        };
        Some(([posted, taken], at, who))
    });
    found.expect("somebody is called")
}

fn is_for_a_slot(call: &Call) -> bool {
    call.segment.is_some()
}

fn is_farewell(call: &Call) -> bool {
    call.is_farewell
}

fn change_call(tape: &mut Tape, change: fn(&mut Call)) {
    let (places, ..) = called(tape, is_for_a_slot);
    tape.change(places, |letter| {
        if let Letter::ToDownload(ToDownload::Call(call)) = letter {
            change(call);
        }
    });
}

/// Inserts a message of rank 4, or to it, when nothing else of it is on its way.
fn insert(tape: &mut Tape, from: Rank, to: Rank, letter: impl Into<Letter>) {
    let place = tape.first(Tag::AllComplete, Rank(4), TRACKER)[0];
    tape.insert_message(place, from, to, letter);
}

fn call(segment: Option<usize>, is_farewell: bool) -> ToDownload {
    ToDownload::Call(Call {
        file: FileId(0),
        segment: segment.map(SegmentIndex),
        is_farewell,
        gained: vec![],
    })
}

fn decline(waits: bool) -> ToUpload {
    ToUpload::Decline(Decline {
        file: FileId(0),
        waits,
        gained: vec![],
    })
}

#[test]
fn r9_queues() {
    check_all(&[
        queued("called without waiting", |tape| {
            insert(tape, Rank(2), Rank(4), call(Some(0), false));
        }),
        queued("called twice", |tape| {
            let (places, ..) = called(tape, is_for_a_slot);
            tape.double_message(places);
        }),
        queued("what is not held suggested", |tape| {
            change_call(tape, |call| call.segment = Some(SegmentIndex(1000)));
        }),
        queued("declined without waiting", |tape| {
            insert(tape, Rank(4), Rank(2), decline(true));
        }),
        queued("a call never answered", |tape| {
            let (_, at, who) = called(tape, is_for_a_slot);
            for posted in [true, false] {
                for place in tape.all(posted, Tag::SegmentRequest, who, at) {
                    if let Letter::ToUpload(ToUpload::SegmentRequest(request)) =
                        letter(&mut tape[place])
                    {
                        request.is_called = false;
                    }
                }
            }
        }),
        queued("a call answered that was not made", |tape| {
            let [posted, taken] = tape.first(Tag::SegmentRequest, Rank(3), Rank(1));
            tape.change([posted, taken], |letter| {
                if let Letter::ToUpload(ToUpload::SegmentRequest(request)) = letter {
                    request.is_called = true;
                }
            });
        }),
        queued("told without a reason that it waits no longer", |tape| {
            insert(tape, Rank(2), Rank(4), call(None, false));
        }),
        queued("a farewell dropped", |tape| {
            let (places, ..) = called(tape, is_farewell);
            tape.drop_message(places);
        }),
        queued("news that is not true", |tape| {
            change_call(tape, |call| call.gained.push(SegmentIndex(1000)));
        }),
        two(Rule::R9, "news where serving takes no time", |tape| {
            tape.change(tape.first(Tag::Segment, Rank(1), Rank(3)), |letter| {
                if let Letter::ToDownload(ToDownload::Segment(answer)) = letter {
                    answer.gained.push(answer.segment);
                }
            });
        }),
    ]);
}
fn leaving(leaving: Leaving) -> Part {
    Part {
        leaving,
        ..Part::default()
    }
}

fn has_left(deed: &Deed) -> bool {
    *deed == Deed::Left
}

/// Inserts at a place that the upload thread of a rank has left.
fn leave(tape: &mut Tape, rank: Rank, place: usize) {
    let left = Event {
        time: Duration::ZERO,
        rank,
        thread: Thread::Upload,
        deed: Deed::Left,
    };
    tape.insert(place, left);
}

fn leave_at_the_end(tape: &mut Tape, rank: Rank) {
    let stop = tape.first(Tag::Stop, TRACKER, rank)[1];
    leave(tape, rank, stop);
}

#[test]
fn r9_who_serves_nobody_and_who_leaves() {
    let free_rider = Part {
        conduct: Conduct::FreeRider,
        ..Part::default()
    };
    check_all(&[
        one(Rule::R9, "a free rider serves", |tape| {
            tape.insert_exchange(Rank(3), Rank(2), Some(Answer::Ack(wrong_hash())));
        })
        .with(selecting("random"))
        .playing(2, free_rider),
        one(Rule::R9, "who is to stay leaves", |tape| {
            leave_at_the_end(tape, Rank(2))
        })
        .playing(1, leaving(Leaving::AfterOneCopy)),
        one(Rule::R9, "an owner leaves before one copy is out", |tape| {
            leave_at_the_end(tape, Rank(1));
        })
        .playing(1, leaving(Leaving::AfterOneCopy)),
        two(Rule::R9, "an owner stays after one copy", |tape| {
            tape.remove(tape.deed(Rank(1), Thread::Upload, has_left));
        })
        .playing(1, leaving(Leaving::AfterOneCopy)),
        two(Rule::R9, "who has left serves", |tape| {
            let first = tape.all(false, Tag::SegmentRequest, Rank(4), Rank(1))[0];
            leave(tape, Rank(1), first);
        })
        .playing(1, leaving(Leaving::At(Duration::from_secs(1)))),
        one(
            Rule::R9,
            "who leaves when it is done asks for more",
            |tape| {
                let first = tape.first(Tag::SegmentRequest, Rank(3), Rank(1))[0];
                leave(tape, Rank(3), first);
            },
        )
        .playing(3, leaving(Leaving::WhenDone(Duration::ZERO))),
        one(Rule::R9, "a download thread leaves", |tape| {
            let place = tape.deed(Rank(3), Thread::Download, has_ended);
            leave(tape, Rank(3), place);
            tape[place].thread = Thread::Download;
        })
        .playing(3, leaving(Leaving::WhenDone(Duration::ZERO))),
    ]);
}

#[test]
fn r10_the_end_of_the_upload() {
    check_all(&[
        one(Rule::R10, "the end dropped", |tape| {
            tape.remove(tape.deed(Rank(2), Thread::Upload, has_ended));
        }),
        one(Rule::R10, "the end early", |tape| {
            let stop = tape.first(Tag::Stop, TRACKER, Rank(2))[1];
            tape.shift(tape.deed(Rank(2), Thread::Upload, has_ended), stop);
        }),
        one(Rule::R10, "the end doubled", |tape| {
            tape.double(tape.deed(Rank(2), Thread::Upload, has_ended));
        }),
        one(Rule::R10, "a request taken after STOP", |tape| {
            let request = tape.last(Tag::SegmentRequest, Rank(3), Rank(2))[0];
            let stop = tape.first(Tag::Stop, TRACKER, Rank(2));
            tape.shift(stop[1], request);
            tape.shift(stop[0] + 1, request);
        })
        .and(&[Rule::R12]),
    ]);
}

/// The places of a list of members that rank 4 gets for `f`. The first list has `later` 0.
fn lists_of_first_file(tape: &Tape, later: usize) -> [usize; 2] {
    [true, false].map(|posted| {
        let all = tape.all(posted, Tag::Swarm, TRACKER, Rank(4));
        let joined = |&place: &usize| {
            let is_joined = |letter: &Letter| {
                matches!(
                    letter,
                    Letter::ToDownload(ToDownload::Swarm(Swarm::Joined(_)))
                )
            };
            passing(&tape[place]).is_some_and(|(_, _, _, letter)| is_joined(letter))
        };
        let first = all.iter().rposition(joined).expect("it joined twice");
        all[first + later]
    })
}

fn leave_out(tape: &mut Tape, later: usize, left_out: Rank) {
    let places = lists_of_first_file(tape, later);
    tape.change(places, |letter| {
        let before = lists(letter).len();
        change(lists(letter), |list| list.retain(|rank| *rank != left_out));
        assert_eq!(lists(letter).len(), before - 1);
    });
}

#[test]
fn r11_seeds_stay() {
    check_all(&[
        two(Rule::R11, "who became a seed left out", |tape| {
            leave_out(tape, 0, Rank(3));
        }),
        two(Rule::R11, "who became a seed left out later", |tape| {
            leave_out(tape, 1, Rank(3));
        }),
        two(Rule::R11, "an owner who is done left out", |tape| {
            leave_out(tape, 0, Rank(2));
        }),
        two(Rule::R11, "an owner not called a seed", |tape| {
            call_seeds(tape, 0, |seeds| seeds.retain(|rank| *rank != Rank(1)));
        }),
        two(Rule::R11, "who became a seed not called one", |tape| {
            call_seeds(tape, 1, |seeds| seeds.retain(|rank| *rank != Rank(3)));
        }),
        two(Rule::R11, "a peer called a seed", |tape| {
            call_seeds(tape, 1, |seeds| seeds.push(Rank(4)));
        }),
    ]);
}

fn call_seeds(tape: &mut Tape, later: usize, change: fn(&mut Vec<Rank>)) {
    let places = lists_of_first_file(tape, later);
    tape.change(places, |letter| {
        let before = Arc::clone(seeds(letter));
        self::change(seeds(letter), change);
        assert_ne!(*seeds(letter), before);
    });
}

#[test]
fn r12_the_end() {
    check_all(&[
        one(Rule::R12, "STOP dropped", |tape| {
            tape.drop_message(tape.first(Tag::Stop, TRACKER, Rank(2)));
        })
        .and(&[Rule::R10]),
        one(Rule::R12, "STOP doubled", |tape| {
            tape.double_message(tape.first(Tag::Stop, TRACKER, Rank(2)));
        })
        .and(&[Rule::R10]),
        one(Rule::R12, "STOP early", |tape| {
            let done = tape.last(Tag::AllComplete, Rank(3), TRACKER)[1];
            let first = (0..tape.len()).find(|&place| {
                passing(&tape[place]).is_some_and(|(_, _, _, letter)| letter.tag() == Tag::Stop)
            });
            tape.shift(first.expect("they are stopped"), done);
        }),
        one(Rule::R12, "STOP sent by a client", |tape| {
            let places = tape.first(Tag::Stop, TRACKER, Rank(2));
            tape.sent_by(places, Rank(3), Thread::Download);
        })
        .and(&[Rule::R10]),
        one(Rule::R12, "the tracker never ends", |tape| {
            tape.remove(tape.deed(TRACKER, Thread::Tracker, has_ended));
        }),
        one(Rule::R12, "the tracker ends early", |tape| {
            let first = (0..tape.len()).find(|&place| {
                passing(&tape[place]).is_some_and(|(_, _, _, letter)| letter.tag() == Tag::Stop)
            });
            let ended = tape.deed(TRACKER, Thread::Tracker, has_ended);
            tape.shift(ended, first.expect("they are stopped"));
        }),
    ]);
}

/// Inserts that rank 3 says twice that it is alive. Returns the place.
fn alive(tape: &mut Tape) -> usize {
    let place = tape.first(Tag::Swarm, TRACKER, Rank(3))[1];
    tape.insert_message(place, Rank(3), TRACKER, ToTracker::Alive);
    tape.insert_message(place, Rank(3), TRACKER, ToTracker::Alive);
    tape.number_anew();
    place
}

#[test]
fn each_message_is_taken_once_and_in_order() {
    check_all(&[
        one(Rule::Messages, "never taken", |tape| {
            let place = alive(tape);
            tape.remove(place + 1);
        }),
        one(Rule::Messages, "never posted", |tape| {
            let place = alive(tape);
            tape.remove(place);
        }),
        one(Rule::Messages, "taken twice", |tape| {
            let place = alive(tape);
            tape.double(place + 1);
        }),
        one(Rule::Messages, "taken in another order", |tape| {
            let place = alive(tape);
            tape.shift(place + 1, place + 2);
            tape.shift(place + 3, place + 2);
        }),
        one(Rule::Messages, "changed on the way", |tape| {
            let place = alive(tape);
            if let Deed::Taken { bytes, .. } = &mut tape[place + 1].deed {
                *bytes += 1;
            }
        }),
        one(Rule::Messages, "a number forged", |tape| {
            let place = alive(tape);
            for event in &mut tape[place..place + 2] {
                if let Deed::Posted { number, .. } | Deed::Taken { number, .. } = &mut event.deed {
                    *number = u64::MAX;
                }
            }
        }),
        one(Rule::Messages, "a rank that there is not", |tape| {
            let mut event = tape[0].clone();
            event.rank = Rank(u32::MAX);
            event.deed = Deed::Ended;
            tape.push(event);
        }),
    ]);
}

/// No events make the judge panic, whatever they say.
#[test]
fn hostile_events_are_judged_like_any_others() {
    let granting = Settings {
        tracker_grants: true,
        tracker_index: &TrackerIndex::ALL[1],
        ..selecting("least-busy")
    };
    let mut found = 0;
    let sound = [settings(), granting].map(|settings| {
        let tape = tapes(two_leechers, settings).next();
        (tape.expect("there are some"), settings)
    });
    for seed in 0..1000 {
        let mut rng = Rng::with_seed(seed);
        let (mut tape, settings) = sound[rng.usize(..2)].clone();
        for _ in 0..rng.usize(1..50) {
            let place = rng.usize(..tape.len());
            let other = rng.usize(..tape.len());
            match rng.u8(..6) {
                0 => tape.swap(place, other),
                1 => tape.double(place),
                2 => drop(tape.remove(place)),
                3 => tape[place].rank = Rank(if rng.bool() { u32::MAX } else { rng.u32(..6) }),
                4 => {
                    let thread = [Thread::Tracker, Thread::Download, Thread::Upload];
                    tape[place].thread = thread[rng.usize(..3)];
                }
                _ => make_hostile(&mut tape[place].deed),
            }
        }
        found += broken(&judge(&tape, settings, rng.bool())).len();
    }
    assert!(found > 300, "{found}");
}

fn make_hostile(deed: &mut Deed) {
    const FILE: FileId = FileId(u32::MAX);
    const SEGMENT: SegmentIndex = SegmentIndex(usize::MAX);
    match deed {
        Deed::Posted {
            number,
            bytes,
            letter,
            ..
        }
        | Deed::Taken {
            number,
            bytes,
            letter,
            ..
        } => {
            *number = u64::MAX;
            *bytes = usize::MAX;
            match letter {
                Letter::ToDownload(ToDownload::Segment(answer)) => answer.segment = SEGMENT,
                Letter::ToDownload(ToDownload::Grant(file)) => *file = FILE,
                Letter::ToDownload(ToDownload::Swarm(Swarm::Joined(joined))) => joined.file = FILE,
                Letter::ToDownload(ToDownload::InitAck(InitAck::Start(numbers))) => {
                    numbers.fill(FILE);
                }
                Letter::ToUpload(ToUpload::SegmentRequest(request)) => request.segment = SEGMENT,
                Letter::ToTracker(ToTracker::Confirm { segment, .. }) => *segment = SEGMENT,
                Letter::ToTracker(ToTracker::Update(told) | ToTracker::FileComplete(told)) => {
                    told.gained.push(SEGMENT);
                }
                Letter::ToTracker(_) | Letter::ToDownload(_) | Letter::ToUpload(_) => {}
            }
        }
        Deed::Verified { segment, .. } | Deed::WrongHash { segment, .. } => *segment = SEGMENT,
        Deed::Begun | Deed::Saved { .. } | Deed::Left | Deed::Ended => {}
    }
}
