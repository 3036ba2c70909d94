//! Rank 0 of a crew.

use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use mpi::topology::SimpleCommunicator;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::backoff::Backoff;
use super::dealer::Dealer;
use super::desk::{Desk, Work};
use super::host;
use super::job::Job;
use super::line::{Line, ToLead, ToWorker};
use super::patience::Silence;
use super::ticker::Ticker;
use crate::exit::Exit;
use crate::launch::Roll;
use crate::say;
use crate::signals;

/// Why no more is dealt.
#[derive(Debug)]
pub enum Halt<E> {
    /// Who takes what is done wants no more.
    Refused(E),
    /// A signal has come.
    Interrupted,
    /// A rank is not heard of any more, in words.
    Lost(String),
}

/// Who leads a crew.
pub struct Lead<T> {
    line: Line,
    /// Where it works itself, once the ranks have met.
    desk: Option<Desk<T>>,
    /// The host of each rank, as a number.
    hosts: Vec<usize>,
    attention: Option<Attention>,
    /// Which rank was lost, in words.
    lost: Option<String>,
}

impl<T: Serialize + DeserializeOwned + Send + 'static> Lead<T> {
    /// Meets the others, leads them as `lead` says, and lets them go.
    pub(super) fn run<P>(
        world: SimpleCommunicator,
        patience: Option<Duration>,
        job: &Job,
        prepare: impl FnOnce() -> Result<(Work<T>, P)>,
        lead: impl FnOnce(&mut Lead<T>, P) -> Result<Exit>,
    ) -> Result<Exit> {
        let line = Line::new(world);
        let attention = patience.map(|patience| Attention::new(patience, line.ranks()));
        let mut this = Lead {
            line,
            desk: None,
            hosts: Vec::new(),
            attention: attention.transpose()?,
            lost: None,
        };
        let ended = prepare().and_then(|(work, prepared)| {
            this.meet(&work.marks)?;
            this.desk = Some(Desk::start(work.one)?);
            lead(&mut this, prepared)
        });
        if this.lost.is_some() {
            if let Err(error) = &ended {
                say::problem(format_args!("bittorrent: {error:#}"));
            }
            job.end_unsaid(Exit::Stalled);
        }
        if let Err(lost) = this.dismiss() {
            job.end(Exit::Stalled, &lost);
        }
        ended
    }

    /// Waits until all are there. `marks` are those of rank 0.
    fn meet(&mut self, marks: &[(String, u64)]) -> Result<()> {
        let ranks = self.line.ranks();
        let mut there = vec![None; ranks];
        there[0] = Some((host::this(), Ok(marks.to_owned())));
        let mut backoff = Backoff::default();
        while there.contains(&None) {
            match self.look() {
                Some((rank, ToLead::Here(host, theirs))) => there[rank] = Some((host, theirs)),
                Some((_, ToLead::Done(..) | ToLead::Alive | ToLead::Bye)) => {}
                None => self.wait(&mut backoff).map_err(|lost| anyhow!(lost))?,
            }
        }
        let mut hosts: Vec<String> = Vec::new();
        for (rank, (host, theirs)) in there.into_iter().flatten().enumerate() {
            let theirs = theirs.map_err(|why| anyhow!("rank {rank}, on {host}: {why}"))?;
            let is_in = |all: &[(String, u64)], mark| all.contains(mark);
            let other = marks.iter().find(|mark| !is_in(&theirs, *mark));
            let other = other.or_else(|| theirs.iter().find(|mark| !is_in(marks, *mark)));
            let other = other.map_or("", |(what, _)| what);
            ensure!(
                other.is_empty(),
                "rank {rank}, on {host}: {other} is not the same as that of rank 0"
            );
            let known = hosts.iter().position(|known| *known == host);
            self.hosts.push(known.unwrap_or(hosts.len()));
            if known.is_none() {
                hosts.push(host);
            }
        }
        Ok(())
    }

    /// Deals the pieces from the number `first` on, which have these sizes, in order. `take` gets what comes of each.
    /// Of a host's ranks at most `at_once` work at a time (0: all).
    ///
    /// # Errors
    /// Says why there is an end before all are done.
    pub fn deal<E>(
        &mut self,
        first: usize,
        sizes: &[u64],
        at_once: usize,
        mut take: impl FnMut(usize, T) -> Result<(), E>,
    ) -> Result<(), Halt<E>> {
        let hosts = self.hosts.clone();
        let mut dealer = Dealer::new(first, sizes, at_once, &hosts);
        let mut backoff = Backoff::default();
        while !dealer.is_over() {
            while let Some((rank, number)) = dealer.deal() {
                self.give(rank, number);
            }
            if let Some((rank, number, value)) = self.done() {
                dealer.done(rank, number);
                take(number, value).map_err(Halt::Refused)?;
                backoff = Backoff::default();
            } else {
                signals::check().map_err(|_| Halt::Interrupted)?;
                self.wait(&mut backoff).map_err(Halt::Lost)?;
            }
        }
        Ok(())
    }

    fn give(&mut self, rank: usize, number: usize) {
        match (rank, &self.desk) {
            (0, Some(desk)) => desk.give(number),
            _ => self.line.send(rank, &ToWorker::Do(number)),
        }
    }

    /// A piece that is done, and by which rank.
    fn done(&mut self) -> Option<(usize, usize, T)> {
        if let Some((number, value)) = self.desk.as_ref().and_then(Desk::take) {
            return Some((0, number, value));
        }
        loop {
            match self.look()? {
                (rank, ToLead::Done(number, value)) => return Some((rank, number, value)),
                (_, ToLead::Alive) => {}
                (rank, ToLead::Here(..) | ToLead::Bye) => {
                    unreachable!("rank {rank} has said that it is here, and not been let go")
                }
            }
        }
    }

    /// Lets the others go: they leave behind what they have begun. Takes all that they have sent.
    fn dismiss(&mut self) -> Result<(), String> {
        for rank in 1..self.line.ranks() {
            self.line.send(rank, &ToWorker::Over);
        }
        let mut left = self.line.ranks() - 1;
        let mut backoff = Backoff::default();
        while left > 0 {
            match self.look() {
                Some((_, ToLead::Bye)) => left -= 1,
                Some((_, ToLead::Here(..) | ToLead::Done(..) | ToLead::Alive)) => {}
                None => self.wait(&mut backoff)?,
            }
        }
        self.line.clear();
        Ok(())
    }

    /// The next message that is here, and its sender.
    fn look(&mut self) -> Option<(usize, ToLead<T>)> {
        let (rank, message) = self.line.look()?;
        if let Some(attention) = &mut self.attention {
            attention.hear(rank, matches!(message, ToLead::Bye));
        }
        Some((rank, message))
    }

    /// Lets some time pass, for no message is here. Fails if a rank is lost.
    fn wait(&mut self, backoff: &mut Backoff) -> Result<(), String> {
        let lost = self.attention.as_mut().and_then(Attention::lost);
        if let Some(lost) = lost {
            self.lost = Some(lost.clone());
            return Err(lost);
        }
        backoff.pause(Duration::MAX);
        Ok(())
    }
}

