//! Runs that tests make up, call by call.

use std::time::Duration;

use crate::seen::calls::{
    Call, Datatype, Kind, Level, Levels, Peer, Polling, RankRecord, Tag, Taken, Thread,
    ThreadRecord, What,
};
use crate::seen::condition::Condition;
use crate::seen::known::Known;
use crate::seen::run::{Hung, RankEnd, Run};
use crate::seen::scene::Scene;
use crate::seen::standstill::{self, Threads};
use swarm::protocol::Rank;

/// What a test does to a run.
pub(crate) type Change = fn(&mut MadeUp);

/// A thread of a rank.
pub(crate) type At = (u32, Thread);

pub(crate) fn ms(time: u64) -> Duration {
    Duration::from_millis(time)
}

/// A run in which each call begins a millisecond after the one before, and takes half a millisecond.
#[derive(Clone)]
pub(crate) struct MadeUp {
    pub known: Known,
    pub run: Run,
    pub condition: Condition,
    now: u64,
}

impl MadeUp {
    /// A run of `ranks` ranks that have ended well, each with the threads 0, 1 and 2 and
    /// `MPI_THREAD_MULTIPLE`.
    pub(crate) fn new(ranks: usize) -> MadeUp {
        let record = RankRecord {
            levels: Some(Levels {
                asked: Level::Multiple,
                given: Level::Multiple,
            }),
            finalize: Some(ms(1_000)),
            threads: (1..=3).map(thread).collect(),
            tasks: (1..=3).collect(),
            ..RankRecord::default()
        };
        let mut run = Run {
            left: Some(Vec::new()),
            ..Run::default()
        };
        run.ending.status = Some(0);
        for rank in (0..).take(ranks) {
            run.recording.ranks.push(record.clone());
            run.ending.ranks.insert(Rank(rank), RankEnd::Status(0));
        }
        MadeUp {
            known: Known::default(),
            run,
            condition: Condition::Recorded,
            now: 0,
        }
    }

    /// A run of three ranks, each of which asked for one thread level and got the other.
    pub(crate) fn with_levels(asked: Level, given: Level) -> MadeUp {
        let mut made_up = MadeUp::new(3);
        for rank in 0..3 {
            made_up.rank(rank).levels = Some(Levels { asked, given });
        }
        made_up
    }

    /// Whether it is proven to stand still, if the system knows these threads of each rank, and those that are locked.
    pub(crate) fn stands_still(&self, all: &[u32], locked: &[u32]) -> bool {
        let threads = Threads {
            all: all.iter().copied().collect(),
            locked: locked.iter().copied().collect(),
        };
        let recording = &self.run.recording;
        standstill::is_proven(recording, &vec![threads; recording.ranks.len()])
    }

    pub(crate) fn scene(&self) -> Scene<'_> {
        Scene::new(&self.known, &self.run, self.condition)
    }

    /// The time of the last call.
    pub(crate) fn now(&self) -> Duration {
        ms(self.now)
    }

    /// The time now, and a millisecond passes.
    pub(crate) fn tick(&mut self) -> Duration {
        self.now += 1;
        self.now()
    }

    pub(crate) fn rank(&mut self, rank: u32) -> &mut RankRecord {
        &mut self.run.recording.ranks[rank as usize]
    }

    /// A call of a kind, with nobody.
    pub(crate) fn call(&mut self, (rank, thread): At, kind: Kind) -> &mut Call {
        let started = self.tick();
        let over = started + Duration::from_micros(500);
        let calls = &mut self.rank(rank).calls;
        calls.push(Call {
            thread,
            kind,
            name: None,
            peer: Peer::None,
            tag: Tag::None,
            comm: 0,
            bytes: 0,
            datatype: Datatype::Bytes,
            started,
            returned: Some(over),
            completed: Some(over),
            error: None,
            taken: None,
            is_cancelled: false,
            segments: Vec::new(),
        });
        calls.last_mut().expect("it was just put there")
    }

    /// `MPI_Send` of 32 bytes.
    pub(crate) fn send(&mut self, at: At, to: u32, tag: i32) -> &mut Call {
        let call = self.call(at, Kind::Send);
        (call.peer, call.tag, call.bytes) = (Peer::One(Rank(to)), Tag::One(tag), 32);
        call
    }

    /// `MPI_Recv` of 32 bytes from one rank.
    pub(crate) fn take(&mut self, at: At, from: u32, tag: i32) -> &mut Call {
        let call = self.receive(at, Peer::One(Rank(from)), Tag::One(tag));
        call.taken = Some(taken(from, tag));
        call
    }

    /// `MPI_Recv` that has not taken anything.
    pub(crate) fn receive(&mut self, at: At, peer: Peer, tag: Tag) -> &mut Call {
        let call = self.call(at, Kind::Recv);
        (call.peer, call.tag, call.bytes) = (peer, tag, 64);
        call
    }

    /// The run did not end by itself: no rank did, and none called `MPI_Finalize`.
    pub(crate) fn hang(&mut self) {
        self.run.ending.hung = Some(Hung::Standstill(ms(5_000)));
        self.run.ending.status = None;
        self.run.ending.ranks.clear();
        self.run.wall = ms(self.now + 5_000);
        for record in &mut self.run.recording.ranks {
            record.finalize = None;
            let calls = &record.calls;
            for (thread, state) in (0..).zip(&mut record.threads) {
                // Threads that never called anything are not there.
                state.is_over |= !calls.iter().any(|call| call.thread == thread);
            }
        }
    }

    /// A rank died of a signal, and mpirun killed the others.
    pub(crate) fn crash(&mut self, rank: u32, signal: i32) {
        self.run.ending.status = Some(128 + signal);
        self.run.ending.ranks = [(Rank(rank), RankEnd::Signal(signal))].into();
        for record in &mut self.run.recording.ranks {
            record.finalize = None;
        }
    }
}

fn thread(task: u32) -> ThreadRecord {
    ThreadRecord {
        task,
        ..ThreadRecord::default()
    }
}

impl Call {
    /// It has not returned.
    pub(crate) fn forever(&mut self) -> &mut Call {
        (self.returned, self.completed) = (None, None);
        // A thread that waits to send has a whole message to send, one that waits to take has none.
        if self.kind.what() == What::Receive {
            self.taken = None;
        }
        self
    }

    /// It took no time.
    pub(crate) fn at_once(&mut self) -> &mut Call {
        (self.returned, self.completed) = (Some(self.started), Some(self.started));
        self
    }

    /// It returned at this time.
    pub(crate) fn until(&mut self, time: u64) -> &mut Call {
        (self.returned, self.completed) = (Some(ms(time)), Some(ms(time)));
        self
    }
}

pub(crate) fn taken(from: u32, tag: i32) -> Taken {
    Taken {
        from: Rank(from),
        tag,
        bytes: 32,
    }
}

/// `MPI_Iprobe`, again and again.
pub(crate) fn polling(peer: Peer, tag: Tag) -> Polling {
    Polling {
        kind: Kind::Iprobe,
        peer,
        tag,
        comm: 0,
        times: 12_345,
        since: ms(100),
    }
}
