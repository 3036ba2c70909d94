//! A run in virtual time.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::iter;
use std::mem;
use std::time::Duration;

use anyhow::{Result, bail};

use super::links::Links;
use super::machines::{Machines, Outputs};
use super::queue::Queue;
use swarm::event::Thread;
use swarm::limits::LONGEST_RUN;
use swarm::protocol::{Envelope, Letter, Rank};
use swarm::report;

/// All machines of a run, and the messages on their way between them. What happens follows from two
/// seeds alone: the machines' and the links'.
pub struct Simulation<O> {
    /// Only the simulation drives them. Others ask them, fetch their events, and end the run.
    pub machines: Machines<O>,
    queue: Queue<Next>,
    links: Links,
    /// How long the tracker takes to serve a message.
    tracker_time: Duration,
    /// When the tracker has served all messages that have come.
    tracker_free: Duration,
    now: Duration,
    /// For each client, the earliest moment in the queue of its download half and of its upload half.
    moments: Vec<[Option<Duration>; 2]>,
    /// The letters that came for upload halves which have not begun.
    early: BTreeMap<Rank, Vec<(Rank, Letter)>>,
    /// What the rank of this step sends. It is empty between two steps.
    post: Vec<Envelope>,
}

/// What happens at a time.
#[derive(Debug)]
enum Next {
    /// A letter has come.
    Arrival(Parcel),
    /// The tracker has served a letter.
    Service(Parcel),
    /// A thread may have something to do.
    Moment(Rank, Thread),
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advance {
    /// More is to happen.
    Further,
    /// All that was to happen until the given time has happened. More is to happen later.
    Until,
    /// Nothing is left.
    Over,
}

/// A run is not over by [`LONGEST_RUN`]. Later times might be too large for their type.
#[derive(Debug)]
pub struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the run would take more than 100 years of virtual time")
    }
}

impl Error for TooLong {}

#[derive(Debug)]
struct Parcel {
    from: Rank,
    to: Rank,
    letter: Letter,
}

impl<O: Outputs> Simulation<O> {
    /// A run at its start: every client registers. The tracker serves one message after another and
    /// takes `tracker_time` for each.
    pub fn new(machines: Machines<O>, links: Links, tracker_time: Duration) -> Simulation<O> {
        let clients = machines.clients();
        let mut simulation = Simulation {
            machines,
            queue: Queue::new(),
            links,
            tracker_time,
            tracker_free: Duration::ZERO,
            now: Duration::ZERO,
            moments: vec![[None; 2]; clients],
            early: BTreeMap::new(),
            post: Vec::new(),
        };
        for rank in iter::once(Rank::TRACKER).chain(Rank::clients(clients)) {
            simulation
                .machines
                .begin(Duration::ZERO, rank, &mut simulation.post);
            simulation.send_off(rank);
        }
        simulation
    }

    /// Lets the next `steps` things happen, or all that are left, but nothing after `until`. Returns how far
    /// it is.
    ///
    /// # Errors
    /// When a message breaks the protocol, or when nothing can happen any more before all clients
    /// have finished. [`TooLong`]: when the next thing would happen after [`LONGEST_RUN`].
    pub fn advance(&mut self, steps: usize, until: Duration) -> Result<Advance> {
        for _ in 0..steps {
            if self.queue.time().is_some_and(|time| time > until) {
                return Ok(Advance::Until);
            }
            let Some((time, next)) = self.queue.pop() else {
                if self.machines.is_over() {
                    return Ok(Advance::Over);
                }
                bail!(
                    "nothing can happen any more; {}",
                    report::unfinished(&self.machines.tracker().unfinished())
                );
            };
            match next {
                Next::Arrival(parcel) => {
                    self.come_to(time)?;
                    self.arrive(parcel)?;
                }
                Next::Service(parcel) => {
                    self.come_to(time)?;
                    self.deliver(parcel)?;
                }
                Next::Moment(rank, thread) => self.pass(time, rank, thread)?,
            }
        }
        Ok(Advance::Further)
    }

    /// The virtual time: when something last happened.
    pub fn now(&self) -> Duration {
        self.now
    }

    fn come_to(&mut self, time: Duration) -> Result<(), TooLong> {
        if time > LONGEST_RUN {
            return Err(TooLong);
        }
        self.now = time;
        Ok(())
    }

    fn arrive(&mut self, parcel: Parcel) -> Result<()> {
        if parcel.to == Rank::TRACKER && !self.tracker_time.is_zero() {
            let begun = self.tracker_free.max(self.now);
            self.tracker_free = begun.saturating_add(self.tracker_time);
            self.queue.push(self.tracker_free, Next::Service(parcel));
            Ok(())
        } else {
            self.deliver(parcel)
        }
    }

    /// The reader of a letter takes it. If the reader has not begun, the letter waits.
    fn deliver(&mut self, parcel: Parcel) -> Result<()> {
        let Parcel { from, to, letter } = parcel;
        if to != Rank::TRACKER && !self.machines.is_read(to, Thread::reader(&letter)) {
            self.early.entry(to).or_default().push((from, letter));
            return Ok(());
        }
        self.take(from, to, letter)?;
        // A client's upload half begins with INIT_ACK. Whatever came before waits for that.
        if let Some(early) = self.early.remove(&to) {
            for (from, letter) in early {
                self.deliver(Parcel { from, to, letter })?;
            }
        }
        Ok(())
    }

