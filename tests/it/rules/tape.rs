//! A run as a list of events that can be cut and edited.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use fastrand::Rng;
use swarm::event::{Deed, Event, Thread};
use swarm::manifest::{self, Manifest};
use swarm::policy::{Named, selection};
use swarm::protocol::{
    Answer, Letter, Rank, SegmentAnswer, SegmentRequest, Tag, ToDownload, ToUpload,
};
use swarm::scenario::Cast;
use swarm::settings::Settings;

use support::world::{self, Faults, Pace};

/// The events of a run, to be edited so that they break a rule.
#[derive(Clone)]
pub struct Tape(pub Vec<Event>);

impl Deref for Tape {
    type Target = Vec<Event>;
    fn deref(&self) -> &Vec<Event> {
        &self.0
    }
}

impl DerefMut for Tape {
    fn deref_mut(&mut self) -> &mut Vec<Event> {
        &mut self.0
    }
}

pub const TRACKER: Rank = Rank(0);

/// The number of random orders of each run that are broken.
pub const ORDERS: usize = 20;

/// The hashes of a file: this letter and the position.
pub fn hashes(letter: char, segments: usize) -> String {
    let hashes = (0..segments).map(|position| format!("{letter}{position:031}"));
    hashes.collect::<Vec<_>>().join(" ")
}

pub fn input(owned: &[(char, usize)], wanted: &[&str]) -> Manifest {
    let owned: Vec<String> = (owned.iter())
        .map(|&(name, segments)| format!("{name} {segments} {}", hashes(name, segments)))
        .collect();
    let text = format!(
        "{} {} {} {}",
        owned.len(),
        owned.join(" "),
        wanted.len(),
        wanted.join(" ")
    );
    manifest::parse(text.as_bytes()).expect("a good input")
}

/// Two clients own a file, one wants it and a file that nobody has, and one wants nothing.
pub fn one_leecher() -> Vec<Manifest> {
    let owner = || input(&[('f', 8)], &[]);
    let leecher = input(&[], &["f", "nowhere"]);
    vec![owner(), owner(), leecher, Manifest::default()]
}

/// Two clients own two files, one wants the first file, and one wants the second and then the
/// first.
pub fn two_leechers() -> Vec<Manifest> {
    let owner = || input(&[('f', 8), ('g', 60)], &[]);
    let leecher = |wanted| input(&[], wanted);
    vec![owner(), owner(), leecher(&["f"]), leecher(&["g", "f"])]
}

pub fn settings() -> Settings {
    let number = |number| NonZeroUsize::new(number).expect("it is not 0");
    Settings {
        update_interval: number(3),
        window: number(2),
        ..Settings::default()
    }
}

pub fn selecting(policy: &str) -> Settings {
    Settings {
        peer_selection: Named::find(selection::ALL, policy).expect("a policy"),
        ..settings()
    }
}

/// Sound runs of these inputs in random orders. All clients start before the first segment is asked
/// for, so that an edit may let any client answer.
pub fn tapes(inputs: fn() -> Vec<Manifest>, settings: Settings) -> impl Iterator<Item = Tape> {
    tapes_of(inputs, settings, Cast::default())
}

/// The same, with the parts of a cast.
pub fn tapes_of(
    inputs: fn() -> Vec<Manifest>,
    settings: Settings,
    cast: Cast,
) -> impl Iterator<Item = Tape> {
    let tape = move |seed| {
        let mut rng = Rng::with_seed(seed);
        let faults = Faults {
            cast: cast.clone(),
            ..Faults::default()
        };
        let run = world::run(inputs(), settings, faults, Pace::Prompt, &mut rng);
        Tape(run.events)
    };
    (0..).map(tape).filter(Tape::starts_together).take(ORDERS)
}

