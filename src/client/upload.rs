//! The upload half of a client: it answers requests, and ends when the tracker says so.

use std::sync::Arc;

use anyhow::{Result, ensure};

use super::{Conduct, Library};
use crate::protocol::{
    Answer, Envelope, Rank, SegmentAnswer, SegmentHash, SegmentRequest, ToDownload, ToUpload,
};

/// Serves what the library holds, including segments of files in progress (R9).
#[derive(Debug)]
pub struct Upload {
    library: Arc<Library>,
    conduct: Conduct,
    stopped: bool,
}

impl Upload {
    pub(super) fn new(library: Arc<Library>, conduct: Conduct) -> Upload {
        Upload {
            library,
            conduct,
            stopped: false,
        }
    }

    /// Takes the next message.
    ///
    /// # Errors
    /// When the protocol has no place for it: anything after STOP, and a STOP that is not the
    /// tracker's.
    pub fn step(&mut self, from: Rank, message: ToUpload, post: &mut Vec<Envelope>) -> Result<()> {
        ensure!(!self.stopped, "it was stopped already");
        match message {
            ToUpload::SegmentRequest(SegmentRequest {
                file,
                segment,
                hash,
            }) => {
                let answer = match self.conduct {
                    Conduct::Honest => match self.library.segment(file, segment) {
                        Some(held) if held == hash => Answer::Ack(held),
                        Some(_) | None => Answer::Nack,
                    },
                    Conduct::Corrupt => Answer::Ack(another_than(hash)),
                };
                post.push(Envelope::new(
                    from,
                    ToDownload::Segment(SegmentAnswer {
                        file,
                        segment,
                        answer,
                    }),
                ));
            }
            ToUpload::Stop => {
                ensure!(from == Rank::TRACKER, "only the tracker stops anybody");
                self.stopped = true;
            }
        }
        Ok(())
    }

    /// Whether STOP has come (R10).
    pub fn is_stopped(&self) -> bool {
        self.stopped
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
    use crate::protocol::samples::{hash, hashes};
    use crate::protocol::{FileId, Letter, SegmentIndex};

    const OWNED: FileId = FileId(0);
    const COMING: FileId = FileId(1);

    fn upload() -> Upload {
        let library = Arc::new(Library::default());
        library.own(OWNED, hashes("ab"));
        library.expect(COMING, hashes("cd"));
        Upload::new(library, Conduct::Honest)
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
        upload.step(Rank(7), request, &mut post).unwrap();
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
            upload.step(Rank(7), request, &mut post).unwrap();
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
                .step(Rank(3), ToUpload::Stop, &mut Vec::new())
                .is_err()
        );
        assert!(!upload.is_stopped());
        upload
            .step(Rank::TRACKER, ToUpload::Stop, &mut Vec::new())
            .unwrap();
        assert!(upload.is_stopped());
        assert!(
            upload
                .step(Rank::TRACKER, ToUpload::Stop, &mut Vec::new())
                .is_err()
        );
    }
}
