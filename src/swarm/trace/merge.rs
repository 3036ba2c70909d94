//! The events of all threads in one order: each thread keeps its own, a message is taken after it was
//! posted, and what these leave open goes by time.
//!
//! Where a run was broken off, the last events of some threads are lost. If a message was taken and its
//! posting is lost, it is left out, and so is all that its reader did afterwards. What remains is a state
//! that the run may have been in. An uncut merge leaves nothing out.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::time::Duration;

use anyhow::Result;

use crate::event::{Deed, Event, Thread};
use crate::protocol::Rank;

/// A thread of a run.
type Who = (Rank, Thread);

/// Messages from one rank to one mailbox: who sends them, and who reads them.
type Flow = (Who, Who);

/// A merge of streams of events, one stream a thread. It holds one event of each.
pub struct Merge<S> {
    streams: Vec<Stream<S>>,
    /// The streams whose next event may come, the earliest first.
    ready: BinaryHeap<Reverse<(Duration, usize)>>,
    /// The streams whose next event takes a message that was not posted yet, by its flow.
    waiting: HashMap<Flow, usize>,
    /// The streams whose next event waits for another thread of their rank: these have one clock.
    behind: Vec<Reverse<(Duration, usize)>>,
    /// The number of messages of each flow that were posted.
    posted: HashMap<Flow, u64>,
    /// The threads that have events left.
    open: HashSet<Who>,
    /// The threads of which every event was there.
    whole: HashSet<Who>,
    /// The streams of each rank's threads.
    of_rank: HashMap<Rank, Vec<usize>>,
    /// An error to return before anything else.
    error: Option<anyhow::Error>,
    /// Whether nothing is left out.
    is_uncut: bool,
}

struct Stream<S> {
    who: Who,
    next: Option<Event>,
    /// Whether the thread has ended, as its own events have it.
    has_ended: bool,
    rest: S,
}

/// What an event needs before it may come.
enum Needs {
    Nothing,
    /// The next message of this flow, which may still be posted.
    Message(Flow),
    /// A message whose posting is lost.
    Lost,
}

impl<S: Iterator<Item = Result<Event>>> Merge<S> {
    /// A merge of streams, each with its thread.
    pub fn new(streams: impl IntoIterator<Item = (Who, S)>) -> Merge<S> {
        Merge::of(streams, false)
    }

    /// The same, but of a run that was broken off nothing is left out: a message may be taken that was
    /// never posted.
    pub fn uncut(streams: impl IntoIterator<Item = (Who, S)>) -> Merge<S> {
        Merge::of(streams, true)
    }

    fn of(streams: impl IntoIterator<Item = (Who, S)>, is_uncut: bool) -> Merge<S> {
        let streams: Vec<_> = streams
            .into_iter()
            .map(|(who, rest)| Stream {
                who,
                next: None,
                has_ended: false,
                rest,
            })
            .collect();
        let mut merge = Merge {
            ready: BinaryHeap::new(),
            waiting: HashMap::new(),
            behind: Vec::new(),
            posted: HashMap::new(),
            open: streams.iter().map(|stream| stream.who).collect(),
            whole: HashSet::new(),
            of_rank: HashMap::new(),
            error: None,
            is_uncut,
            streams,
        };
        for (index, stream) in merge.streams.iter().enumerate() {
            merge.of_rank.entry(stream.who.0).or_default().push(index);
        }
        for index in 0..merge.streams.len() {
            merge.advance(index);
        }
        merge
    }

    /// Turns to the next event of a stream.
    fn advance(&mut self, index: usize) {
        match self.streams[index].rest.next() {
            Some(Ok(event)) => {
                let stream = &mut self.streams[index];
                stream.has_ended |= event.deed == Deed::Ended;
                let needs = self.needs(&event);
                let time = event.time;
                self.streams[index].next = Some(event);
                match needs {
                    Needs::Nothing => self.ready.push(Reverse((time, index))),
                    Needs::Message(flow) => _ = self.waiting.insert(flow, index),
                    Needs::Lost => self.end(index),
                }
            }
            Some(Err(error)) => {
                self.error.get_or_insert(error);
                self.end(index);
            }
            None => self.end(index),
        }
    }

    /// A stream has no more events, or none that can be used.
    fn end(&mut self, index: usize) {
        let stream = &mut self.streams[index];
        let (who, is_whole) = (stream.who, stream.has_ended && stream.next.is_none());
        stream.next = None;
        self.open.remove(&who);
        if is_whole {
            self.whole.insert(who);
        }
        // What it has not posted by now will not be posted.
        let ended = self.waiting.keys().filter(|(sender, _)| *sender == who);
        for flow in ended.copied().collect::<Vec<_>>() {
            if is_whole || self.is_uncut {
                self.release(flow);
            } else if let Some(reader) = self.waiting.remove(&flow) {
                self.end(reader);
            }
        }
    }