/// Notices when a rank is not heard of any more.
struct Attention {
    patience: Duration,
    ticker: Ticker,
    /// Of each rank: how many messages have come, and the silence since. Rank 0 talks to nobody, and others have said
    /// their last word.
    ranks: Vec<Option<(u64, Silence)>>,
}

impl Attention {
    fn new(patience: Duration, ranks: usize) -> Result<Attention> {
        let listened_to = |rank| (rank > 0).then(|| (0, Silence::new(patience, 0)));
        Ok(Attention {
            patience,
            ticker: Ticker::start()?,
            ranks: (0..ranks).map(listened_to).collect(),
        })
    }

    /// A message has come, perhaps the last one of its rank.
    fn hear(&mut self, rank: usize, is_last: bool) {
        if is_last {
            self.ranks[rank] = None;
        } else if let Some((count, _)) = &mut self.ranks[rank] {
            *count += 1;
        }
    }

    /// Which rank is not heard of any more, in words. All messages that are here have been taken.
    fn lost(&mut self) -> Option<String> {
        if !self.ticker.is_time() {
            return None;
        }
        let mut lost = None;
        for (rank, listened_to) in self.ranks.iter_mut().enumerate() {
            if let Some((count, silence)) = listened_to
                && silence.tick(*count)
            {
                lost = lost.or(Some(rank));
            }
        }
        let patience = humantime::format_duration(self.patience);
        let why = format!(
            "rank {} was not heard of for {patience} (--stall-timeout)",
            lost?
        );
        let stopped = Roll::call(0).stopped();
        Some(stopped.map_or(why.clone(), |stopped| format!("{why}; {stopped}")))
    }
}
