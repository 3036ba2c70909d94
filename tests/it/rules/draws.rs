//! Runs in which the tracker names some members only, and edits that break them.

use swarm::protocol::Availability;

use super::tape::input;
use super::*;

/// Settings in which an answer names two members.
fn some() -> Settings {
    Settings {
        members: NonZeroUsize::new(2),
        ..settings()
    }
}

fn some_with_segments() -> Settings {
    Settings {
        tracker_index: &TrackerIndex::ALL[1],
        ..some()
    }
}

/// Two clients own a file, and two want it. Of any two others, at least one is an owner.
fn two_of_each() -> Vec<Manifest> {
    let owner = || input(&[('f', 20)], &[]);
    let leecher = || input(&[], &["f"]);
    vec![owner(), owner(), leecher(), leecher()]
}

/// Three clients own a file, and one wants it.
fn three_owners() -> Vec<Manifest> {
    let owner = || input(&[('f', 20)], &[]);
    vec![owner(), owner(), owner(), input(&[], &["f"])]
}

fn drawn(rule: Rule, how: &'static str, edit: fn(&mut Tape)) -> Break {
    Break {
        inputs: two_of_each,
        settings: some(),
        ..one(rule, how, edit)
    }
}

#[test]
fn sound_runs_where_some_members_are_told_keep_every_rule() {
    for settings in [some(), some_with_segments()] {
        for inputs in [two_of_each, three_owners] {
            for tape in tapes(inputs, settings) {
                for judgement in judge(&tape, settings, true) {
                    assert_eq!(judgement.verdict, Verdict::Holds, "{judgement}");
                }
            }
        }
    }
}

fn size(letter: &mut Letter) -> &mut usize {
    match letter {
        Letter::ToDownload(ToDownload::Swarm(Swarm::Joined(joined))) => &mut joined.size,
        Letter::ToDownload(ToDownload::Swarm(Swarm::Members(members))) => &mut members.size,
        Letter::ToTracker(_) | Letter::ToDownload(_) | Letter::ToUpload(_) => {
            panic!("{letter:?} lists nobody")
        }
    }
}

/// Changes a list of members. The members that were seeds stay seeds.
fn relist(tape: &mut Tape, places: [usize; 2], edit: impl Fn(&mut Vec<Rank>)) {
    tape.change(places, |letter| {
        let before = Arc::clone(seeds(letter));
        change(lists(letter), &edit);
        let listed = lists(letter).iter().copied();
        let left = listed.filter(|rank| before.contains(rank)).collect();
        *seeds(letter) = left;
    });
}

/// Changes the second list of rank 3. The edit gets the place of a member that the first list has
/// as well: rank 3 may ask that member in any case.
fn relist_second(tape: &mut Tape, edit: fn(&mut Vec<Rank>, usize)) {
    let [first, second] = [0, 1].map(|nth| tape.nth(Tag::Swarm, TRACKER, Rank(3), nth));
    let known = Arc::clone(lists(letter(&mut tape[first[0]])));
    relist(tape, second, |list| {
        let both = list.iter().position(|rank| known.contains(rank));
        edit(
            list,
            both.expect("two of three and two of three have one in common"),
        );
    });
}

#[test]
fn r3_whom_a_client_is_told_of() {
    check_all(&[
        drawn(Rule::R3, "the client itself", |tape| {
            relist_second(tape, |list, known| {
                list[known] = Rank(3);
                list.sort();
            });
        }),
        drawn(Rule::R3, "a stranger", |tape| {
            relist_second(tape, |list, known| {
                list[known] = Rank(9);
                list.sort();
            });
        }),
        drawn(Rule::R3, "a member twice", |tape| {
            relist_second(tape, |list, known| list[known] = list[1 - known]);
        }),
        drawn(Rule::R3, "another order", |tape| {
            relist_second(tape, |list, _| list.reverse());
        }),
        drawn(Rule::R3, "too few", |tape| {
            relist_second(tape, |list, known| {
                list.remove(known);
            });
        }),
        drawn(Rule::R3, "their number forged", |tape| {
            tape.change(tape.first(Tag::Swarm, TRACKER, Rank(3)), |letter| {
                *size(letter) -= 1;
            });
        }),
        one(Rule::R3, "their number forged where all are told", |tape| {
            tape.change(tape.nth(Tag::Swarm, TRACKER, Rank(3), 1), |letter| {
                *size(letter) += 1;
            });
        }),
    ]);
}

#[test]
fn r4_who_is_asked() {
    let breaks = [
        Break {
            inputs: three_owners,
            ..drawn(Rule::R4, "an owner that was not told of", |tape| {
                tape.change(tape.first(Tag::Swarm, TRACKER, Rank(4)), |letter| {
                    change(lists(letter), |list| {
                        let mut owners = (1..=3).map(Rank);
                        let other = owners.find(|owner| !list.contains(owner));
                        list[0] = other.expect("two of three are told");
                        list.sort();
                    });
                    *seeds(letter) = Arc::clone(lists(letter));
                });
            })
        },
        one(Rule::R4, "who is no member, how busy it is", |tape| {
            let place = tape.all(true, Tag::SegmentRequest, Rank(3), Rank(1))[0];
            let (file, segment) = (FileId(0), SegmentIndex(0));
            let question = ToUpload::AvailabilityRequest { file, segment };
            let offer = Availability {
                file,
                segment,
                load: None,
            };
            tape.insert_message(place, Rank(4), Rank(3), ToDownload::Availability(offer));
            tape.insert_message(place, Rank(3), Rank(4), question);
        })
        .with(selecting("least-busy")),
    ];
    breaks.iter().for_each(Break::check);
}

#[test]
fn r11_and_r2_what_is_said_of_whom_a_client_is_told_of() {
    check_all(&[
        drawn(Rule::R11, "a seed not called one", |tape| {
            let places = tape.first(Tag::Swarm, TRACKER, Rank(3));
            tape.change(places, |letter| *seeds(letter) = [].into());
        }),
        drawn(Rule::R11, "a seed that is not listed", |tape| {
            let places = tape.first(Tag::Swarm, TRACKER, Rank(3));
            tape.change(places, |letter| {
                change(seeds(letter), |seeds| seeds.push(Rank(4)));
            });
        }),
        drawn(Rule::R2, "what a member holds left out", |tape| {
            let is_told = |letter: &mut Letter| {
                if let Letter::ToDownload(ToDownload::Swarm(Swarm::Members(members))) = letter {
                    let mut gained = members.gained.iter_mut();
                    gained.any(|gained| gained.segments.pop().is_some())
                } else {
                    false
                }
            };
            let [posted, taken] = [true, false].map(|posted| {
                let of = |rank| tape.all(posted, Tag::Swarm, TRACKER, Rank(rank));
                [of(3), of(4)].concat()
            });
            let mut places = posted.into_iter().zip(taken);
            let told = places.find(|&(posted, _)| is_told(letter(&mut tape[posted])));
            let (_, taken) = told.expect("peers meet");
            is_told(letter(&mut tape[taken]));
        })
        .with(some_with_segments()),
    ]);
}