    fn take(&mut self, from: Rank, to: Rank, letter: Letter) -> Result<()> {
        let thread = Thread::reader(&letter);
        self.machines
            .take(self.now, from, to, letter, &mut self.post)?;
        self.send_off(to);
        self.arrange(to, thread);
        if thread == Thread::Download {
            self.arrange(to, Thread::Upload); // it may have gained what others wait for
        }
        Ok(())
    }

    /// A moment has come. It is out of date if the thread has an earlier one or none by now, or if nothing
    /// is due any more: then nothing happens.
    fn pass(&mut self, time: Duration, rank: Rank, thread: Thread) -> Result<(), TooLong> {
        let moment = self.moment(rank, thread);
        let Some(moment) = moment.filter(|moment| **moment == Some(time)) else {
            return Ok(());
        };
        *moment = None;
        if self
            .machines
            .due(rank, thread)
            .is_some_and(|due| due <= time)
        {
            self.come_to(time)?;
            self.machines.pass(time, rank, thread, &mut self.post);
            self.send_off(rank);
        }
        self.arrange(rank, thread);
        Ok(())
    }

    /// Puts the messages that a rank has posted on their way.
    fn send_off(&mut self, from: Rank) {
        let mut post = mem::take(&mut self.post);
        for Envelope { to, letter } in post.drain(..) {
            let time = self.links.arrival(self.now, from, to, &letter);
            let parcel = Parcel { from, to, letter };
            self.queue.push_behind(time, Next::Arrival(parcel));
        }
        self.post = post;
    }

    /// Puts the moment at which a thread has something to do into the queue.
    fn arrange(&mut self, rank: Rank, thread: Thread) {
        let Some(due) = self.machines.due(rank, thread) else {
            return;
        };
        let due = due.max(self.now);
        if let Some(moment) = self.moment(rank, thread)
            && moment.is_none_or(|moment| due < moment)
        {
            *moment = Some(due);
            self.queue.push(due, Next::Moment(rank, thread));
        }
    }

    fn moment(&mut self, rank: Rank, thread: Thread) -> Option<&mut Option<Duration>> {
        let half = match thread {
            Thread::Tracker => return None,
            Thread::Download => 0,
            Thread::Upload => 1,
        };
        Some(&mut self.moments[rank.0 as usize - 1][half])
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use fastrand::Rng;

    use super::*;
    use swarm::manifest::Manifest;
    use swarm::protocol::samples::{name, owned};
    use swarm::report::{Moment, Plan};
    use swarm::scenario::Cast;
    use swarm::settings::Settings;

    fn simulation() -> Simulation<Option<PathBuf>> {
        let seed = Manifest {
            owned: vec![owned("f", "abc")],
            wanted: vec![],
        };
        let leecher = Manifest {
            owned: vec![],
            wanted: vec![name("f")],
        };
        let plan = Plan {
            settings: Settings::default(),
            clients: 2,
            corrupt: vec![],
            cast: Cast::default(),
        };
        let machines = Machines::new(&plan, vec![Ok(seed), Ok(leecher)], None, false);
        let latency = Duration::from_millis(1);
        let links = Links::new(latency..=latency, Rng::with_seed(0));
        Simulation::new(machines, links, Duration::ZERO)
    }

    #[test]
    fn it_ends_when_nothing_is_left() {
        let mut simulation = simulation();
        let ever = Duration::MAX;
        assert_eq!(simulation.advance(3, ever).unwrap(), Advance::Further);
        assert_eq!(
            simulation.now(),
            Duration::from_millis(2),
            "the first INIT_ACK"
        );
        assert_eq!(simulation.advance(1000, ever).unwrap(), Advance::Over);
        let measured = simulation.machines.finish().measured.unwrap();
        assert_eq!((measured.files, measured.segments), (1, 3));
    }

    #[test]
    fn it_stops_at_a_moment_and_says_how_far_the_swarm_is() {
        let mut simulation = simulation();
        let mut at = |milliseconds| {
            let time = Duration::from_millis(milliseconds);
            assert_eq!(simulation.advance(1000, time).unwrap(), Advance::Until);
            assert!(simulation.now() <= time);
            let Moment {
                time: told,
                rarest,
                links_busy,
                clients_done,
            } = simulation.machines.moment(time);
            assert_eq!((told, links_busy), (time.as_secs_f64(), 0));
            (rarest, clients_done)
        };
        // INIT, INIT_ACK, SWARM_REQUEST, SWARM, SEGMENT_REQUEST, SEGMENT: a millisecond each.
        assert_eq!(at(1), (None, 0));
        assert_eq!(at(2), (Some(1), 1));
        assert_eq!(at(4), (Some(1), 1));
        assert_eq!(at(6), (Some(2), 2));
    }

    #[test]
    fn when_nothing_can_happen_before_the_end_it_says_who_has_not_finished() {
        let mut simulation = simulation();
        while simulation.machines.tracker().unfinished().len() != 1 {
            simulation.advance(1, Duration::MAX).unwrap();
        }
        simulation.queue = Queue::new();
        let error = simulation
            .advance(1, Duration::MAX)
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "nothing can happen any more; client 2 has not finished"
        );
    }
}
