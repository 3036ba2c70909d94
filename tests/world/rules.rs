//! The protocol's rules, as properties of what happened in a run.

use std::collections::{BTreeMap, BTreeSet};

use bittorrent::manifest::Manifest;
use bittorrent::protocol::{
    Answer, FileId, FileName, Hashes, InitAck, Letter, Rank, Reason, SegmentAnswer, SegmentIndex,
    SegmentRequest, Swarm, ToDownload, ToTracker, ToUpload,
};
use bittorrent::tracker::Ending;

use super::{Event, Faults, Kind, Run};

impl Faults {
    /// Whether anything goes wrong at all.
    fn any(&self) -> bool {
        !self.corrupt.is_empty() || self.refusal > 0.0 || self.vanishing.is_some()
    }

    /// Whether a client always answers as it should.
    fn is_reliable(&self, client: Rank) -> bool {
        let vanishes = self.vanishing.is_some_and(|(rank, _)| rank == client);
        self.refusal == 0.0 && !vanishes && !self.corrupt.contains(&client)
    }
}

/// Checks a run that is over.
pub fn check(run: &Run) {
    let swarm = Facts::new(&run.inputs);
    ends(run);
    every_wanted_file_arrives_or_is_missed(run, &swarm);
    check_so_far(run, &swarm);
    r6_all_updates_were_sent(run, &swarm);
    r8_all_complete_was_said(run);
    r12_everybody_was_stopped(run);
    if !run.faults.any() {
        r5_sources_serve_equally(run, &swarm);
    }
}

/// Checks what must hold at every moment of a run.
pub fn check_prefix(run: &Run) {
    check_so_far(run, &Facts::new(&run.inputs));
}

fn check_so_far(run: &Run, swarm: &Facts) {
    r1_registration_comes_first(run);
    r4_refusals_are_respected(run);
    r6_nothing_straddles_an_update(run, swarm);
    r8_all_complete_is_said_once_and_last(run);
    r9_what_is_held_is_served_and_nothing_else(run, swarm);
    r12_everybody_is_stopped_once_at_the_end(run);
}

/// What follows from the inputs.
struct Facts {
    contents: BTreeMap<FileName, Hashes>,
    owners: BTreeMap<FileName, BTreeSet<Rank>>,
    /// By number: files are numbered in the order of their names.
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
    assert!(run.downloads_done && run.uploads_stopped);
    assert_eq!(run.undelivered, 0, "no message is left unreceived");
}

/// Every wanted file is either saved, and right, or reported as missing with the reason. Where an
/// owner is honest and stays, and nobody refuses by chance, it is saved.
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

fn r1_registration_comes_first(run: &Run) {
    let mut registered = BTreeSet::new();
    let mut started = BTreeSet::new();
    for Event {
        kind,
        from,
        to,
        letter,
    } in &run.events
    {
        match (kind, letter) {
            (Kind::Delivered, Letter::ToTracker(ToTracker::Init(_))) => {
                registered.insert(*from);
            }
            (Kind::Posted, Letter::ToDownload(ToDownload::InitAck(_))) => {
                assert_eq!(
                    registered.len(),
                    run.inputs.len(),
                    "INIT_ACK before every INIT"
                );
            }
            (Kind::Delivered, Letter::ToDownload(ToDownload::InitAck(InitAck::Start(_)))) => {
                assert!(started.insert(*to), "two INIT_ACKs for rank {to}");
            }
            (Kind::Posted, Letter::ToTracker(ToTracker::Init(_))) => {}
            (Kind::Posted, letter) if *from != Rank::TRACKER => {
                assert!(
                    started.contains(from),
                    "{letter:?} from rank {from} before INIT_ACK"
                );
            }
            (Kind::Posted | Kind::Delivered, _) => {}
        }
    }
}

