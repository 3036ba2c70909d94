//! All machines of a run, what they save and what they count. What happens next is decided by
//! whoever drives them.

use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::recording::Recording;
use swarm::client::{Download, Effect, Outbox, Registration, SavedFile, Upload};
use swarm::event::{Deed, Event, Thread};
use swarm::manifest::Manifest;
use swarm::protocol::{Envelope, Letter, Rank, ToDownload, ToUpload};
use swarm::report::{Measured, Moment, Plan};
use swarm::settings::Settings;
use swarm::statistics::{ClientStatistics, Makespan, Traffic};
use swarm::tracker::{Ending, Tracker};

/// Where the clients' outputs go.
pub trait Outputs {
    /// Writes an output of a client.
    ///
    /// # Errors
    /// Why it cannot be written, for the user.
    fn save(&mut self, client: Rank, file: &SavedFile) -> Result<(), String>;
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
    /// What the machines do, if it is recorded.
    recording: Option<Recording>,
    /// What the client of this step wants done. It is empty between two steps.
    outbox: Outbox,
}

/// Where a client is in its life.
#[derive(Debug)]
enum Client {
    /// It waits for INIT_ACK. Its upload half does not exist yet.
    Registering(Box<Registration>),
    /// The swarm does not start. The client has ended.
    Refused,
    /// It has its two halves.
    Running(Box<Running>),
}

#[derive(Debug)]
struct Running {
    /// When INIT_ACK came. The client's own times count from here.
    start: Duration,
    download: Download,
    upload: Upload,
}

/// A run that is over.
pub struct Finished<O> {
    /// The tracker at the end.
    pub tracker: Tracker,
    /// The measurements for the report. `None` if the swarm did not start.
    pub measured: Option<Measured>,
    /// What the clients saved.
    pub outputs: O,
}

impl<O: Outputs> Machines<O> {
    /// The machines of a run with these inputs of the clients, in rank order. An input that cannot
    /// be used is given by its problems. The machines' events are kept if `is_recorded`.
    pub fn new(
        plan: &Plan,
        inputs: Vec<Result<Manifest, Vec<String>>>,
        outputs: O,
        is_recorded: bool,
    ) -> Machines<O> {
        let clients = Rank::clients(inputs.len()).zip(inputs);
        let clients = clients.map(|(rank, input)| {
            let registration = Registration::new(rank, input, plan.settings, plan.part(rank));
            Client::Registering(Box::new(registration))
        });
        let clients: Vec<Client> = clients.collect();
        Machines {
            settings: plan.settings,
            tracker: Tracker::new(clients.len(), plan.settings),
            sent: vec![Traffic::default(); clients.len() + 1],
            clients,
            outputs,
            makespan: Makespan::default(),
            recording: is_recorded.then(Recording::default),
            outbox: Outbox::new(is_recorded),
        }
    }

    /// A rank begins. It comes before everything else that the rank does. A client registers (R1):
    /// its INIT is appended to `post`.
    pub fn begin(&mut self, now: Duration, rank: Rank, post: &mut Vec<Envelope>) {
        if rank == Rank::TRACKER {
            self.record(now, rank, Thread::Tracker, Deed::Begun);
        } else if let Client::Registering(registration) = &self.clients[index(rank)] {
            self.outbox.begin();
            registration.register(&mut self.outbox);
            self.carry_out(now, rank, Thread::Download, post);
        }
    }

    /// Whether a thread of a rank reads its mailbox now.
    pub fn is_read(&self, rank: Rank, thread: Thread) -> bool {
        match thread {
            Thread::Tracker => self.tracker.ending().is_none(),
            Thread::Download => true,
            Thread::Upload => matches!(self.clients[index(rank)], Client::Running(_)),
        }
    }

    /// Rank `to` takes a letter. What it sends is appended to `post`.
    ///
    /// # Errors
    /// When the letter breaks the protocol. The machines cannot be used any more then.
    pub fn take(
        &mut self,
        now: Duration,
        from: Rank,
        to: Rank,
        letter: Letter,
        post: &mut Vec<Envelope>,
    ) -> Result<()> {
        let (tag, thread) = (letter.tag(), Thread::reader(&letter));
        if let Some(recording) = &mut self.recording {
            recording.taken(now, from, to, &letter);
        }
        let first = post.len();
        let step = match letter {
            Letter::ToTracker(message) => {
                self.makespan.heard(now, tag);
                self.tracker.step(from, message, post)
            }
            Letter::ToDownload(message) => self.download(now, from, to, message, post),
            Letter::ToUpload(message) => self.upload(now, from, to, message),
        };
        step.with_context(|| format!("rank {to}: {tag} from rank {from}"))?;
        if to == Rank::TRACKER {
            for envelope in &post[first..] {
                self.posted(now, to, envelope);
            }
            if self.tracker.ending().is_some() {
                self.record(now, to, thread, Deed::Ended);
            }
        }
        self.carry_out(now, to, thread, post);
        Ok(())
    }

    /// When a thread has something to do without a message, if ever. Call [`Machines::pass`] then.
    pub fn due(&self, rank: Rank, thread: Thread) -> Option<Duration> {
        if rank == Rank::TRACKER {
            return None;
        }
        let Client::Running(running) = &self.clients[index(rank)] else {
            return None;
        };
        let due = match thread {
            Thread::Tracker => None,
            Thread::Download => running.download.due(),
            Thread::Upload => running.upload.due(),
        };
        due.map(|due| due.saturating_add(running.start))
    }

