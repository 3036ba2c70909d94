//! All machines of a run, what they save and what they count. Nothing here decides what happens
//! next.

use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::recording::Recording;
use swarm::client::{self, Download, Effect, Part, SavedFile, Upload};
use swarm::event::{Deed, Event, Thread};
use swarm::manifest::Manifest;
use swarm::protocol::{
    Answer, Envelope, FileName, Hashes, InitAck, Letter, Rank, ToDownload, ToTracker, ToUpload,
};
use swarm::report::{Measured, Plan};
use swarm::settings::Settings;
use swarm::statistics::{ClientStatistics, Makespan, Traffic};
use swarm::tracker::{Ending, Tracker};

/// Where the clients' outputs go.
pub trait Outputs {
    /// Writes one.
    ///
    /// # Errors
    /// Says, for the user, why it could not be written.
    fn save(&mut self, client: Rank, file: &SavedFile) -> Result<(), String>;
}

/// Nowhere.
impl Outputs for () {
    fn save(&mut self, _: Rank, _: &SavedFile) -> Result<(), String> {
        Ok(())
    }
}

/// Into memory.
impl Outputs for BTreeMap<(Rank, FileName), Hashes> {
    fn save(&mut self, client: Rank, file: &SavedFile) -> Result<(), String> {
        let twice = self.insert((client, file.name.clone()), file.hashes.clone());
        assert_eq!(twice, None, "rank {client} saved a file twice");
        Ok(())
    }
}

/// The tracker and all clients of a run. Times are virtual, and never go back.
pub struct Machines<O> {
    settings: Settings,
    tracker: Tracker,
    clients: Vec<Client>,
    outputs: O,
    /// What each rank has sent.
    sent: Vec<Traffic>,
    makespan: Makespan,
    /// What they do, if somebody wants to know.
    recording: Option<Recording>,
    /// Empty between two steps.
    effects: Vec<Effect>,
}

struct Client {
    part: Part,
    /// Whether it refuses everything from now on.
    refuses: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    /// It waits for INIT_ACK, and nobody reads its upload mailbox yet. This is its input, or what is
    /// wrong with it.
    Registering(Result<Manifest, Vec<String>>),
    /// The swarm does not start.
    Refused,
    Running(Box<Running>),
}

struct Running {
    /// When INIT_ACK came, from which on the client counts its time.
    start: Duration,
    owned: Vec<FileName>,
    download: Download,
    upload: Upload,
}

/// What there is when nothing happens any more.
pub struct Outcome<O> {
    /// The tracker.
    pub tracker: Tracker,
    /// What the report says of it; nothing, if the swarm did not start.
    pub measured: Option<Measured>,
    /// What the clients saved.
    pub outputs: O,
    /// The events that nobody has fetched.
    pub events: Vec<Event>,
}

impl<O: Outputs> Machines<O> {
    /// The machines of clients with these inputs, in rank order, or with what is wrong with them. What
    /// they do is recorded if `is_recorded`.
    pub fn new(
        plan: &Plan,
        inputs: Vec<Result<Manifest, Vec<String>>>,
        outputs: O,
        is_recorded: bool,
    ) -> Machines<O> {
        let client = |(rank, input)| Client {
            part: plan.part(rank),
            refuses: false,
            state: State::Registering(input),
        };
        let sent = vec![Traffic::default(); inputs.len() + 1];
        Machines {
            settings: plan.settings,
            tracker: Tracker::new(inputs.len(), plan.settings),
            clients: (Rank::clients(inputs.len()).zip(inputs))
                .map(client)
                .collect(),
            outputs,
            sent,
            makespan: Makespan::default(),
            recording: is_recorded.then(Recording::default),
            effects: Vec::new(),
        }
    }

    /// The tracker begins.
    pub fn begin(&mut self, now: Duration) {
        self.record(now, Rank::TRACKER, Thread::Tracker, Deed::Begun);
    }