/// A segment is never asked twice of one member between two refreshes.
fn r4_refusals_are_respected(run: &Run) {
    let mut asked: BTreeMap<Rank, BTreeSet<(Rank, FileId, SegmentIndex)>> = BTreeMap::new();
    for event in &run.events {
        match (event.kind, &event.letter) {
            (Kind::Delivered, Letter::ToDownload(ToDownload::Swarm(_))) => {
                asked.remove(&event.to);
            }
            (Kind::Posted, Letter::ToUpload(ToUpload::SegmentRequest(request))) => {
                assert_ne!(event.from, event.to, "a client asks itself");
                let SegmentRequest { file, segment, .. } = *request;
                let first = asked
                    .entry(event.from)
                    .or_default()
                    .insert((event.to, file, segment));
                assert!(first, "{event:?} a second time");
            }
            (Kind::Posted | Kind::Delivered, _) => {}
        }
    }
}

/// The owners of a file, who never refuse, serve each client equally, to within one segment; and
/// nobody serves a client more of a file than an owner does and one.
fn r5_sources_serve_equally(run: &Run, swarm: &Facts) {
    let mut served: BTreeMap<(Rank, FileId), BTreeMap<Rank, usize>> = BTreeMap::new();
    for event in &run.events {
        if let (Kind::Delivered, Letter::ToDownload(ToDownload::Segment(answer))) =
            (event.kind, &event.letter)
            && matches!(answer.answer, Answer::Ack(_))
        {
            let shares = served.entry((event.to, answer.file)).or_default();
            *shares.entry(event.from).or_default() += 1;
        }
    }
    for ((client, file), shares) in served {
        let owners = &swarm.owners[&swarm.names[file.0 as usize]];
        let share = |owner| shares.get(owner).copied().unwrap_or(0);
        let least = owners.iter().map(share).min().expect("a file has an owner");
        let most = shares.values().max().expect("somebody served it");
        assert!(
            *most <= least + 1,
            "{shares:?} to rank {client}; the owners are {owners:?}"
        );
    }
}

/// How many segments of a file a client has gained, and how many UPDATEs it has sent.
type Progress = BTreeMap<(Rank, FileId), (usize, usize)>;

fn r6_nothing_straddles_an_update(run: &Run, swarm: &Facts) {
    progress(run, swarm);
}

fn r6_all_updates_were_sent(run: &Run, swarm: &Facts) {
    for ((client, file), (gained, updates)) in progress(run, swarm) {
        let name = &swarm.names[file.0 as usize];
        if run.outputs.contains_key(&(client, name.clone())) {
            assert_eq!(gained, swarm.hashes(file).len());
            let due = (gained - 1) / run.settings.update_interval;
            assert_eq!(updates, due, "UPDATEs of rank {client} for '{name}'");
        }
    }
}

fn progress(run: &Run, swarm: &Facts) -> Progress {
    let interval = run.settings.update_interval.get();
    let mut in_flight: BTreeMap<Rank, usize> = BTreeMap::new();
    let mut progress = Progress::new();
    for Event {
        kind,
        from,
        to,
        letter,
    } in &run.events
    {
        match (kind, letter) {
            (Kind::Posted, Letter::ToUpload(ToUpload::SegmentRequest(_))) => {
                let in_flight = in_flight.entry(*from).or_default();
                *in_flight += 1;
                assert!(
                    *in_flight <= run.settings.window.get(),
                    "rank {from} asks for too many"
                );
            }
            (Kind::Delivered, Letter::ToDownload(ToDownload::Segment(answer))) => {
                *in_flight.get_mut(to).expect("it asked") -= 1;
                let (gained, _) = progress.entry((*to, answer.file)).or_default();
                *gained += usize::from(swarm.is_right(answer));
            }
            (Kind::Posted, Letter::ToTracker(ToTracker::Update(file))) => {
                assert_eq!(in_flight[from], 0, "a request straddles an UPDATE");
                let (gained, updates) = progress.entry((*from, *file)).or_default();
                *updates += 1;
                assert_eq!(*gained, *updates * interval);
            }
            (Kind::Posted | Kind::Delivered, _) => {}
        }
    }
    progress
}

fn r8_all_complete_was_said(run: &Run) {
    let done = |letter: &Letter| matches!(letter, Letter::ToTracker(ToTracker::AllComplete { .. }));
    assert_eq!(count(run, done), run.inputs.len());
}

