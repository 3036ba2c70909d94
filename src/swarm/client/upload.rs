//! The upload half of a client: it answers requests until the tracker stops it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::first_copy::FirstCopy;
use super::link::Link;
use super::queue::Queue;
use super::{Conduct, Leaving, Library, Outbox, Part};
use crate::event::Deed;
use crate::protocol::{
    Answer, Availability, Call, Decline, Envelope, FileId, Letter, Rank, SegmentAnswer,
    SegmentHash, SegmentIndex, SegmentRequest, ToDownload, ToUpload,
};
use crate::settings::Settings;
use crate::statistics::{Recorded, Service};

/// Serves what the library holds, including segments of files in progress (R9). Segments go through
/// the upload link one after another. Answers without a segment do not wait for the link.
#[derive(Debug)]
pub struct Upload {
    library: Arc<Library>,
    conduct: Conduct,
    link: Link,
    /// Who waits for the link. `None` where nobody does: serving takes no time, slots are not limited, or
    /// the client serves nobody.
    queue: Option<Queue>,
    service: Recorded<Service>,
    /// What the client still has to send before it leaves. `None` unless its part is
    /// [`Leaving::AfterOneCopy`].
    first_copy: Option<FirstCopy>,
    has_left: bool,
    stopped: bool,
}

impl Upload {
    /// Of a client that owns files with these numbers of segments.
    pub(super) fn new(
        library: Arc<Library>,
        owned: &[(FileId, usize)],
        settings: &Settings,
        part: Part,
    ) -> Upload {
        let upload_time = part.upload_time.unwrap_or(settings.upload_time);
        let has_queue = !upload_time.is_zero()
            && settings.upload_slots.is_some()
            && part.conduct != Conduct::FreeRider;
        let is_first_copy = part.leaving == Leaving::AfterOneCopy;
        Upload {
            library,
            conduct: part.conduct,
            link: Link::new(upload_time, settings.upload_slots),
            queue: has_queue.then(|| Queue::new(upload_time)),
            service: Recorded::default(),
            first_copy: FirstCopy::of(owned).filter(|_| is_first_copy),
            has_left: false,
            stopped: false,
        }
    }

    /// How it answers now: a client that has left refuses everything.
    fn conduct(&self) -> Conduct {
        if self.has_left() {
            Conduct::FreeRider
        } else {
            self.conduct
        }
    }

    /// The most messages that it posts while nobody takes any: an answer for each segment that
    /// another client has in flight, and a call to each.
    pub fn most_untaken(clients: usize, settings: &Settings) -> usize {
        (settings.window.get().saturating_add(1)).saturating_mul(clients)
    }

    /// Takes the next message. Times are since the client's INIT_ACK.
    ///
    /// # Errors
    /// When the message breaks the protocol: anything after STOP, and a STOP that the tracker did
    /// not send.
    pub fn step(
        &mut self,
        now: Duration,
        from: Rank,
        message: ToUpload,
        outbox: &mut Outbox,
    ) -> Result<()> {
        ensure!(!self.stopped, "it was stopped already");
        self.let_through(now, outbox);
        self.leave_if_it_is_time(now, outbox);
        match message {
            ToUpload::SegmentRequest(request) => self.answer(now, from, &request, outbox),
            ToUpload::Decline(decline) => self.declined(from, &decline, outbox),
            ToUpload::AvailabilityRequest { file, segment } => {
                let holds = match self.conduct() {
                    Conduct::Honest => self.library.segment(file, segment).is_some(),
                    Conduct::Corrupt => true,
                    Conduct::FreeRider => false,
                };
                let load = u32::try_from(self.link.load()).unwrap_or(u32::MAX);
                let reply = ToDownload::Availability(Availability {
                    file,
                    segment,
                    load: holds.then_some(load),
                });
                outbox.send(from, reply);
            }
            ToUpload::Stop => {
                ensure!(from == Rank::TRACKER, "only the tracker stops anybody");
                self.stopped = true;
            }
        }
        self.pass(now, outbox); // at once, where serving takes no time
        if self.stopped {
            outbox.did(Deed::Ended);
        }
        Ok(())
    }

    fn answer(&mut self, now: Duration, from: Rank, request: &SegmentRequest, outbox: &mut Outbox) {
        let &SegmentRequest {
            file,
            segment,
            hash,
            is_called,
            ref gained,
        } = request;
        let conduct = self.conduct();
        let mut room = self.link.room();
        if let Some(queue) = &mut self.queue {
            room = room.saturating_sub(queue.kept(from, file, is_called));
            queue.hear(from, file, gained, &self.library);
            queue.comes(from, file, is_called);
        }
        let hash = match conduct {
            Conduct::Honest => (self.library.segment(file, segment)).filter(|&held| held == hash),
            Conduct::Corrupt => Some(another_than(hash)),
            Conduct::FreeRider => None,
        };
        let answer = match (hash, &mut self.queue) {
            (Some(hash), queue) if room > 0 => {
                self.service.served += 1;
                if let Some(queue) = queue {
                    queue.serves(from, file, segment);
                }
                Answer::Ack(hash)
            }
            (_, Some(queue)) if conduct != Conduct::FreeRider => {
                self.service.busy += 1;
                queue.wait(from, file);
                Answer::Busy
            }
            (_, queue) => {
                self.service.refused += 1;
                if let Some(queue) = queue
                    && queue.dismisses(from, file)
                {
                    self.dismiss(from, file, outbox);
                }
                Answer::Nack
            }
        };
        let is_ack = matches!(answer, Answer::Ack(_));
        let reply = SegmentAnswer {
            file,
            segment,
            answer,
            gained: Vec::new(),
        };
        if is_ack {
            self.link
                .push(now, Envelope::new(from, ToDownload::Segment(reply)));
        } else {
            let gained = self.news(from, file);
            outbox.send(from, ToDownload::Segment(SegmentAnswer { gained, ..reply }));
        }
    }

