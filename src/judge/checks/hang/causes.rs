//! The one sentence that explains best why a run does not end.

use crate::checks::evidence::*;
use crate::checks::hang::circle::circle;
use crate::checks::hang::standstill::{Cause, Standstill};
use crate::checks::hang::waiting::{Stuck, Wish};
use crate::seen::run::Hung;

/// Explains a hang. Each cause is true where it is found. The one that tells the most is looked for first.
pub(super) fn explain(standstill: &Standstill<'_>) -> Cause {
    standstill
        .never_came()
        .or_else(|| standstill.other_source())
        .or_else(|| standstill.other_tag())
        .or_else(|| standstill.over_too_early())
        .or_else(|| circle(standstill))
        .or_else(|| standstill.not_together())
        .or_else(|| standstill.gone())
        .or_else(|| standstill.found_and_left())
        .or_else(|| standstill.not_received())
        .or_else(|| standstill.silent())
        .unwrap_or_else(|| standstill.nobody_sends())
}

impl Standstill<'_> {
    fn never_came(&self) -> Option<Cause> {
        let is_absent = |stuck: &Stuck| {
            let record = &self.scene.run.recording.ranks[stuck.rank.0 as usize];
            matches!(stuck.wish, Wish::NeverCame | Wish::Ended(_)) && record.levels.is_none()
        };
        let (place, stuck) = self.each().find(|(_, stuck)| is_absent(stuck))?;
        let instead = self.fate(stuck.rank);
        let instead = instead.map_or(String::new(), |fate| format!("; it {fate}"));
        let said = format!(
            "{} never came to MPI_Init, and the others wait for it{instead}",
            stuck.who()
        );
        let hint = "call MPI_Init_thread first, before any input is read";
        Some((Evidence::new(said, hint), vec![place]))
    }

    /// Whether another thread of the rank takes messages such as this one, from any rank.
    fn is_for_another(&self, stuck: &Stuck, message: &Message) -> bool {
        self.calls(stuck.rank).iter().any(|call| {
            Some(call.thread) != stuck.thread
                && matches!(call.kind.what(), What::Receive | What::Find)
                && Pattern::of(call).with_any_source().matches(message)
        })
    }

    /// A thread waits for a message of one rank, and another rank has sent such a message.
    fn other_source(&self) -> Option<Cause> {
        for (place, stuck) in self.each() {
            let Wish::Message(patterns, _) = &stuck.wish else {
                continue;
            };
            let [pattern] = &**patterns else { continue };
            let lost = self.first_lost.iter().find(|message| {
                message.to == stuck.rank
                    && pattern.with_any_source().matches(message)
                    && !pattern.matches(message)
                    && !self.is_for_another(stuck, message)
            });
            if let Some(message) = lost {
                let Pattern { peer, tag, .. } = pattern;
                let (who, sender) = (stuck.who(), who(message.from));
                let said = format!(
                    "{who} waits for {tag} from {peer}, while {sender} has sent it such a message"
                );
                let hint = "who sends first is not known: receive from MPI_ANY_SOURCE, and see in the \
                            status whose it is";
                return Some((Evidence::new(said, hint), vec![place]));
            }
        }
        None
    }

    /// A thread waits for one tag, and no thread of its rank takes a message with another tag.
    fn other_tag(&self) -> Option<Cause> {
        for (place, stuck) in self.each() {
            let Wish::Message(patterns, _) = &stuck.wish else {
                continue;
            };
            let sources = stuck.waits_for();
            let lost = self.first_lost.iter().find(|message| {
                message.to == stuck.rank
                    && sources.contains(&message.from)
                    && !patterns.iter().any(|pattern| pattern.matches(message))
                    && !self.is_for_another(stuck, message)
            });
            if let (Some(message), [pattern, ..]) = (lost, &**patterns) {
                let (who, sender) = (stuck.who(), who(message.from));
                let (tag, sent) = (pattern.tag, message.sent.tag);
                let on = if message.sent.comm == pattern.comm {
                    ""
                } else {
                    " on another communicator"
                };
                let said =
                    format!("{who} waits for {tag} from {sender}, which has sent it {sent}{on}");
                let hint = "give the receive the tag and the communicator of the send";
                return Some((Evidence::new(said, hint), vec![place]));
            }
        }
        None
    }

    /// All ranks have to call the same, and one does not.
    fn not_together(&self) -> Option<Cause> {
        let (place, stuck, absent) = self.each().find_map(|(place, stuck)| {
            let Wish::All(absent) = &stuck.wish else {
                return None;
            };
            let is_end = stuck.function == Kind::Finalize.function();
            Some((place, stuck, *absent.first().filter(|_| !is_end)?))
        })?;
        let others: Vec<usize> = self
            .each()
            .filter(|(_, other)| other.rank == absent)
            .map(|(place, _)| place)
            .collect();
        let elsewhere = self.fate(absent).map(|fate| format!(", which {fate}"));
        let elsewhere = elsewhere.or_else(|| {
            let other = &self.stuck[*others.first()?];
            (other.function != "-").then(|| format!(", which is in {}", other.function))
        });
        let (who, function, absent) = (stuck.who(), stuck.function, who(absent));
        let elsewhere = elsewhere.unwrap_or_default();
        let said = format!("{who} waits in {function} for {absent}{elsewhere}");
        let hint = format!("all ranks have to call {function}, in the same order");
        let places = [place].into_iter().chain(others).collect();
        Some((Evidence::new(said, hint), places))
    }

    /// A rank has ended or called `MPI_Finalize`, and another waits for it.
    fn gone(&self) -> Option<Cause> {
        self.each().find_map(|(place, stuck)| {
            let sources = stuck.waits_for();
            let any = matches!(&stuck.wish, Wish::Message(patterns, _)
                if patterns.iter().any(|pattern| pattern.peer == Peer::Any));
            let ranks = (0..).map(Rank).take(self.scene.run.recording.ranks.len());
            let needed: Vec<Rank> = if any {
                ranks.filter(|rank| *rank != stuck.rank).collect()
            } else {
                sources
            };
            let fates: Vec<String> = needed
                .iter()
                .map(|rank| self.fate(*rank))
                .collect::<Option<_>>()?;
            let said = match (&*needed, &*fates) {
                ([one], [fate]) => format!("{} waits for {}, which {fate}", stuck.who(), who(*one)),
                ([], _) => return None,
                _ => format!(
                    "{} waits for a message, and all who could send it have ended or called MPI_Finalize",
                    stuck.who()
                ),
            };
            let hint = "a rank may end only when nobody needs it any more: the tracker has to tell every client";
            Some((Evidence::new(said, hint), vec![place]))
        })
    }

    /// A thread has returned, and nobody takes its messages any more.
    fn over_too_early(&self) -> Option<Cause> {
        self.first_lost.iter().find_map(|message| {
            let record = self.scene.run.recording.of(message.to)?;
            let took = |thread: Thread| {
                record.calls.iter().any(|call| {
                    call.thread == thread
                        && matches!(call.kind.what(), What::Receive | What::Find)
                        && Pattern::of(call).matches(message)
                })
            };
            let mut takers = (0..)
                .zip(&record.threads)
                .filter(|(thread, _)| took(*thread));
            let (thread, state) = takers.next()?;
            if !state.is_over || takers.next().is_some() {
                return None;
            }
            let (thread, rank) = (which_thread(thread), who(message.to));
            let said = format!("{thread} of {rank} has ended, and nobody takes {message}");
            let hint = "a client serves the others until the tracker says that all are done";
            Some((Evidence::new(said, hint), Vec::new()))
        })
    }

    fn found_and_left(&self) -> Option<Cause> {
        self.each().find_map(|(place, stuck)| {
            let Wish::Same(taken, times) = stuck.wish else {
                return None;
            };
            let (finder, function, times) = (stuck.who(), stuck.function, count(times, "time"));
            let (tag, from) = (taken.tag, who(taken.from));
            let said = format!(
                "{finder} has found a message with tag {tag} from {from} {times} with {function} and \
                 does not receive it"
            );
            let hint = "receive what is found, or look only for the tags that this thread takes";
            Some((Evidence::new(said, hint), vec![place]))
        })
    }

    fn not_received(&self) -> Option<Cause> {
        self.each().find_map(|(place, stuck)| {
            let Wish::Taker(call) = stuck.wish else {
                return None;
            };
            let Call { peer, tag, bytes, .. } = call;
            let (who, function, bytes) = (stuck.who(), stuck.function, count(*bytes, "byte"));
            let said = format!(
                "{who} waits in {function} for {peer} to receive {bytes} with {tag}, and nobody does"
            );
            Some((Evidence::new(said, self.rests_on_buffering()), vec![place]))
        })
    }

    /// A thread is not in MPI.
    fn silent(&self) -> Option<Cause> {
        let is_silent = |stuck: &Stuck| matches!(stuck.wish, Wish::Nothing);
        let (place, stuck) = self.each().find(|(_, stuck)| is_silent(stuck))?;
        let is_mine = |call: &&Call| stuck.thread.is_none_or(|thread| thread == call.thread);
        let last = self.calls(stuck.rank).iter().rev().find(is_mine);
        let after = last.map_or(String::new(), |call| format!(", after {}", call.function()));
        let (who, since) = (stuck.who(), seconds(stuck.since.unwrap_or_default()));
        // Otherwise it may go on, and nothing stands still.
        let is_locked = matches!(self.scene.run.ending.hung, Some(Hung::Standstill(_)));
        let (does, hint) = if is_locked {
            let hint = "see who has the lock that it waits for, or who should have signalled the condition: a signal \
                        that comes before the wait is lost, unless a variable keeps that it came";
            (
                "it waits for a lock, or for another thread to wake it",
                hint,
            )
        } else {
            let hint =
                "look for a loop without an end, and for a lock that is taken and never given back";
            ("it computes, sleeps or waits for a lock", hint)
        };
        let said = format!("{who} has called nothing of MPI since {since}{after}: {does}");
        Some((Evidence::new(said, hint), vec![place]))
    }

    fn nobody_sends(&self) -> Cause {
        let is_waiting = |stuck: &&(usize, &Stuck)| matches!(stuck.1.wish, Wish::Message(..));
        let waiting: Vec<(usize, &Stuck)> = self.each().collect();
        let first = waiting
            .iter()
            .filter(is_waiting)
            .min_by_key(|(_, stuck)| (stuck.waits_for().is_empty(), stuck.since));
        let Some(&(place, stuck)) = first else {
            let hint = "see in the table what each thread does";
            return (
                Evidence::new("every thread waits for another", hint),
                Vec::new(),
            );
        };
        let Wish::Message(patterns, times) = &stuck.wish else {
            unreachable!("only those that wait for a message were looked at");
        };
        let first = patterns.first();
        let message = first.map_or(String::new(), |Pattern { peer, tag, .. }| {
            format!(" from {peer} with {tag}")
        });
        let (verb, hint) = match times {
            0 => (
                "waits".to_owned(),
                "see who should send it, and whether another thread or an earlier receive has taken it",
            ),
            times => (
                format!(
                    "has looked {} with {}",
                    count(*times, "time"),
                    stuck.function
                ),
                "see who should send it; a thread that looks without waiting takes the processor from the others",
            ),
        };
        let said = format!(
            "{} {verb} for a message{message}, and nobody sends it",
            stuck.who()
        );
        (Evidence::new(said, hint), vec![place])
    }
}