fn r8_all_complete_is_said_once_and_last(run: &Run) {
    let mut done = BTreeSet::new();
    for Event {
        kind, from, letter, ..
    } in &run.events
    {
        match (kind, letter) {
            (Kind::Posted, Letter::ToTracker(ToTracker::AllComplete { .. })) => {
                assert!(done.insert(*from), "a second ALL_COMPLETE of rank {from}");
            }
            (Kind::Posted, Letter::ToTracker(_) | Letter::ToUpload(_)) => {
                assert!(
                    !done.contains(from),
                    "{letter:?} of rank {from} after ALL_COMPLETE"
                );
            }
            (Kind::Posted | Kind::Delivered, _) => {}
        }
    }
}

fn r9_what_is_held_is_served_and_nothing_else(run: &Run, swarm: &Facts) {
    let mut held: BTreeSet<(Rank, FileId, SegmentIndex)> = BTreeSet::new();
    for (id, name) in (0..).map(FileId).zip(&swarm.names) {
        for &owner in &swarm.owners[name] {
            let segments = (0..swarm.hashes(id).len()).map(SegmentIndex);
            held.extend(segments.map(|segment| (owner, id, segment)));
        }
    }
    for Event {
        kind,
        from,
        to,
        letter,
    } in &run.events
    {
        let Letter::ToDownload(ToDownload::Segment(answer)) = letter else {
            continue;
        };
        let right = swarm.is_right(answer);
        let SegmentAnswer {
            file,
            segment,
            answer,
        } = answer;
        match kind {
            Kind::Posted if !run.faults.is_reliable(*from) => {}
            Kind::Posted => {
                let holds = held.contains(&(*from, *file, *segment));
                assert_eq!(*answer != Answer::Nack, holds, "rank {from}: {letter:?}");
                assert_eq!(right, holds);
            }
            Kind::Delivered if right => {
                assert!(
                    held.insert((*to, *file, *segment)),
                    "rank {to} gets it twice: {letter:?}"
                );
            }
            Kind::Delivered => {}
        }
    }
}

fn r12_everybody_is_stopped_once_at_the_end(run: &Run) {
    let mut done = 0;
    let mut stopped = BTreeSet::new();
    for Event {
        kind,
        from,
        to,
        letter,
    } in &run.events
    {
        match (kind, letter) {
            (Kind::Delivered, Letter::ToTracker(ToTracker::AllComplete { .. })) => done += 1,
            (Kind::Posted, Letter::ToUpload(ToUpload::Stop)) => {
                assert_eq!(done, run.inputs.len(), "STOP before every client is done");
                assert_eq!(*from, Rank::TRACKER);
                assert!(stopped.insert(*to), "a second STOP for rank {to}");
            }
            (Kind::Posted, letter) => {
                assert!(stopped.is_empty(), "{letter:?} of rank {from} after STOP");
            }
            (Kind::Delivered, _) => {}
        }
    }
}

fn r12_everybody_was_stopped(run: &Run) {
    let stop = |letter: &Letter| *letter == Letter::ToUpload(ToUpload::Stop);
    assert_eq!(count(run, stop), run.inputs.len());
}

/// How often a message of the kind that `is` accepts was delivered.
pub fn count(run: &Run, is: fn(&Letter) -> bool) -> usize {
    let delivered = run
        .events
        .iter()
        .filter(|event| event.kind == Kind::Delivered);
    delivered.filter(|event| is(&event.letter)).count()
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

/// Whether a letter says that nobody has a file.
pub fn is_unknown(letter: &Letter) -> bool {
    matches!(
        letter,
        Letter::ToDownload(ToDownload::Swarm(Swarm::Unknown))
    )
}

/// How many wanted files nobody sent.
pub fn not_sent(run: &Run) -> usize {
    let Some(Ending::Complete(tally)) = run.tracker.ending() else {
        panic!("it ended")
    };
    tally
        .missing
        .iter()
        .filter(|(_, file)| file.reason == Reason::NobodySendsIt)
        .count()
}