/// The message of an event: whether it is posted, the sender, the receiver, the letter.
pub fn passing(event: &Event) -> Option<(bool, Rank, Rank, &Letter)> {
    match &event.deed {
        Deed::Posted { to, letter, .. } => Some((true, event.rank, *to, letter)),
        Deed::Taken { from, letter, .. } => Some((false, *from, event.rank, letter)),
        Deed::Begun
        | Deed::Verified { .. }
        | Deed::WrongHash { .. }
        | Deed::Saved { .. }
        | Deed::Left
        | Deed::Ended => None,
    }
}

pub fn letter(event: &mut Event) -> &mut Letter {
    match &mut event.deed {
        Deed::Posted { letter, .. } | Deed::Taken { letter, .. } => letter,
        Deed::Begun
        | Deed::Verified { .. }
        | Deed::WrongHash { .. }
        | Deed::Saved { .. }
        | Deed::Left
        | Deed::Ended => panic!("the event has no message"),
    }
}

impl Tape {
    pub fn starts_together(&self) -> bool {
        let place = |tag| {
            let is = move |event: &Event| {
                passing(event).is_some_and(|(posted, _, _, letter)| {
                    letter.tag() == tag && posted == (tag != Tag::InitAck)
                })
            };
            (0..self.len()).filter(move |&place| is(&self[place]))
        };
        place(Tag::InitAck).max() < place(Tag::SegmentRequest).min()
    }

    /// The places at which messages with this tag are posted, or else taken, between these ranks.
    pub fn all(&self, posted: bool, tag: Tag, from: Rank, to: Rank) -> Vec<usize> {
        let is = |event: &Event| {
            passing(event).is_some_and(|(way, one, two, letter)| {
                (way, letter.tag(), one, two) == (posted, tag, from, to)
            })
        };
        (0..self.len()).filter(|&place| is(&self[place])).collect()
    }

    /// The places at which the `nth` message with this tag, from 0, is posted and taken.
    pub fn nth(&self, tag: Tag, from: Rank, to: Rank, nth: usize) -> [usize; 2] {
        [true, false].map(|posted| self.all(posted, tag, from, to)[nth])
    }

    pub fn first(&self, tag: Tag, from: Rank, to: Rank) -> [usize; 2] {
        self.nth(tag, from, to, 0)
    }

    pub fn last(&self, tag: Tag, from: Rank, to: Rank) -> [usize; 2] {
        [true, false].map(|posted| {
            let all = self.all(posted, tag, from, to);
            *all.last().expect("there is one")
        })
    }

    /// The place of the first deed of a thread that `is` accepts.
    pub fn deed(&self, rank: Rank, thread: Thread, is: fn(&Deed) -> bool) -> usize {
        let is = |event: &Event| event.rank == rank && event.thread == thread && is(&event.deed);
        self.iter().position(is).expect("it did so")
    }

    pub fn remove(&mut self, place: usize) -> Event {
        self.0.remove(place)
    }

    pub fn drop_message(&mut self, places: [usize; 2]) {
        self.remove(places[1]);
        self.remove(places[0]);
    }

    pub fn double(&mut self, place: usize) {
        let event = self[place].clone();
        self.insert(place + 1, event);
    }

    pub fn double_message(&mut self, places: [usize; 2]) {
        self.double(places[1]);
        self.double(places[0]);
    }

    /// Changes a message where it is posted and where it is taken.
    pub fn change(&mut self, places: [usize; 2], change: impl Fn(&mut Letter)) {
        for place in places {
            change(letter(&mut self[place]));
        }
    }

    pub fn shift(&mut self, from: usize, to: usize) {
        let event = self.remove(from);
        self.insert(to, event);
    }

    /// Makes another rank the sender of a message.
    pub fn sent_by(&mut self, places: [usize; 2], rank: Rank, thread: Thread) {
        self[places[0]].rank = rank;
        self[places[0]].thread = thread;
        if let Deed::Taken { from, .. } = &mut self[places[1]].deed {
            *from = rank;
        }
    }

