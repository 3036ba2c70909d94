//! All that was seen of a run, and what was not. It is made once a run, and every check gets it.

use crate::seen::calls::{Call, Kind, Peer, RankRecord, Tag, What};
use crate::seen::condition::Condition;
use crate::seen::dialogue::Dialogue;
use crate::seen::known::Known;
use crate::seen::messages::{Message, messages};
use crate::seen::run::{Hung, Run};
use crate::seen::standstill::last_step;
use crate::seen::unseen::{Unseen, unseen};
use crate::seen::words::who;
use swarm::protocol::Rank;

/// A run as the checks look at it.
///
/// The methods that begin with `saw` say whether enough was seen, and if not, what was not. A check calls
/// one, with a `?`, before it concludes anything from what is *not* there.
#[derive(Debug)]
pub struct Scene<'a> {
    /// What is known of the run's inputs.
    pub known: &'a Known,
    /// What the run left.
    pub run: &'a Run,
    /// How the program was run.
    pub condition: Condition,
    /// All messages between ranks, in the order in which they were sent.
    pub messages: Vec<Message<'a>>,
    /// What clients asked each other for, and got.
    pub dialogue: Dialogue,
    /// Whether the program may hang without a wrong hash, too: it has, or nobody tried.
    pub may_hang_anyway: bool,
    /// The calls of `MPI_Cancel`, each with its rank.
    cancels: Vec<(Rank, &'a Call)>,
}

impl<'a> Scene<'a> {
    /// Looks at a run.
    pub fn new(known: &'a Known, run: &'a Run, condition: Condition) -> Scene<'a> {
        let messages = messages(&run.recording);
        Scene {
            known,
            run,
            condition,
            dialogue: Dialogue::new(known, run, &messages),
            messages,
            may_hang_anyway: false,
            cancels: (run.recording.calls())
                .filter(|(_, call)| call.kind == Kind::Cancel)
                .collect(),
        }
    }

    /// Whether every call was recorded.
    pub(crate) fn saw_all_calls(&self) -> Result<(), Unseen> {
        let recording = &self.run.recording;
        recording.has_every_call()?;
        if !recording.has_started() {
            return unseen("no rank came to MPI");
        }
        Ok(())
    }

    /// Whether every message was seen, and every receive.
    pub(crate) fn saw_all_messages(&self) -> Result<(), Unseen> {
        self.saw_all_calls()?;
        self.run.recording.has_every_message()
    }

    /// Whether it was seen which receive took which message.
    pub(crate) fn saw_all_receives(&self) -> Result<(), Unseen> {
        self.saw_all_messages()?;
        // It may have taken a message, and nobody knows which.
        let failed = self.run.recording.calls().find(|(_, call)| {
            call.kind.what() == What::Receive && call.error.is_some() && call.taken.is_none()
        });
        failed.map_or(Ok(()), |(rank, call)| {
            let (function, who) = (call.kind.function(), who(rank));
            unseen(format!(
                "{function} failed in {who}, and may have taken a message"
            ))
        })
    }

    /// Whether it was seen which client asked which for a segment, and which sent it.
    pub(crate) fn saw_fetches(&self) -> Result<(), Unseen> {
        self.dialogue.recognised.clone()
    }

    /// Whether the run ended well. `then` goes on after `the run hung` or `the run crashed`.
    pub(crate) fn saw_good_end(&self, then: &str) -> Result<(), Unseen> {
        if self.run.has_ended_well() {
            return Ok(());
        }
        let how = match self.run.ending.hung {
            Some(_) => "hung",
            None => "crashed",
        };
        unseen(format!("the run {how}{then}"))
    }

    /// Whether a run that hung stood still in the end: that is proven, or nothing moved for half of its time. Any other
    /// one may only be slow.
    pub(crate) fn stood_still(&self) -> bool {
        match self.run.ending.hung {
            Some(Hung::Standstill(_)) => true,
            Some(Hung::TimeLimit(time)) => last_step(&self.run.recording) * 2 < time,
            None => false,
        }
    }

    /// Whether the run ended well, and every rank was seen to call `MPI_Finalize`.
    pub(crate) fn saw_all_stop(&self) -> Result<(), Unseen> {
        let stopped = |record: &RankRecord| record.finalize.is_some();
        if self.run.has_ended_well() && self.run.recording.ranks.iter().all(stopped) {
            return Ok(());
        }
        unseen("not all ranks came to MPI_Finalize")
    }

    /// The records of the clients.
    pub(crate) fn clients(&self) -> impl Iterator<Item = (Rank, &RankRecord)> {
        let ranks = self.run.recording.by_rank();
        ranks.filter(|&(rank, _)| rank != Rank::TRACKER)
    }

    /// The messages from one client to another.
    pub(crate) fn between_clients(&self) -> impl Iterator<Item = &Message<'a>> {
        (self.messages.iter()).filter(|message| message.is_between_clients())
    }

    /// The messages that nobody took and nobody took back.
    pub(crate) fn untaken(&self) -> impl Iterator<Item = Message<'a>> {
        self.messages.iter().copied().filter(|message| {
            message.taken.is_none()
                && message.sent.error.is_none()
                && !self.may_be_cancelled(message.from, message.sent)
        })
    }

    /// Whether a rank has cancelled what may be what this call of it began.
    pub(crate) fn may_be_cancelled(&self, rank: Rank, begun: &Call) -> bool {
        // Whether one that is complete was, is known.
        (begun.kind.goes_on() && begun.completed.is_none())
            && self.cancels.iter().any(|&(who, call)| {
                who == rank
                    && call.started >= begun.started
                    && (call.peer == Peer::None || call.peer == begun.peer)
                    && (call.tag == Tag::None || call.tag == begun.tag)
            })
    }
}
