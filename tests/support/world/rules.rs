//! What must hold of a run: the rules of the protocol, which the library judges, and what only the
//! tests know, from the inputs, the outputs and the report.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lab::rules::{Judge, Judgement, Rule, Verdict};
use swarm::event::Deed;
use swarm::manifest::Manifest;
use swarm::protocol::{
    Answer, FileId, FileName, Hashes, Letter, OwnedFile, Rank, Reason, SegmentAnswer, Swarm,
    ToDownload, ToTracker,
};
use swarm::tracker::Ending;

use super::{Faults, Run};

impl Faults {
    /// Whether the run has any fault.
    fn any(&self) -> bool {
        !self.corrupt.is_empty()
            || self.refusal > 0.0
            || self.vanishing.is_some()
            || !self.cast.is_empty()
    }

    /// Whether a client always answers as it should.
    fn is_reliable(&self, client: Rank) -> bool {
        let vanishes = self.vanishing.is_some_and(|(rank, _)| rank == client);
        let is_steady = self.cast.part(client).is_steady();
        self.refusal == 0.0 && !vanishes && !self.corrupt.contains(&client) && is_steady
    }
}

/// Checks a run that is over.
pub fn check(run: &Run) {
    let swarm = Facts::new(&run.inputs);
    ends(run);
    every_wanted_file_arrives_or_is_missed(run, &swarm);
    every_rule_holds(run);
    the_report_says_what_happened(run, &swarm);
    if !run.faults.any() {
        nobody_is_asked_in_vain(run);
    }
}

/// Checks what must hold at every moment of a run.
pub fn check_prefix(run: &Run) {
    for judgement in judge(run, false) {
        let is_broken = matches!(judgement.verdict, Verdict::Broken { .. });
        assert!(!is_broken, "{judgement}");
    }
}

fn every_rule_holds(run: &Run) {
    // Who refuses at random breaks R9, and upsets the turns that R5 rests on.
    let is_excused = |rule| run.faults.refusal > 0.0 && matches!(rule, Rule::R5 | Rule::R9);
    for judgement in judge(run, true) {
        let holds = judgement.verdict == Verdict::Holds;
        assert!(holds || is_excused(judgement.rule), "{judgement}");
    }
}

/// The library's judgement of a run, or of the beginning of one. A client that vanishes counts as
/// corrupt: its answers are as wrong.
pub fn judge(run: &Run, is_whole: bool) -> Vec<Judgement> {
    let vanishing = run.faults.vanishing.map(|(rank, _)| rank);
    let corrupt = (run.faults.corrupt.iter().copied()).chain(vanishing);
    let mut judge = Judge::new(run.inputs.len(), run.settings, corrupt.collect())
        .casting(run.faults.cast.clone());
    for (line, event) in (1..).zip(&run.events) {
        judge.see(line, event);
    }
    judge.close(is_whole)
}

/// The messages that were taken, with their times.
fn taken(run: &Run) -> impl Iterator<Item = (Duration, Rank, Rank, &Letter)> {
    run.events.iter().filter_map(|event| match &event.deed {
        Deed::Taken { from, letter, .. } => Some((event.time, *from, event.rank, letter)),
        Deed::Begun
        | Deed::Posted { .. }
        | Deed::Verified { .. }
        | Deed::WrongHash { .. }
        | Deed::Saved { .. }
        | Deed::Left
        | Deed::Ended => None,
    })
}

/// What follows from the inputs.
struct Facts {
    contents: BTreeMap<FileName, Hashes>,
    owners: BTreeMap<FileName, BTreeSet<Rank>>,
    /// The files, by number: the numbers are in the order of the names.
    names: Vec<FileName>,
}

impl Facts {
    fn new(inputs: &[Manifest]) -> Facts {
        let mut contents = BTreeMap::new();
        let mut owners: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (client, input) in Rank::clients(inputs.len()).zip(inputs) {
            for file in &input.owned {
                contents.insert(file.name.clone(), file.hashes.clone());
                owners.entry(file.name.clone()).or_default().insert(client);
            }
        }
        let names = contents.keys().cloned().collect();
        Facts {
            contents,
            owners,
            names,
        }
    }

    fn hashes(&self, file: FileId) -> &Hashes {
        &self.contents[&self.names[file.0 as usize]]
    }