    /// A client begins, and registers (R1).
    ///
    /// # Panics
    /// When it has already.
    pub fn register(&mut self, now: Duration, client: Rank, post: &mut Vec<Envelope>) {
        let State::Registering(input) = &self.client(client).state else {
            panic!("rank {client} has registered already");
        };
        let init = ToTracker::Init(client::init(input));
        self.record(now, client, Thread::Download, Deed::Begun);
        self.post(now, client, Envelope::new(Rank::TRACKER, init), post);
    }

    /// Whether a thread of a rank reads its mailbox now.
    pub fn is_read(&self, rank: Rank, thread: Thread) -> bool {
        match thread {
            Thread::Tracker => self.tracker.ending().is_none(),
            Thread::Download => true,
            Thread::Upload => matches!(self.client(rank).state, State::Running(_)),
        }
    }

    /// A letter is taken by the rank that it is for. What that rank has to say is appended to `post`.
    ///
    /// # Errors
    /// When the protocol has no place for it; the machines are of no use then.
    pub fn take(
        &mut self,
        now: Duration,
        from: Rank,
        to: Rank,
        letter: Letter,
        post: &mut Vec<Envelope>,
    ) -> Result<()> {
        let tag = letter.tag();
        if let Some(recording) = &mut self.recording {
            recording.taken(now, from, to, &letter);
        }
        let first = post.len();
        let step = match letter {
            Letter::ToTracker(message) => {
                self.makespan.heard(now, tag);
                self.tracker.step(from, message, post)
            }
            Letter::ToUpload(message) => self.upload(now, from, to, message, post),
            Letter::ToDownload(ToDownload::InitAck(ack)) => self.start(now, to, ack),
            Letter::ToDownload(message) => self.download(now, from, to, message),
        };
        step.with_context(|| format!("rank {to}: {tag} from rank {from}"))?;
        if to != Rank::TRACKER && self.client(to).refuses {
            post[first..].iter_mut().for_each(refuse);
        }
        self.posted(now, to, &post[first..]);
        self.carry_out(now, to, post)?;
        self.record_ends(now, to);
        Ok(())
    }

    /// When a thread has something to do without a message, if it has. [`Machines::pass`] is to be
    /// called then.
    pub fn due(&self, rank: Rank, thread: Thread) -> Option<Duration> {
        if rank == Rank::TRACKER {
            return None;
        }
        let State::Running(running) = &self.client(rank).state else {
            return None;
        };
        let due = match thread {
            Thread::Tracker => None,
            Thread::Download => running.download.due(),
            Thread::Upload => running.upload.due(),
        };
        due.map(|due| due.saturating_add(running.start))
    }

    /// Time has passed for a thread. What it has to say is appended to `post`.
    ///
    /// # Errors
    /// When it cannot go on.
    pub fn pass(
        &mut self,
        now: Duration,
        rank: Rank,
        thread: Thread,
        post: &mut Vec<Envelope>,
    ) -> Result<()> {
        if self.due(rank, thread).is_none_or(|due| due > now) {
            return Ok(());
        }
        let first = post.len();
        let mut effects = mem::take(&mut self.effects);
        let running = self.running(rank)?;
        let time = now.saturating_sub(running.start);
        match thread {
            Thread::Tracker => {}
            Thread::Download => running.download.wake(time, &mut effects),
            Thread::Upload => running.upload.pass(time, post),
        }
        self.effects = effects;
        self.posted(now, rank, &post[first..]);
        self.carry_out(now, rank, post)?;
        self.record_ends(now, rank);
        Ok(())
    }

    /// A client's upload half refuses what it is asked for from now on, or does so no more: it is as
    /// if it held nothing.
    pub fn let_refuse(&mut self, client: Rank, refuses: bool) {
        self.clients[client.0 as usize - 1].refuses = refuses;
    }

    /// How many clients there are.
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// The tracker.
    pub fn tracker(&self) -> &Tracker {
        &self.tracker
    }

    /// Whether every thread has ended.
    pub fn is_over(&self) -> bool {
        let has_ended = |client: &Client| match &client.state {
            State::Registering(_) => false,
            State::Refused => true,
            State::Running(running) => running.download.is_done() && running.upload.is_stopped(),
        };
        self.tracker.ending().is_some() && self.clients.iter().all(has_ended)
    }

