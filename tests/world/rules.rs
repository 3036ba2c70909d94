//! The protocol's rules, as properties of what happened in a run.

use std::collections::{BTreeMap, BTreeSet};

use bittorrent::client::{Download, Upload};
use bittorrent::manifest::Manifest;
use bittorrent::protocol::{
    Answer, FileId, FileName, Hashes, InitAck, Letter, OwnedFile, Rank, Reason, SegmentAnswer,
    SegmentIndex, SegmentRequest, Swarm, ToDownload, ToTracker, ToUpload,
};
use bittorrent::tracker::{Ending, Tracker};

use super::{Event, Faults, Kind, Run, Thread, flow, sender};

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
    grants_are_two_messages_a_segment(run, &swarm);
    the_report_says_what_happened(run, &swarm);
    if !run.faults.any() {
        nobody_is_asked_in_vain(run);
        // Who has no slot free loses its turn.
        if run.settings.peer_selection.name == "round-robin" && run.settings.upload_time.is_zero() {
            r5_sources_serve_equally(run, &swarm);
        }
    }
}

/// Checks what must hold at every moment of a run.
pub fn check_prefix(run: &Run) {
    check_so_far(run, &Facts::new(&run.inputs));
}

fn check_so_far(run: &Run, swarm: &Facts) {
    nobody_posts_more_than_stated_that_nobody_takes(run);
    r1_registration_comes_first(run);
    r2_the_tracker_knows_what_it_is_to_know(run, swarm);
    r4_refusals_are_respected(run);
    r4_an_offer_is_followed_where_offers_are_asked_for(run);
    nothing_is_asked_for_before_it_is_granted(run);
    r6_nothing_is_asked_for_before_an_update_is_answered(run, swarm);
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

/// The bound that each machine states for what it posts while nobody takes any.
fn nobody_posts_more_than_stated_that_nobody_takes(run: &Run) {
    let (clients, settings) = (run.inputs.len(), &run.settings);
    let mut untaken: BTreeMap<Thread, usize> = BTreeMap::new();
    for event in &run.events {
        let thread = sender(flow(event.from, event.to, &event.letter));
        let number = untaken.entry(thread).or_default();
        match event.kind {
            Kind::Posted => *number += 1,
            Kind::Delivered => *number -= 1,
        }
        let most = match thread {
            Thread::Tracker => Tracker::most_untaken(clients, settings),
            Thread::Download(_) => Download::most_untaken(clients, settings),
            Thread::Upload(_) => Upload::most_untaken(clients, settings),
        };
        assert!(
            *number <= most,
            "{number} messages of {thread:?}, not {most}"
        );
    }
}

fn r1_registration_comes_first(run: &Run) {
    let mut registered = BTreeSet::new();
    let mut started = BTreeSet::new();
    for Event {
        kind,
        from,
        to,
        letter,
        ..
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

/// A segment is never asked twice of one member between two lists of members, unless a slot is
/// waited for: when it is free, everybody may have gained.
fn r4_refusals_are_respected(run: &Run) {
    let mut asked: BTreeMap<Rank, BTreeSet<(Rank, FileId, SegmentIndex)>> = BTreeMap::new();
    let mut waiting: BTreeSet<Rank> = BTreeSet::new();
    for event in &run.events {
        match (event.kind, &event.letter) {
            (Kind::Delivered, Letter::ToDownload(ToDownload::Swarm(_))) => {
                asked.remove(&event.to);
            }
            (Kind::Delivered, Letter::ToDownload(ToDownload::Segment(answer))) => {
                if matches!(answer.answer, Answer::Busy(_)) {
                    waiting.insert(event.to);
                }
            }
            (Kind::Posted, Letter::ToUpload(ToUpload::SegmentRequest(request))) => {
                assert_ne!(event.from, event.to, "a client asks itself");
                let SegmentRequest { file, segment, .. } = *request;
                let first = asked
                    .entry(event.from)
                    .or_default()
                    .insert((event.to, file, segment));
                assert!(
                    first || waiting.contains(&event.from),
                    "{event:?} a second time"
                );
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

fn r6_nothing_is_asked_for_before_an_update_is_answered(run: &Run, swarm: &Facts) {
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
    let mut awaiting: BTreeSet<Rank> = BTreeSet::new();
    let mut progress = Progress::new();
    for Event {
        kind,
        from,
        to,
        letter,
        ..
    } in &run.events
    {
        match (kind, letter) {
            (Kind::Delivered, Letter::ToDownload(ToDownload::Swarm(_))) => {
                awaiting.remove(to);
            }
            (Kind::Posted, Letter::ToUpload(ToUpload::SegmentRequest(_))) => {
                assert!(
                    !awaiting.contains(from),
                    "rank {from} goes on without an answer"
                );
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
            (Kind::Posted, Letter::ToTracker(ToTracker::Update(told))) => {
                assert!(awaiting.insert(*from), "rank {from} does not wait");
                let (gained, updates) = progress.entry((*from, told.file)).or_default();
                *updates += 1;
                assert!(*gained >= *updates * interval);
                assert!(*gained < *updates * interval + run.settings.window.get());
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
        ..
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
                let busy = matches!(answer, Answer::Busy(_));
                assert_eq!(right, holds && !busy);
                assert!(!busy || !run.settings.upload_time.is_zero());
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
        ..
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

/// With the index of 2024 nobody tells which segments are held. With that of segments, clients tell
/// all that they gained since they last told, and hear what the tracker was told meanwhile.
fn r2_the_tracker_knows_what_it_is_to_know(run: &Run, swarm: &Facts) {
    type Held = BTreeSet<SegmentIndex>;
    let knows = run.settings.knows_segments();
    let mut untold: BTreeMap<(Rank, FileId), Vec<SegmentIndex>> = BTreeMap::new();
    // What the tracker knows of each member of a file, and what a client has heard of that.
    let mut known: BTreeMap<FileId, BTreeMap<Rank, Held>> = BTreeMap::new();
    let mut heard: BTreeMap<(Rank, FileId), BTreeMap<Rank, Held>> = BTreeMap::new();
    let mut asked: BTreeMap<Rank, FileId> = BTreeMap::new();
    for (id, name) in (0..).map(FileId).zip(&swarm.names) {
        let all: Held = (0..swarm.hashes(id).len()).map(SegmentIndex).collect();
        let owners = swarm.owners[name].iter();
        known.insert(id, owners.map(|&owner| (owner, all.clone())).collect());
    }
    for Event {
        kind,
        from,
        to,
        letter,
        ..
    } in &run.events
    {
        match (kind, letter) {
            (Kind::Delivered, Letter::ToDownload(ToDownload::Segment(answer)))
                if swarm.is_right(answer) =>
            {
                let untold = untold.entry((*to, answer.file)).or_default();
                untold.push(answer.segment);
            }
            (
                Kind::Posted,
                Letter::ToTracker(ToTracker::Update(told) | ToTracker::FileComplete(told)),
            ) => {
                let untold = untold.entry((*from, told.file)).or_default();
                let length = untold.len().min(run.settings.update_interval.get());
                let gained = untold.drain(..length).collect();
                assert_eq!(told.gained, if knows { gained } else { vec![] });
            }
            (
                Kind::Delivered,
                Letter::ToTracker(ToTracker::Update(told) | ToTracker::FileComplete(told)),
            ) => {
                let members = known.get_mut(&told.file).expect("a file");
                members.entry(*from).or_default().extend(&told.gained);
                asked.insert(*from, told.file);
            }
            (Kind::Delivered, Letter::ToTracker(ToTracker::SwarmRequest(name))) => {
                let position = swarm.names.iter().position(|other| other == name);
                if let Some(position) = position {
                    let id = FileId(position as u32);
                    asked.insert(*from, id);
                }
            }
            (Kind::Posted, Letter::ToDownload(ToDownload::Swarm(answer))) => {
                let file = asked.get(to);
                let (news, members) = match answer {
                    Swarm::Unknown => continue,
                    Swarm::Joined(joined) => {
                        let held = joined.members.iter().zip(&joined.held);
                        assert_eq!(
                            joined.held.len(),
                            if knows { joined.members.len() } else { 0 }
                        );
                        let news = held.map(|(&member, held)| (member, held.iter().collect()));
                        (news.collect::<Vec<(Rank, Held)>>(), &joined.members)
                    }
                    Swarm::Members(members) => {
                        let news = members.gained.iter();
                        let news =
                            news.map(|news| (news.member, news.segments.iter().copied().collect()));
                        (news.collect(), &members.members)
                    }
                };
                let file = *file.expect("SWARM is an answer");
                let heard = heard.entry((*to, file)).or_default();
                for (member, news) in news {
                    assert!(knows && members.contains(&member));
                    let held = heard.entry(member).or_default();
                    for segment in news {
                        assert!(held.insert(segment), "rank {to} is told of {segment} twice");
                    }
                }
                heard.retain(|_, held| !held.is_empty());
                if knows {
                    let mut all = known[&file].clone();
                    all.retain(|member, held| member != to && !held.is_empty());
                    assert_eq!(*heard, all, "what rank {to} has heard of file {file}");
                }
                let client = known.get_mut(&file).expect("a file");
                client.entry(*to).or_default();
            }
            (Kind::Posted | Kind::Delivered, _) => {}
        }
    }
}

/// Where clients ask who is busy, they then ask only who has offered the segment.
fn r4_an_offer_is_followed_where_offers_are_asked_for(run: &Run) {
    let polls = matches!(
        run.settings.peer_selection.name,
        "least-busy" | "two-choices"
    );
    let mut offers: BTreeSet<(Rank, Rank, FileId, SegmentIndex)> = BTreeSet::new();
    for Event {
        kind,
        from,
        to,
        letter,
        ..
    } in &run.events
    {
        match (kind, letter) {
            (Kind::Delivered, Letter::ToDownload(ToDownload::Availability(offer))) => {
                assert!(polls, "nobody is to ask who is busy");
                if offer.load.is_some() {
                    offers.insert((*to, *from, offer.file, offer.segment));
                }
            }
            (Kind::Posted, Letter::ToUpload(ToUpload::SegmentRequest(request))) if polls => {
                let offer = (*from, *to, request.file, request.segment);
                assert!(
                    offers.remove(&offer),
                    "rank {to} has not offered {request:?}"
                );
            }
            (Kind::Posted | Kind::Delivered, _) => {}
        }
    }
}

/// Who knows who holds a segment, from the tracker or by asking, is never refused it.
fn nobody_is_asked_in_vain(run: &Run) {
    let polls = count(run, |letter| {
        matches!(letter, Letter::ToDownload(ToDownload::Availability(_)))
    });
    if run.settings.knows_segments() || polls > 0 {
        assert_eq!(count(run, is_nack), 0);
    }
    if run.settings.knows_segments() {
        let vain = |letter: &Letter| matches!(letter, Letter::ToDownload(ToDownload::Availability(offer)) if offer.load.is_none());
        assert_eq!(count(run, vain), 0);
    }
}

fn nothing_is_asked_for_before_it_is_granted(run: &Run) {
    let mut granted: BTreeMap<(Rank, FileId), usize> = BTreeMap::new();
    let mut begun: BTreeMap<(Rank, FileId), BTreeSet<SegmentIndex>> = BTreeMap::new();
    for event in &run.events {
        let (file, segment) = match (event.kind, &event.letter) {
            (Kind::Delivered, Letter::ToDownload(ToDownload::Grant(file))) => {
                *granted.entry((event.to, *file)).or_default() += 1;
                continue;
            }
            (Kind::Posted, Letter::ToUpload(ToUpload::SegmentRequest(request))) => {
                (request.file, request.segment)
            }
            (Kind::Posted, Letter::ToUpload(ToUpload::AvailabilityRequest { file, segment })) => {
                (*file, *segment)
            }
            (Kind::Posted | Kind::Delivered, _) => continue,
        };
        let begun = begun.entry((event.from, file)).or_default();
        begun.insert(segment);
        if run.settings.tracker_grants {
            let granted = granted.get(&(event.from, file)).copied().unwrap_or(0);
            assert!(begun.len() <= granted, "{event:?} was not granted");
        }
    }
}

/// With grants it takes one GRANT and one CONFIRM for every segment of a file that came whole, and
/// no CONFIRM for any other than a segment that came; without, there are none.
fn grants_are_two_messages_a_segment(run: &Run, swarm: &Facts) {
    let mut granted: BTreeMap<(Rank, FileId), usize> = BTreeMap::new();
    let mut confirmed: BTreeMap<(Rank, FileId), Vec<SegmentIndex>> = BTreeMap::new();
    let mut came: BTreeMap<(Rank, FileId), Vec<SegmentIndex>> = BTreeMap::new();
    for event in run
        .events
        .iter()
        .filter(|event| event.kind == Kind::Delivered)
    {
        match &event.letter {
            Letter::ToDownload(ToDownload::Grant(file)) => {
                *granted.entry((event.to, *file)).or_default() += 1;
            }
            Letter::ToTracker(ToTracker::Confirm { file, segment }) => {
                confirmed
                    .entry((event.from, *file))
                    .or_default()
                    .push(*segment);
            }
            Letter::ToDownload(ToDownload::Segment(answer)) if swarm.is_right(answer) => {
                came.entry((event.to, answer.file))
                    .or_default()
                    .push(answer.segment);
            }
            Letter::ToTracker(_) | Letter::ToDownload(_) | Letter::ToUpload(_) => {}
        }
    }
    if !run.settings.tracker_grants {
        assert!(granted.is_empty() && confirmed.is_empty());
        return;
    }
    assert_eq!(confirmed, came);
    for ((client, file), segments) in came {
        let name = swarm.names[file.0 as usize].clone();
        if run.outputs.contains_key(&(client, name)) {
            assert_eq!(granted[&(client, file)], segments.len());
        }
    }
}

/// The report against the recorded deliveries, and against the outputs.
fn the_report_says_what_happened(run: &Run, swarm: &Facts) {
    let measured = &run.measured;
    let clients = run.inputs.len();
    let index = |rank: Rank| rank.0 as usize - 1;
    let mut transfers = vec![vec![0; clients]; clients];
    let [mut served, mut refused, mut busy] = [(); 3].map(|()| vec![0; clients]);
    let mut messages: BTreeMap<String, u64> = BTreeMap::new();
    let mut trackers = 0;
    let (mut first, mut last) = (None, None);
    for event in run
        .events
        .iter()
        .filter(|event| event.kind == Kind::Delivered)
    {
        *messages.entry(event.letter.tag().to_string()).or_default() += 1;
        trackers += u64::from(event.from == Rank::TRACKER || event.to == Rank::TRACKER);
        match &event.letter {
            Letter::ToDownload(ToDownload::Segment(answer)) => {
                match answer.answer {
                    Answer::Ack(_) => served[index(event.from)] += 1,
                    Answer::Nack => refused[index(event.from)] += 1,
                    Answer::Busy(_) => busy[index(event.from)] += 1,
                }
                if swarm.is_right(answer) {
                    transfers[index(event.from)][index(event.to)] += 1;
                }
            }
            Letter::ToTracker(ToTracker::SwarmRequest(_)) => {
                first.get_or_insert(event.time);
            }
            Letter::ToTracker(ToTracker::FileComplete(_)) => last = Some(event.time),
            Letter::ToTracker(_) | Letter::ToDownload(_) | Letter::ToUpload(_) => {}
        }
    }
    assert_eq!(measured.transfers, transfers);
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
    let owned_and_wanted = |input: &Manifest| {
        let wanted = |file: &&OwnedFile| input.wanted.contains(&file.name);
        input.owned.iter().filter(wanted).count()
    };
    run.inputs.iter().map(owned_and_wanted).sum()
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