    fn needs(&self, event: &Event) -> Needs {
        let Deed::Taken {
            from,
            number,
            letter,
            ..
        } = &event.deed
        else {
            return Needs::Nothing;
        };
        let sender = (*from, Thread::sender(*from, letter));
        let flow = (sender, (event.rank, Thread::reader(letter)));
        let posted = self.posted.get(&flow).copied().unwrap_or_default();
        if posted >= *number || self.whole.contains(&sender) {
            Needs::Nothing
        } else if self.open.contains(&sender) {
            Needs::Message(flow)
        } else if self.is_uncut {
            Needs::Nothing
        } else {
            Needs::Lost
        }
    }

    fn release(&mut self, flow: Flow) {
        if let Some(index) = self.waiting.remove(&flow) {
            let next = self.streams[index].next.as_ref();
            let time = next.expect("it waits with an event").time;
            self.ready.push(Reverse((time, index)));
        }
    }

    /// The flow whose reader has waited longest. For where all wait for each other, which in a sound trace
    /// they never do.
    fn longest_awaited(&self) -> Option<Flow> {
        let time = |index: usize| self.streams[index].next.as_ref().map(|event| event.time);
        let waiting = self.waiting.iter();
        let longest = waiting.min_by_key(|&(flow, &index)| (time(index), *flow));
        longest.map(|(flow, _)| *flow)
    }
}

impl<S: Iterator<Item = Result<Event>>> Iterator for Merge<S> {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Result<Event>> {
        if let Some(error) = self.error.take() {
            return Some(Err(error));
        }
        let index = loop {
            match self.ready.pop() {
                Some(Reverse((time, index))) if self.is_behind(index, time) => {
                    self.behind.push(Reverse((time, index)));
                }
                Some(Reverse((_, index))) => break index,
                None => {
                    let flow = self.longest_awaited()?;
                    self.release(flow);
                }
            }
        };
        self.ready.extend(self.behind.drain(..));
        let event = self.streams[index].next.take().expect("it was ready");
        if let Deed::Posted {
            to, number, letter, ..
        } = &event.deed
        {
            let sender = (event.rank, Thread::sender(event.rank, letter));
            let flow = (sender, (*to, Thread::reader(letter)));
            self.posted.insert(flow, *number);
            let awaited = self.waiting.get(&flow).copied();
            if awaited.is_some_and(|reader| !self.still_waits(reader)) {
                self.release(flow);
            }
        }
        self.advance(index);
        Some(Ok(event))
    }
}

impl<S: Iterator<Item = Result<Event>>> Merge<S> {
    /// Whether another thread of the same rank has an earlier event.
    fn is_behind(&self, index: usize, time: Duration) -> bool {
        let rank = self.streams[index].who.0;
        self.of_rank[&rank].iter().any(|&other| {
            let next = self.streams[other].next.as_ref();
            next.is_some_and(|event| event.time < time)
        })
    }