    /// Time has passed for a thread. What it sends is appended to `post`.
    pub fn pass(&mut self, now: Duration, rank: Rank, thread: Thread, post: &mut Vec<Envelope>) {
        if self.due(rank, thread).is_none_or(|due| due > now) {
            return;
        }
        let running = running(&mut self.clients, rank).expect("something is due");
        let time = now.saturating_sub(running.start);
        match thread {
            Thread::Tracker => {}
            Thread::Download => running.download.wake(time, &mut self.outbox),
            Thread::Upload => running.upload.pass(time, &mut self.outbox),
        }
        self.carry_out(now, rank, thread, post);
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
        let has_ended = |client: &Client| match client {
            Client::Registering(_) => false,
            Client::Refused => true,
            Client::Running(running) => running.download.is_done() && running.upload.is_stopped(),
        };
        self.tracker.ending().is_some() && self.clients.iter().all(has_ended)
    }

    /// The events since the last call, if they are kept.
    pub fn events(&mut self) -> impl Iterator<Item = Event> {
        self.recording
            .iter_mut()
            .flat_map(|recording| recording.events.drain(..))
    }

    /// How far the swarm is `now`, when nothing is due any more.
    pub fn moment(&self, now: Duration) -> Moment {
        let mut moment = Moment {
            time: now.as_secs_f64(),
            ..Moment::default()
        };
        let mut copies = BTreeMap::new();
        for client in &self.clients {
            if let Client::Running(running) = client {
                moment.links_busy += usize::from(running.upload.is_sending());
                moment.clients_done += usize::from(running.download.is_done());
                running.upload.library().count(&mut copies);
            }
        }
        moment.rarest = copies.into_values().flatten().min();
        moment
    }

    /// Ends the run here, whether it is over or is broken off.
    pub fn finish(self) -> Finished<O> {
        let was_refused = matches!(self.tracker.ending(), Some(Ending::Refused(_)));
        let by_tracker = self.sent[0];
        let counted = |(client, &sent): (Client, &Traffic)| match client {
            Client::Registering(_) | Client::Refused => ClientStatistics {
                sent,
                ..ClientStatistics::default()
            },
            Client::Running(running) => {
                let service = running.upload.service();
                running.download.into_statistics(service, sent)
            }
        };
        let measured = (!was_refused).then(|| {
            let clients = self.clients.into_iter().zip(&self.sent[1..]);
            let statistics: Vec<ClientStatistics> = clients.map(counted).collect();
            Measured::new(&self.settings, &statistics, &by_tracker, &self.makespan)
        });
        Finished {
            tracker: self.tracker,
            measured,
            outputs: self.outputs,
        }
    }

    /// A client's download half takes a message. Before INIT_ACK, its registration does.
    fn download(
        &mut self,
        now: Duration,
        from: Rank,
        to: Rank,
        message: ToDownload,
        post: &mut Vec<Envelope>,
    ) -> Result<()> {
        let client = &mut self.clients[index(to)];
        if let Client::Running(running) = client {
            let time = now.saturating_sub(running.start);
            return (running.download).step(time, from, message, &mut self.outbox);
        }
        let Client::Registering(registration) = mem::replace(client, Client::Refused) else {
            bail!("the swarm has not started");
        };
        let halves = registration.answered(from, message, &mut self.outbox)?;
        if let Some((mut download, upload)) = halves {
            self.outbox.begin();
            self.carry_out(now, to, Thread::Upload, post);
            download.wake(Duration::ZERO, &mut self.outbox);
            self.clients[index(to)] = Client::Running(Box::new(Running {
                start: now,
                download,
                upload,
            }));
        }
        Ok(())
    }

    fn upload(&mut self, now: Duration, from: Rank, to: Rank, message: ToUpload) -> Result<()> {
        let running = running(&mut self.clients, to).context("INIT_ACK has not come")?;
        let time = now.saturating_sub(running.start);
        (running.upload).step(time, from, message, &mut self.outbox)
    }

    /// Does what a client's thread wants done, one effect after another.
    fn carry_out(&mut self, now: Duration, rank: Rank, thread: Thread, post: &mut Vec<Envelope>) {
        while let Some(effect) = self.outbox.next() {
            match effect {
                Effect::Send(envelope) => {
                    self.posted(now, rank, &envelope);
                    post.push(envelope);
                }
                Effect::Save(file) => {
                    let outcome = self.outputs.save(rank, &file);
                    let running = running(&mut self.clients, rank).expect("it has files to save");
                    let time = now.saturating_sub(running.start);
                    running.download.saved(time, outcome, &mut self.outbox);
                }
                Effect::Did(deed) => self.record(now, rank, thread, deed),
            }
        }
    }

    /// Counts and records a message that a rank posts.
    fn posted(&mut self, now: Duration, from: Rank, Envelope { to, letter }: &Envelope) {
        self.sent[from.0 as usize].count(letter.tag(), letter.size());
        if let Some(recording) = &mut self.recording {
            recording.posted(now, from, *to, letter);
        }
    }

    fn record(&mut self, now: Duration, rank: Rank, thread: Thread, deed: Deed) {
        if let Some(recording) = &mut self.recording {
            recording.did(now, rank, thread, deed);
        }
    }
}

/// The place of a client in the list of clients.
fn index(client: Rank) -> usize {
    client.0 as usize - 1
}

fn running(clients: &mut [Client], rank: Rank) -> Option<&mut Running> {
    match &mut clients[index(rank)] {
        Client::Registering(_) | Client::Refused => None,
        Client::Running(running) => Some(running),
    }
}

/// Two runs that look the same here can only go on in the same ways: what was recorded and counted
/// is left out. The tests' exploration knows by this which states it has seen.
impl<O: fmt::Debug> fmt::Debug for Machines<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (&self.tracker, &self.clients, &self.outputs).fmt(f)
    }
}