    /// Inserts that a message is posted and taken.
    pub fn insert_message(
        &mut self,
        place: usize,
        from: Rank,
        to: Rank,
        letter: impl Into<Letter>,
    ) {
        let letter = letter.into();
        let event = |rank, thread, deed| Event {
            time: Duration::ZERO,
            rank,
            thread,
            deed,
        };
        let [sender, reader] = [Thread::sender(from, &letter), Thread::reader(&letter)];
        let (number, bytes) = (0, 0);
        let posted = Deed::Posted {
            to,
            number,
            bytes,
            letter: letter.clone(),
        };
        let taken = Deed::Taken {
            from,
            number,
            bytes,
            letter,
        };
        self.insert(place, event(to, reader, taken));
        self.insert(place, event(from, sender, posted));
    }

    /// Inserts that `by` asks `of` for a segment and gets this answer, if any, before it asks
    /// another member for the same segment.
    pub fn insert_exchange(
        &mut self,
        by: Rank,
        of: Rank,
        answer: Option<Answer>,
    ) -> SegmentRequest {
        let place = (0..self.len()).find(|&place| {
            passing(&self[place]).is_some_and(|(posted, from, to, letter)| {
                posted && from == by && to != of && letter.tag() == Tag::SegmentRequest
            })
        });
        let place = place.expect("there is a request");
        let Letter::ToUpload(ToUpload::SegmentRequest(request)) = letter(&mut self[place]).clone()
        else {
            panic!("it is a request")
        };
        if let Some(answer) = answer {
            let is_ack = matches!(answer, Answer::Ack(_));
            let (file, segment) = (request.file, request.segment);
            if is_ack {
                let wrong = Event {
                    time: Duration::ZERO,
                    rank: by,
                    thread: Thread::Download,
                    deed: Deed::WrongHash {
                        from: of,
                        file,
                        segment,
                    },
                };
                self.insert(place, wrong);
            }
            let answer = SegmentAnswer {
                file,
                segment,
                answer,
                gained: vec![],
            };
            self.insert_message(place, of, by, ToDownload::Segment(answer));
        }
        self.insert_message(place, by, of, ToUpload::SegmentRequest(request.clone()));
        request
    }

    /// Makes `other` the member that has served a client in the place of `one`.
    pub fn serve_for(&mut self, client: Rank, one: Rank, other: Rank) {
        let is_of_segments = |letter: &Letter| !letter.tag().is_trackers();
        for event in self.iter_mut() {
            let rank = event.rank;
            match &mut event.deed {
                Deed::Posted { to, letter, .. } if is_of_segments(letter) => {
                    if (rank, *to) == (client, one) {
                        *to = other;
                    } else if (rank, *to) == (one, client) {
                        event.rank = other;
                    }
                }
                Deed::Taken { from, letter, .. } if is_of_segments(letter) => {
                    if (rank, *from) == (client, one) {
                        *from = other;
                    } else if (rank, *from) == (one, client) {
                        event.rank = other;
                    }
                }
                Deed::Verified { from, .. } if (rank, *from) == (client, one) => *from = other,
                Deed::Posted { .. }
                | Deed::Taken { .. }
                | Deed::Verified { .. }
                | Deed::WrongHash { .. }
                | Deed::Begun
                | Deed::Saved { .. }
                | Deed::Left
                | Deed::Ended => {}
            }
        }
    }

    /// Numbers the messages of each flow anew, as they come.
    pub fn number_anew(&mut self) {
        let mut numbers: BTreeMap<_, u64> = BTreeMap::new();
        for event in &mut self.0 {
            let Some((posted, from, to, letter)) = passing(event) else {
                continue;
            };
            let next = numbers
                .entry((posted, from, to, Thread::reader(letter)))
                .or_default();
            *next += 1;
            if let Deed::Posted { number, .. } | Deed::Taken { number, .. } = &mut event.deed {
                *number = *next;
            }
        }
    }
}
