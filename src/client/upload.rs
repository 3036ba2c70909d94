//! The upload half of a client: it answers requests, and ends when the tracker says so.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::first_copy::FirstCopy;
use super::{Conduct, Leaving, Library, Part};
use crate::protocol::{
    Answer, Availability, Envelope, FileId, Letter, Rank, SegmentAnswer, SegmentHash,
    SegmentRequest, ToDownload, ToUpload,
};
use crate::settings::Settings;
use crate::statistics::{Recorded, Service};

/// Serves what the library holds, including segments of files in progress (R9): one segment after
/// another, each of which takes the upload link some time. What needs no link is answered at once.
#[derive(Debug)]
pub struct Upload {
    library: Arc<Library>,
    conduct: Conduct,
    /// How long a segment occupies the link.
    upload_time: Duration,
    /// How many segments may be on the link and behind it, if not any number.
    slots: Option<NonZeroUsize>,
    /// Those segments, with the times at which they are through.
    link: VecDeque<(Duration, Envelope)>,
    service: Recorded<Service>,
    /// What has to go out before the client leaves, if it leaves after that.
    first_copy: Option<FirstCopy>,
    has_left: bool,
    stopped: bool,
}

impl Upload {
    pub(super) fn new(library: Arc<Library>, conduct: Conduct, settings: &Settings) -> Upload {
        Upload {
            library,
            conduct,
            upload_time: settings.upload_time,
            slots: settings.upload_slots,
            link: VecDeque::new(),
            service: Recorded::default(),
            first_copy: None,
            has_left: false,
            stopped: false,
        }
    }

    /// The same, in a part, of a client that owns files with so many segments.
    pub(super) fn playing(self, part: Part, owned: &[(FileId, usize)]) -> Upload {
        let is_first_copy = part.leaving == Leaving::AfterOneCopy;
        Upload {
            upload_time: part.upload_time.unwrap_or(self.upload_time),
            first_copy: FirstCopy::of(owned).filter(|_| is_first_copy),
            ..self
        }
    }

    /// How it answers now: who has left serves nobody.
    fn conduct(&self) -> Conduct {
        if self.has_left {
            Conduct::FreeRider
        } else {
            self.conduct
        }
    }

    /// How many messages it posts at most while nobody takes any: an answer for each segment that
    /// another client has in flight.
    pub fn most_untaken(clients: usize, settings: &Settings) -> usize {
        settings.window.get().saturating_mul(clients)
    }

    /// Takes the next message. Times are since the client's INIT_ACK.
    ///
    /// # Errors
    /// When the protocol has no place for it: anything after STOP, and a STOP that is not the
    /// tracker's.
    pub fn step(
        &mut self,
        now: Duration,
        from: Rank,
        message: ToUpload,
        post: &mut Vec<Envelope>,
    ) -> Result<()> {
        ensure!(!self.stopped, "it was stopped already");
        self.has_left |= self.library.is_closed(now);
        self.pass(now, post);
        match message {
            ToUpload::SegmentRequest(SegmentRequest {
                file,
                segment,
                hash,
            }) => {
                let answer = match self.conduct() {
                    Conduct::Honest => match self.library.segment(file, segment) {
                        Some(held) if held == hash => Answer::Ack(held),
                        Some(_) | None => Answer::Nack,
                    },
                    Conduct::Corrupt => Answer::Ack(another_than(hash)),
                    Conduct::FreeRider => Answer::Nack,
                };
                let reply = |answer| {
                    let answer = SegmentAnswer {
                        file,
                        segment,
                        answer,
                    };
                    Envelope::new(from, ToDownload::Segment(answer))
                };
                if answer == Answer::Nack {
                    self.service.refused += 1;
                    post.push(reply(answer));
                } else if let Some(room) = self.room() {
                    self.service.busy += 1;
                    post.push(reply(Answer::Busy(room.saturating_sub(now))));
                } else {
                    self.service.served += 1;
                    self.serve(now, reply(answer));
                }
            }
            ToUpload::AvailabilityRequest { file, segment } => {
                let holds = match self.conduct() {
                    Conduct::Honest => self.library.segment(file, segment).is_some(),
                    Conduct::Corrupt => true,
                    Conduct::FreeRider => false,
                };
                let load = u32::try_from(self.link.len()).unwrap_or(u32::MAX);
                let reply = ToDownload::Availability(Availability {
                    file,
                    segment,
                    load: holds.then_some(load),
                });
                post.push(Envelope::new(from, reply));
            }
            ToUpload::Stop => {
                ensure!(from == Rank::TRACKER, "only the tracker stops anybody");
                self.stopped = true;
            }
        }
        self.pass(now, post); // at once, where serving takes no time
        Ok(())
    }

    /// When there will be room on the link, if there is none.
    fn room(&self) -> Option<Duration> {
        let first_to_leave = self.link.len().checked_sub(self.slots?.get())?;
        self.link.get(first_to_leave).map(|(through, _)| *through)
    }