    fn is_right(&self, answer: &SegmentAnswer) -> bool {
        let SegmentAnswer {
            file,
            segment,
            answer,
            ..
        } = answer;
        matches!(answer, Answer::Ack(hash) if self.hashes(*file).get(*segment) == Some(*hash))
    }
}

fn clients(run: &Run) -> impl Iterator<Item = (Rank, &Manifest)> {
    Rank::clients(run.inputs.len()).zip(&run.inputs)
}

fn ends(run: &Run) {
    assert!(
        matches!(run.tracker.ending(), Some(Ending::Complete(_))),
        "{:?}",
        run.tracker
    );
    assert!(run.is_over);
    assert_eq!(run.undelivered, 0, "no message is left unreceived");
}

/// Checks that every wanted file is either saved, and right, or reported as missing with the
/// reason. It is saved where an owner is honest and stays, no client refuses by chance, and the
/// client that wants it stays.
fn every_wanted_file_arrives_or_is_missed(run: &Run, swarm: &Facts) {
    let Some(Ending::Complete(tally)) = run.tracker.ending() else {
        panic!("it ended")
    };
    let mut outputs = run.outputs.clone();
    let mut missing = tally.missing.clone();
    let mut segments = 0;
    for (client, input) in clients(run) {
        for name in &input.wanted {
            let at = missing
                .iter()
                .position(|(rank, file)| (*rank, &file.name) == (client, name));
            let reason = at.map(|at| missing.remove(at).1.reason);
            let output = outputs.remove(&(client, name.clone()));
            if reason == Some(Reason::ItLeft) {
                assert!(run.faults.cast.part(client).may_leave_midway());
                assert_eq!(output, None);
                continue;
            }
            let Some(content) = swarm.contents.get(name) else {
                assert_eq!((output, reason), (None, Some(Reason::NobodyHasIt)));
                continue;
            };
            let sure = swarm.owners[name]
                .iter()
                .any(|owner| run.faults.is_reliable(*owner));
            if sure || output.is_some() {
                assert!(
                    output.as_ref() == Some(content),
                    "'{name}' of rank {client} is wrong"
                );
                assert_eq!(reason, None);
                segments += content.len();
            } else {
                assert_eq!(reason, Some(Reason::NobodySendsIt));
            }
        }
    }
    assert!(
        outputs.is_empty() && missing.is_empty(),
        "{outputs:?}, {missing:?}"
    );
    assert_eq!((tally.files, tally.segments), (run.outputs.len(), segments));
}

/// Checks that a client which knows the holders of a segment, from the tracker or from a poll, is
/// never refused it; and that a client which knows them from the tracker polls nobody else. Where
/// clients wait in queues nobody is refused anything: BUSY is a place in a queue.
fn nobody_is_asked_in_vain(run: &Run) {
    let polls = count(run, |letter| {
        matches!(letter, Letter::ToDownload(ToDownload::Availability(_)))
    });
    let knows_segments = run.settings.knows_segments();
    let have_queues = !run.settings.upload_time.is_zero() && run.settings.upload_slots.is_some();
    for (_, from, to, letter) in taken(run) {
        let is_vain = match letter {
            Letter::ToDownload(ToDownload::Segment(_)) => {
                is_nack(letter) && (knows_segments || polls > 0 || have_queues)
            }
            Letter::ToDownload(ToDownload::Availability(offer)) => {
                offer.load.is_none() && knows_segments
            }
            Letter::ToTracker(_) | Letter::ToDownload(_) | Letter::ToUpload(_) => continue,
        };
        assert!(!is_vain, "rank {from} refused rank {to}");
    }
}