    fn declined(&mut self, from: Rank, decline: &Decline, outbox: &mut Outbox) {
        let &Decline {
            file,
            waits,
            ref gained,
        } = decline;
        let has_left = self.has_left();
        let Some(queue) = &mut self.queue else {
            return;
        };
        queue.hear(from, file, gained, &self.library);
        if !waits {
            queue.leaves(from, file);
            self.tell_it_is_over(from, file, true, outbox);
            return;
        }
        queue.declines(from, file);
        if has_left && queue.dismisses(from, file) {
            self.dismiss(from, file, outbox);
        }
    }

    /// What a client is told of this one's segments.
    fn news(&mut self, to: Rank, file: FileId) -> Vec<SegmentIndex> {
        let is_honest = self.conduct() == Conduct::Honest;
        let queue = self.queue.as_mut().filter(|_| is_honest);
        queue.map_or_else(Vec::new, |queue| queue.news(to, file, &self.library))
    }

    /// Tells a client that it waits no longer.
    fn dismiss(&mut self, client: Rank, file: FileId, outbox: &mut Outbox) {
        self.tell_it_is_over(client, file, false, outbox);
    }

    fn tell_it_is_over(
        &mut self,
        client: Rank,
        file: FileId,
        is_farewell: bool,
        outbox: &mut Outbox,
    ) {
        let gained = self.news(client, file);
        let call = Call {
            file,
            segment: None,
            is_farewell,
            gained,
        };
        outbox.send(client, ToDownload::Call(call));
    }

    /// Calls clients that wait, as long as slots are free.
    fn call(&mut self, now: Duration, outbox: &mut Outbox) {
        if self.has_left {
            return;
        }
        let Some(queue) = &mut self.queue else {
            return;
        };
        queue.catch_up(&self.library);
        if self.link.load() == 0 {
            queue.let_lapse(now);
        }
        while let Some(queue) = &mut self.queue
            && let Some((client, file, segment)) = queue.next(now, self.link.room())
        {
            let gained = self.news(client, file);
            let call = Call {
                file,
                segment: Some(segment),
                is_farewell: false,
                gained,
            };
            outbox.send(client, ToDownload::Call(call));
        }
    }

    /// When there is something to do without a message, if ever. Call [`Upload::pass`] then.
    pub fn due(&self) -> Option<Duration> {
        let waits = self
            .queue
            .as_ref()
            .filter(|queue| !self.has_left && queue.waiting() > 0);
        let nudge = self.is_nudged().then_some(Duration::ZERO);
        let lapse = waits
            .filter(|_| self.link.load() == 0)
            .and_then(Queue::lapses);
        let closes = waits.and_then(|_| self.library.closes());
        [self.link.due(), nudge, lapse, closes]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether the other half has gained what somebody may wait for.
    pub fn is_nudged(&self) -> bool {
        let queue = self
            .queue
            .as_ref()
            .filter(|_| !self.has_left && self.link.room() > 0);
        queue.is_some_and(|queue| queue.is_behind(&self.library))
    }

    /// Time has passed: posts the segments that are through the link, and calls who waits for it.
    pub fn pass(&mut self, now: Duration, outbox: &mut Outbox) {
        self.let_through(now, outbox);
        self.leave_if_it_is_time(now, outbox);
        self.call(now, outbox);
    }

    fn leave_if_it_is_time(&mut self, now: Duration, outbox: &mut Outbox) {
        if !self.has_left && self.library.is_closed(now) {
            self.has_left = true;
            outbox.did(Deed::Left);
            let dismissed = self.queue.as_mut().map(Queue::dismiss_all);
            for (client, file) in dismissed.unwrap_or_default() {
                self.dismiss(client, file, outbox);
            }
        }
    }

    /// Posts the segments that are through the link.
    fn let_through(&mut self, now: Duration, outbox: &mut Outbox) {
        while let Some(mut reply) = self.link.pop(now) {
            if let Letter::ToDownload(ToDownload::Segment(sent)) = &mut reply.letter {
                sent.gained = self.news(reply.to, sent.file);
                if let Some(copy) = &mut self.first_copy
                    && copy.is_out_with(sent)
                {
                    self.library.close(now);
                }
            }
            outbox.post(reply);
        }
    }

    /// Whether the client has left, as of the last message.
    pub(super) fn has_left(&self) -> bool {
        self.has_left
    }

    /// Whether STOP has come (R10).
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Whether a segment is on its link, as of the last message or moment.
    pub fn is_sending(&self) -> bool {
        self.link.load() > 0
    }

    /// What the client holds.
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// How many requests it has served and refused.
    pub fn service(&self) -> Service {
        *self.service
    }
}

/// A hash that differs from this one.
fn another_than(hash: SegmentHash) -> SegmentHash {
    let mut characters = *hash.as_bytes();
    characters[0] = if characters[0] == b'0' { b'1' } else { b'0' };
    SegmentHash::new(&characters).expect("a digit is printable")
}

#[cfg(test)]
mod tests;