    /// Puts a segment on the link, behind those that are there.
    fn serve(&mut self, now: Duration, reply: Envelope) {
        let free = self.link.back().map_or(now, |(through, _)| *through);
        self.link
            .push_back((free.max(now) + self.upload_time, reply));
    }

    /// When the next segment is through the link, if one is on it. [`Upload::pass`] is to be called
    /// then.
    pub fn due(&self) -> Option<Duration> {
        self.link.front().map(|(through, _)| *through)
    }

    /// Posts what is through the link.
    pub fn pass(&mut self, now: Duration, post: &mut Vec<Envelope>) {
        while self.due().is_some_and(|through| through <= now) {
            let Some((_, reply)) = self.link.pop_front() else {
                return;
            };
            if let (Some(copy), Letter::ToDownload(ToDownload::Segment(answer))) =
                (&mut self.first_copy, &reply.letter)
                && copy.is_out_with(answer)
            {
                self.library.close(now);
            }
            post.push(reply);
        }
    }

    /// Whether the client has left, as of the last message.
    pub fn has_left(&self) -> bool {
        self.has_left
    }

    /// Whether STOP has come (R10).
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// What it was asked for.
    pub fn service(&self) -> Service {
        *self.service
    }
}

/// A hash that is not this one.
fn another_than(hash: SegmentHash) -> SegmentHash {
    let mut characters = *hash.as_bytes();
    characters[0] = if characters[0] == b'0' { b'1' } else { b'0' };
    SegmentHash::new(&characters).expect("a digit is printable")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::SegmentIndex;
    use crate::protocol::samples::{hash, hashes};

    const OWNED: FileId = FileId(0);
    const COMING: FileId = FileId(1);
    const NOW: Duration = Duration::ZERO;

    fn upload() -> Upload {
        let library = Arc::new(Library::default());
        library.own(OWNED, hashes("ab"));
        library.expect(COMING, hashes("cd"));
        Upload::new(library, Conduct::Honest, &Settings::default())
    }

    /// What rank 7 is answered.
    fn answer(upload: &mut Upload, file: FileId, segment: usize, hash: SegmentHash) -> Answer {
        let segment = SegmentIndex(segment);
        let request = ToUpload::SegmentRequest(SegmentRequest {
            file,
            segment,
            hash,
        });
        let mut post = Vec::new();
        upload.step(NOW, Rank(7), request, &mut post).unwrap();
        let [ack, nack] = [Answer::Ack(hash), Answer::Nack].map(|answer| {
            let message = ToDownload::Segment(SegmentAnswer {
                file,
                segment,
                answer,
            });
            vec![Envelope::new(Rank(7), message)]
        });
        if post == ack {
            return Answer::Ack(hash);
        }
        assert_eq!(post, nack);
        Answer::Nack
    }

    #[test]
    fn r9_what_is_held_is_acknowledged_and_what_is_not_is_refused() {
        let mut upload = upload();
        assert_eq!(
            answer(&mut upload, OWNED, 1, hash(b'b')),
            Answer::Ack(hash(b'b'))
        );
        assert_eq!(
            answer(&mut upload, OWNED, 1, hash(b'a')),
            Answer::Nack,
            "another segment"
        );
        assert_eq!(
            answer(&mut upload, OWNED, 2, hash(b'a')),
            Answer::Nack,
            "beyond the end"
        );
        assert_eq!(
            answer(&mut upload, FileId(9), 0, hash(b'a')),
            Answer::Nack,
            "another file"
        );
    }

    #[test]
    fn r9_a_segment_of_a_file_in_progress_is_served_as_soon_as_it_is_held() {
        let mut upload = upload();
        assert_eq!(answer(&mut upload, COMING, 1, hash(b'd')), Answer::Nack);
        upload.library.store(COMING, SegmentIndex(1), hash(b'd'));
        assert_eq!(
            answer(&mut upload, COMING, 1, hash(b'd')),
            Answer::Ack(hash(b'd'))
        );
        assert_eq!(answer(&mut upload, COMING, 0, hash(b'c')), Answer::Nack);
    }

    #[test]
    fn a_corrupt_client_answers_every_request_with_a_wrong_hash() {
        let mut upload = Upload {
            conduct: Conduct::Corrupt,
            ..upload()
        };
        let mut post = Vec::new();
        for (file, segment, hash) in [(OWNED, 1, hash(b'b')), (COMING, 0, hash(b'0'))] {
            let segment = SegmentIndex(segment);
            let request = ToUpload::SegmentRequest(SegmentRequest {
                file,
                segment,
                hash,
            });
            upload.step(NOW, Rank(7), request, &mut post).unwrap();
            let sent = post.pop().map(|envelope| envelope.letter);
            let Some(Letter::ToDownload(ToDownload::Segment(answer))) = sent else {
                panic!("expected SEGMENT, found {sent:?}");
            };
            assert!(matches!(answer.answer, Answer::Ack(other) if other != hash));
        }
    }

    #[test]
    fn r10_it_ends_on_the_trackers_stop_and_on_nothing_else() {
        let mut upload = upload();
        answer(&mut upload, OWNED, 0, hash(b'a'));
        assert!(!upload.is_stopped());
        assert!(
            upload
                .step(NOW, Rank(3), ToUpload::Stop, &mut Vec::new())
                .is_err()
        );
        assert!(!upload.is_stopped());
        upload
            .step(NOW, Rank::TRACKER, ToUpload::Stop, &mut Vec::new())
            .unwrap();
        assert!(upload.is_stopped());
        assert!(
            upload
                .step(NOW, Rank::TRACKER, ToUpload::Stop, &mut Vec::new())
                .is_err()
        );
    }

    const fn milliseconds(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// Asks, as rank `from` at a time, for a segment of the owned file.
    fn ask(upload: &mut Upload, time: u64, from: u32, segment: usize) -> Vec<Envelope> {
        let letter = *b"abc".get(segment).expect("a position");
        let request = ToUpload::SegmentRequest(SegmentRequest {
            file: OWNED,
            segment: SegmentIndex(segment),
            hash: hash(letter),
        });
        let mut post = Vec::new();
        upload
            .step(milliseconds(time), Rank(from), request, &mut post)
            .unwrap();
        post
    }

    fn load(upload: &mut Upload, time: u64, segment: usize) -> Option<u32> {
        let request = ToUpload::AvailabilityRequest {
            file: OWNED,
            segment: SegmentIndex(segment),
        };
        let mut post = Vec::new();
        upload
            .step(milliseconds(time), Rank(9), request, &mut post)
            .unwrap();
        let offer = post
            .into_iter()
            .rfind(|envelope| envelope.to == Rank(9))
            .map(|envelope| envelope.letter);
        let Some(Letter::ToDownload(ToDownload::Availability(offer))) = offer else {
            panic!("expected AVAILABILITY, found {offer:?}");
        };
        offer.load
    }

    #[test]
    fn segments_take_the_link_one_after_another_and_all_else_is_answered_at_once() {
        let mut upload = Upload {
            upload_time: milliseconds(5),
            slots: None,
            ..upload()
        };
        let passed = |upload: &mut Upload, time: u64| {
            let mut post = Vec::new();
            upload.pass(milliseconds(time), &mut post);
            post.iter()
                .map(|envelope| envelope.to.0)
                .collect::<Vec<_>>()
        };
        assert_eq!(upload.due(), None);
        assert_eq!(ask(&mut upload, 100, 3, 0), []);
        assert_eq!(ask(&mut upload, 101, 4, 1), []);
        assert_eq!(ask(&mut upload, 101, 5, 2).len(), 1, "a refusal");
        assert_eq!(load(&mut upload, 101, 0), Some(2));
        assert_eq!(load(&mut upload, 101, 2), None);
        assert_eq!(upload.due(), Some(milliseconds(105)));
        assert!(passed(&mut upload, 104).is_empty());
        assert_eq!(passed(&mut upload, 106), [3]);
        assert_eq!(load(&mut upload, 106, 0), Some(1));
        assert_eq!(
            upload.due(),
            Some(milliseconds(110)),
            "it was behind the first one"
        );
        let late = ask(&mut upload, 112, 6, 0);
        assert_eq!(
            late.len(),
            1,
            "what is through by then is posted with whatever comes"
        );
        assert_eq!(
            upload.due(),
            Some(milliseconds(117)),
            "the link was free since 110"
        );
        assert_eq!(passed(&mut upload, 117), [6]);
        assert_eq!(
            upload.service(),
            Service {
                served: 3,
                refused: 1,
                busy: 0
            }
        );
    }

    #[test]
    fn who_comes_when_all_slots_are_taken_is_told_when_one_is_free() {
        let mut upload = Upload {
            upload_time: milliseconds(5),
            ..upload()
        };
        let busy = |post: Vec<Envelope>| {
            let letter = post.into_iter().next_back()?.letter;
            let Letter::ToDownload(ToDownload::Segment(SegmentAnswer {
                answer: Answer::Busy(time),
                ..
            })) = letter
            else {
                return None;
            };
            Some(time)
        };
        assert_eq!(ask(&mut upload, 100, 3, 0), []);
        assert_eq!(ask(&mut upload, 101, 4, 0), []);
        let nack = ask(&mut upload, 101, 5, 2);
        assert_eq!(
            (nack.len(), busy(nack)),
            (1, None),
            "a refusal needs no slot"
        );
        assert_eq!(busy(ask(&mut upload, 102, 5, 1)), Some(milliseconds(3)));
        let post = ask(&mut upload, 105, 5, 1);
        assert_eq!(post.len(), 1, "the first one is through: a slot is free");
        assert_eq!(post[0].to, Rank(3));
        assert_eq!(busy(ask(&mut upload, 106, 6, 1)), Some(milliseconds(4)));
        assert_eq!(upload.service().busy, 2);
    }
}