/// Compares the report with the recorded deliveries, and with the outputs.
fn the_report_says_what_happened(run: &Run, swarm: &Facts) {
    let measured = &run.measured;
    let clients = run.inputs.len();
    let index = |rank: Rank| rank.0 as usize - 1;
    let mut transfers = vec![vec![0; clients]; clients];
    let [mut served, mut refused, mut busy] = [(); 3].map(|()| vec![0; clients]);
    let mut messages: BTreeMap<String, u64> = BTreeMap::new();
    let mut trackers = 0;
    let (mut first, mut last) = (None, None);
    for (time, from, to, letter) in taken(run) {
        *messages.entry(letter.tag().to_string()).or_default() += 1;
        trackers += u64::from(from == Rank::TRACKER || to == Rank::TRACKER);
        match letter {
            Letter::ToDownload(ToDownload::Segment(answer)) => {
                match answer.answer {
                    Answer::Ack(_) => served[index(from)] += 1,
                    Answer::Nack => refused[index(from)] += 1,
                    Answer::Busy => busy[index(from)] += 1,
                }
                if swarm.is_right(answer) {
                    transfers[index(from)][index(to)] += 1;
                }
            }
            Letter::ToTracker(ToTracker::SwarmRequest(_)) => {
                first.get_or_insert(time);
            }
            Letter::ToTracker(ToTracker::FileComplete(_)) => last = Some(time),
            Letter::ToTracker(_) | Letter::ToDownload(_) | Letter::ToUpload(_) => {}
        }
    }
    let sparse = |row: &Vec<u64>| -> Vec<(u32, u64)> {
        let pairs = (1..).zip(row.iter().copied());
        pairs.filter(|(_, segments)| *segments > 0).collect()
    };
    let pairs: Vec<_> = transfers.iter().map(sparse).collect();
    assert_eq!(measured.transfers, pairs);
    let reported = measured
        .messages
        .iter()
        .map(|(tag, volume)| (tag.clone(), volume.messages));
    assert_eq!(reported.collect::<BTreeMap<_, _>>(), messages);
    assert_eq!(measured.tracker.messages, trackers);
    let makespan = first
        .zip(last)
        .map(|(first, last)| (last - first).as_secs_f64());
    assert_eq!(measured.makespan, makespan);
    assert_eq!(
        measured.files as usize,
        run.outputs.len() - written_from_what_is_owned(run)
    );
    for (client, reported) in Rank::clients(clients).zip(&measured.clients) {
        let received: u64 = transfers.iter().map(|row| row[index(client)]).sum();
        assert_eq!(reported.segments, received);
        let files = reported
            .downloads
            .iter()
            .filter(|file| file.completion_time.is_some());
        let segments: u64 = files.map(|file| file.downloaded).sum();
        let written = run
            .outputs
            .iter()
            .filter(|((rank, name), _)| *rank == client && !swarm.owners[name].contains(rank));
        assert_eq!(
            segments as usize,
            written.map(|(_, hashes)| hashes.len()).sum::<usize>()
        );
        if run.faults.refusal == 0.0 && run.faults.vanishing.is_none() {
            // A refusal that the world makes up is not what the client did.
            assert_eq!(reported.served, served[index(client)]);
            assert_eq!(reported.refused, refused[index(client)]);
            assert_eq!(reported.busy, busy[index(client)]);
            let right: u64 = transfers[index(client)].iter().sum();
            assert!(run.faults.any() || reported.served == right);
        }
    }
}

fn written_from_what_is_owned(run: &Run) -> usize {
    let written = |(client, input): (Rank, &Manifest)| {
        let written = |file: &&OwnedFile| run.outputs.contains_key(&(client, file.name.clone()));
        input.owned.iter().filter(written).count()
    };
    clients(run).map(written).sum()
}

/// The number of delivered messages that `is` accepts.
pub fn count(run: &Run, is: fn(&Letter) -> bool) -> usize {
    taken(run).filter(|(_, _, _, letter)| is(letter)).count()
}

/// Whether a letter refuses a segment.
pub fn is_nack(letter: &Letter) -> bool {
    matches!(
        letter,
        Letter::ToDownload(ToDownload::Segment(SegmentAnswer {
            answer: Answer::Nack,
            ..
        }))
    )
}

/// Whether a letter says that the client waits in a queue.
pub fn is_busy(letter: &Letter) -> bool {
    matches!(
        letter,
        Letter::ToDownload(ToDownload::Segment(SegmentAnswer {
            answer: Answer::Busy,
            ..
        }))
    )
}

/// Whether a letter says that nobody has a file.
pub fn is_unknown(letter: &Letter) -> bool {
    matches!(
        letter,
        Letter::ToDownload(ToDownload::Swarm(Swarm::Unknown))
    )
}

/// The number of wanted files that nobody sent.
pub fn not_sent(run: &Run) -> usize {
    missing(run, &Reason::NobodySendsIt)
}

/// The number of wanted files that are missing for this reason.
pub fn missing(run: &Run, reason: &Reason) -> usize {
    let Some(Ending::Complete(tally)) = run.tracker.ending() else {
        panic!("it ended")
    };
    let missing = tally.missing.iter();
    missing.filter(|(_, file)| file.reason == *reason).count()
}