    /// What was recorded since the last time, if anything is recorded.
    pub fn events(&mut self) -> impl Iterator<Item = Event> {
        self.recording
            .iter_mut()
            .flat_map(|recording| recording.events.drain(..))
    }

    /// How many events wait to be fetched.
    pub fn recorded(&self) -> usize {
        self.recording
            .as_ref()
            .map_or(0, |recording| recording.events.len())
    }

    /// What there is at the end, or at any moment that is to be the end.
    pub fn outcome(self) -> Outcome<O> {
        let was_refused = matches!(self.tracker.ending(), Some(Ending::Refused(_)));
        let by_tracker = self.sent[0];
        let counted = |(client, &sent): (Client, &Traffic)| match client.state {
            State::Registering(_) | State::Refused => ClientStatistics {
                sent,
                ..ClientStatistics::default()
            },
            State::Running(running) => ClientStatistics {
                owned: running.owned,
                service: running.upload.service(),
                downloads: running.download.into_records(),
                sent,
            },
        };
        let measured = (!was_refused).then(|| {
            let clients = self.clients.into_iter().zip(&self.sent[1..]);
            let statistics: Vec<ClientStatistics> = clients.map(counted).collect();
            Measured::new(&self.settings, &statistics, &by_tracker, &self.makespan)
        });
        Outcome {
            tracker: self.tracker,
            measured,
            outputs: self.outputs,
            events: self
                .recording
                .map_or(Vec::new(), |recording| recording.events),
        }
    }

    /// INIT_ACK has come.
    fn start(&mut self, now: Duration, rank: Rank, ack: InitAck) -> Result<()> {
        let settings = self.settings;
        let client = &mut self.clients[rank.0 as usize - 1];
        let State::Registering(input) = mem::replace(&mut client.state, State::Refused) else {
            bail!("nobody asked for it");
        };
        let InitAck::Start(numbers) = ack else {
            return Ok(());
        };
        let manifest = input.ok().context("expected a refusal, found INIT_ACK")?;
        let owned = manifest
            .owned
            .iter()
            .map(|file| file.name.clone())
            .collect();
        let (mut download, upload) =
            client::start(rank, manifest, &numbers, settings, client.part)?;
        download.begin(Duration::ZERO, &mut self.effects);
        client.state = State::Running(Box::new(Running {
            start: now,
            owned,
            download,
            upload,
        }));
        self.record(now, rank, Thread::Upload, Deed::Begun);
        Ok(())
    }

    /// The download half takes a message. Whether the hash in it is the promised one shows in what is
    /// held then.
    fn download(&mut self, now: Duration, from: Rank, to: Rank, message: ToDownload) -> Result<()> {
        let came = message.segment().filter(|_| self.recording.is_some());
        let mut effects = mem::take(&mut self.effects);
        let running = self.running(to)?;
        let time = now.saturating_sub(running.start);
        running.download.step(time, from, message, &mut effects)?;
        let checked = came.map(|(file, segment)| {
            let is_right = running.download.holds(file, segment);
            Deed::checked(is_right, from, file, segment)
        });
        self.effects = effects;
        if let Some(checked) = checked {
            self.record(now, to, Thread::Download, checked);
        }
        Ok(())
    }

    /// The upload half takes a message. Whether its client has left it looks at first.
    fn upload(
        &mut self,
        now: Duration,
        from: Rank,
        to: Rank,
        message: ToUpload,
        post: &mut Vec<Envelope>,
    ) -> Result<()> {
        let running = self.running(to)?;
        let time = now.saturating_sub(running.start);
        let had_left = running.upload.has_left();
        running.upload.step(time, from, message, post)?;
        if running.upload.has_left() && !had_left {
            self.record(now, to, Thread::Upload, Deed::Left);
        }
        Ok(())
    }