    fn still_waits(&self, index: usize) -> bool {
        let next = self.streams[index].next.as_ref();
        next.is_some_and(|event| matches!(self.needs(event), Needs::Message(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{FileId, Letter, ToDownload, ToUpload};

    const UPLOAD: Thread = Thread::Upload;
    const DOWNLOAD: Thread = Thread::Download;

    /// What a thread did, and when.
    type Deeds<'a> = (u32, Thread, &'a [(u64, Deed)]);

    /// The times and ranks of the events of some threads, in their order.
    fn merged(streams: &[Deeds<'_>]) -> Vec<(u64, u32)> {
        order(Merge::new(of(streams)))
    }

    fn order(events: impl Iterator<Item = Result<Event>>) -> Vec<(u64, u32)> {
        let events = events.map(|event| event.unwrap());
        events
            .map(|event| (event.time.as_secs(), event.rank.0))
            .collect()
    }

    fn of(
        streams: &[Deeds<'_>],
    ) -> impl Iterator<Item = (Who, impl Iterator<Item = Result<Event>>)> {
        streams.iter().map(|&(rank, thread, deeds)| {
            let event = move |(time, deed): &(u64, Deed)| {
                Ok(Event {
                    time: Duration::from_secs(*time),
                    rank: Rank(rank),
                    thread,
                    deed: deed.clone(),
                })
            };
            ((Rank(rank), thread), deeds.iter().map(event))
        })
    }

    fn request() -> Letter {
        let (file, segment) = (FileId(0), crate::protocol::SegmentIndex(0));
        ToUpload::AvailabilityRequest { file, segment }.into()
    }

    fn posted(to: u32, number: u64, letter: Letter) -> Deed {
        Deed::Posted {
            to: Rank(to),
            number,
            bytes: 1,
            letter,
        }
    }

    fn taken(from: u32, number: u64, letter: Letter) -> Deed {
        Deed::Taken {
            from: Rank(from),
            number,
            bytes: 1,
            letter,
        }
    }

    #[test]
    fn what_nothing_else_orders_goes_by_time() {
        let begun = Deed::Begun;
        let events =
            |times: &[u64]| -> Vec<_> { times.iter().map(|&t| (t, begun.clone())).collect() };
        let order = merged(&[
            (1, UPLOAD, &events(&[1, 4, 3])),
            (2, UPLOAD, &events(&[2, 5])),
        ]);
        assert_eq!(order, [(1, 1), (2, 2), (4, 1), (3, 1), (5, 2)]);
    }

    #[test]
    fn a_message_is_taken_after_it_was_posted_whatever_the_clocks_say() {
        let posts = [
            (10, posted(2, 1, request())),
            (20, posted(2, 2, request())),
            (30, Deed::Ended),
        ];
        let takes = [
            (1, taken(1, 1, request())),
            (2, taken(1, 2, request())),
            (3, Deed::Ended),
        ];
        let expected = [(10, 1), (1, 2), (20, 1), (2, 2), (3, 2), (30, 1)];
        let streams = [(1, DOWNLOAD, &posts[..]), (2, UPLOAD, &takes[..])];
        assert_eq!(merged(&streams), expected);
        assert_eq!(merged(&[streams[1], streams[0]]), expected);
    }

    #[test]
    fn the_threads_of_a_rank_keep_the_order_of_its_clock_even_if_one_has_to_wait() {
        let posts = [(10, posted(2, 1, request()))];
        let takes = [(1, taken(1, 1, request()))];
        let others = [(2, Deed::Begun)];
        let streams = [
            (1, DOWNLOAD, &posts[..]),
            (2, UPLOAD, &takes[..]),
            (2, DOWNLOAD, &others[..]),
        ];
        assert_eq!(merged(&streams), [(10, 1), (1, 2), (2, 2)]);
    }

    #[test]
    fn what_was_taken_and_its_posting_is_lost_is_left_out_with_all_that_follows_from_it() {
        let begun = [(9, Deed::Begun)];
        let takes = [(1, taken(1, 1, request())), (2, posted(3, 1, request()))];
        let last = [(3, Deed::Begun), (4, taken(2, 1, request()))];
        let streams = [
            (1, DOWNLOAD, &begun[..]),
            (2, UPLOAD, &takes[..]),
            (3, UPLOAD, &last[..]),
        ];
        assert_eq!(merged(&streams), [(3, 3), (9, 1)]);
        let uncut = order(Merge::uncut(of(&streams)));
        assert_eq!(uncut, [(3, 3), (4, 3), (9, 1), (1, 2), (2, 2)]);
    }

    #[test]
    fn what_was_taken_and_never_posted_by_a_thread_of_which_all_is_there_stays_for_the_judge() {
        let begun = [(9, Deed::Begun), (10, Deed::Ended)];
        let takes = [(1, taken(1, 1, request())), (2, Deed::Begun)];
        let streams = [(1, DOWNLOAD, &begun[..]), (2, UPLOAD, &takes[..])];
        assert_eq!(merged(&streams), [(9, 1), (10, 1), (1, 2), (2, 2)]);
    }

    #[test]
    fn a_circle_of_messages_that_were_taken_before_they_were_posted_is_broken() {
        let answer = || Letter::from(ToDownload::Grant(FileId(0)));
        let one = [(2, taken(2, 1, answer())), (3, posted(2, 1, request()))];
        let two = [(1, taken(1, 1, request())), (4, posted(1, 1, answer()))];
        let order = merged(&[(1, DOWNLOAD, &one), (2, UPLOAD, &two)]);
        assert_eq!(order, [(1, 2), (4, 2), (2, 1), (3, 1)]);
    }

    #[test]
    fn an_error_is_told_once_and_the_other_events_come() {
        let broken = [Err(anyhow::anyhow!("torn"))];
        let event = Ok(super::super::samples::event(1, 2, Deed::Begun));
        let streams = [
            ((Rank(1), UPLOAD), Vec::from(broken).into_iter()),
            ((Rank(2), DOWNLOAD), vec![event].into_iter()),
        ];
        let mut merge = Merge::new(streams);
        assert_eq!(merge.next().unwrap().unwrap_err().to_string(), "torn");
        assert!(merge.next().unwrap().is_ok());
        assert!(merge.next().is_none());
    }
}
