//! The upload half of a client: it answers requests until the tracker stops it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::first_copy::FirstCopy;
use super::hints::Hints;
use super::link::Link;
use super::{Conduct, Leaving, Library, Outbox, Part};
use crate::event::Deed;
use crate::protocol::{
    Answer, Availability, Envelope, FileId, Letter, Rank, SegmentAnswer, SegmentHash,
    SegmentRequest, ToDownload, ToUpload,
};
use crate::settings::Settings;
use crate::statistics::{Recorded, Service};

/// Serves what the library holds, including segments of files in progress (R9). Segments go through
/// the upload link one after another. Answers without a segment do not wait for the link.
#[derive(Debug)]
pub struct Upload {
    me: Rank,
    library: Arc<Library>,
    conduct: Conduct,
    link: Link,
    /// The hints for refusals. `None` where serving takes no time.
    hints: Option<Hints>,
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
        me: Rank,
        library: Arc<Library>,
        owned: &[(FileId, usize)],
        settings: &Settings,
        part: Part,
    ) -> Upload {
        let upload_time = part.upload_time.unwrap_or(settings.upload_time);
        let is_first_copy = part.leaving == Leaving::AfterOneCopy;
        Upload {
            me,
            library,
            conduct: part.conduct,
            link: Link::new(upload_time, settings.upload_slots),
            hints: (!upload_time.is_zero()).then(Hints::default),
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
    /// another client has in flight.
    pub fn most_untaken(clients: usize, settings: &Settings) -> usize {
        settings.window.get().saturating_mul(clients)
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
        if !self.has_left && self.library.is_closed(now) {
            self.has_left = true;
            outbox.did(Deed::Left);
        }
        self.pass(now, outbox);
        match message {
            ToUpload::SegmentRequest(request) => self.answer(now, from, &request, outbox),
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
        } = request;
        let conduct = self.conduct();
        let hash = match conduct {
            Conduct::Honest => (self.library.segment(file, segment)).filter(|&held| held == hash),
            Conduct::Corrupt => Some(another_than(hash)),
            Conduct::FreeRider => None,
        };
        let reply = |answer, hints| {
            let answer = SegmentAnswer {
                file,
                segment,
                answer,
                hints,
            };
            Envelope::new(from, ToDownload::Segment(answer))
        };
        let (me, library) = (self.me, &self.library);
        let hints = self.hints.as_mut().filter(|_| conduct == Conduct::Honest);
        let Some(hash) = hash else {
            self.service.refused += 1;
            let hints = hints.map(|hints| hints.for_nack(me, from, file, library));
            outbox.post(reply(Answer::Nack, hints.unwrap_or_default()));
            return;
        };
        if let Err(time) = self.link.admit(now, from) {
            self.service.busy += 1;
            let hints = hints.map(|hints| hints.for_busy(me, from, file, library));
            let answer = Answer::Busy(time.saturating_sub(now));
            outbox.post(reply(answer, hints.unwrap_or_default()));
            return;
        }
        self.service.served += 1;
        if let Some(hints) = hints {
            hints.admitted(from, file, segment);
        }
        self.link.push(now, reply(Answer::Ack(hash), Vec::new()));
    }

    /// When the next segment is through the link, if one is on it. Call [`Upload::pass`] then.
    pub fn due(&self) -> Option<Duration> {
        self.link.due()
    }

    /// Posts the segments that are through the link.
    pub fn pass(&mut self, now: Duration, outbox: &mut Outbox) {
        while let Some(reply) = self.link.pop(now) {
            if let Letter::ToDownload(ToDownload::Segment(sent)) = &reply.letter {
                if let Some(hints) = &mut self.hints {
                    hints.sent(reply.to, sent.file, sent.segment);
                }
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