    /// Does what a client's download half wants done, in its order.
    fn carry_out(&mut self, now: Duration, rank: Rank, post: &mut Vec<Envelope>) -> Result<()> {
        while !self.effects.is_empty() {
            let mut effects = mem::take(&mut self.effects);
            for effect in effects.drain(..) {
                match effect {
                    Effect::Send(envelope) => self.post(now, rank, envelope, post),
                    Effect::Save(file) => self.save(now, rank, &file)?,
                }
            }
            if self.effects.is_empty() {
                self.effects = effects; // for its room
                return Ok(());
            }
        }
        Ok(())
    }

    fn save(&mut self, now: Duration, rank: Rank, file: &SavedFile) -> Result<()> {
        let outcome = self.outputs.save(rank, file);
        let deed = Deed::Saved {
            file: file.name.clone(),
            problem: outcome.as_ref().err().cloned(),
        };
        self.record(now, rank, Thread::Download, deed);
        let mut effects = mem::take(&mut self.effects);
        let running = self.running(rank)?;
        let time = now.saturating_sub(running.start);
        running.download.saved(time, outcome, &mut effects);
        self.effects = effects;
        Ok(())
    }

    fn post(&mut self, now: Duration, from: Rank, envelope: Envelope, post: &mut Vec<Envelope>) {
        post.push(envelope);
        self.posted(now, from, &post[post.len() - 1..]);
    }

    /// Counts and records what a rank posts.
    fn posted(&mut self, now: Duration, from: Rank, envelopes: &[Envelope]) {
        for Envelope { to, letter } in envelopes {
            self.sent[from.0 as usize].count(letter.tag(), letter.size());
            if let Some(recording) = &mut self.recording {
                recording.posted(now, from, *to, letter);
            }
        }
    }

    fn record(&mut self, now: Duration, rank: Rank, thread: Thread, deed: Deed) {
        if let Some(recording) = &mut self.recording {
            recording.did(now, rank, thread, deed);
        }
    }

    /// Records which threads of a rank have ended.
    fn record_ends(&mut self, now: Duration, rank: Rank) {
        let threads = match rank {
            Rank::TRACKER => &[Thread::Tracker][..],
            _ => &[Thread::Download, Thread::Upload],
        };
        for &thread in threads {
            let has_ended = self.recording.is_some() && self.has_ended(rank, thread);
            if let Some(recording) = self.recording.as_mut().filter(|_| has_ended) {
                recording.ended(now, rank, thread);
            }
        }
    }

    fn has_ended(&self, rank: Rank, thread: Thread) -> bool {
        if rank == Rank::TRACKER {
            return self.tracker.ending().is_some();
        }
        match (&self.client(rank).state, thread) {
            (State::Running(running), Thread::Download) => running.download.is_done(),
            (State::Running(running), Thread::Upload) => running.upload.is_stopped(),
            (State::Refused, Thread::Download) => true,
            // Its upload thread has not begun.
            (State::Refused | State::Registering(_), _) => false,
            (State::Running(_), Thread::Tracker) => false,
        }
    }

    fn client(&self, rank: Rank) -> &Client {
        &self.clients[rank.0 as usize - 1]
    }

    fn running(&mut self, rank: Rank) -> Result<&mut Running> {
        match &mut self.clients[rank.0 as usize - 1].state {
            State::Registering(_) => bail!("INIT_ACK has not come yet"),
            State::Refused => bail!("the swarm has not started"),
            State::Running(running) => Ok(running),
        }
    }
}

/// Turns an answer into a refusal.
fn refuse(envelope: &mut Envelope) {
    match &mut envelope.letter {
        Letter::ToDownload(ToDownload::Segment(answer)) => {
            answer.answer = Answer::Nack;
            answer.hints.clear();
        }
        Letter::ToDownload(ToDownload::Availability(offer)) => offer.load = None,
        Letter::ToTracker(_) | Letter::ToDownload(_) | Letter::ToUpload(_) => {}
    }
}

/// All that makes a difference to what can happen from here on, and nothing else.
impl<O: fmt::Debug> fmt::Debug for Machines<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (&self.tracker, &self.clients, &self.outputs).fmt(f)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.state.fmt(f)
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (&self.download, &self.upload).fmt(f)
    }
}
