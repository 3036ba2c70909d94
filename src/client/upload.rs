//! The upload half of a client: it answers requests, and ends when the tracker says so.

use std::sync::Arc;

use anyhow::{Result, ensure};

use super::Library;
use crate::protocol::{
    Answer, Envelope, Rank, SegmentAnswer, SegmentRequest, ToDownload, ToUpload,
};

/// Serves what the library holds, including segments of files in progress (R9).
#[derive(Debug)]
pub struct Upload {
    library: Arc<Library>,
    stopped: bool,
}

impl Upload {
    pub(super) fn new(library: Arc<Library>) -> Upload {
        Upload {
            library,
            stopped: false,
        }
    }

    /// Takes the next message.
    ///
    /// # Errors
    /// When the protocol has no place for it: anything after STOP, and a STOP that is not the tracker's.
    pub fn step(&mut self, from: Rank, message: ToUpload, post: &mut Vec<Envelope>) -> Result<()> {
        ensure!(!self.stopped, "{message:?} after STOP");
        match message {
            ToUpload::SegmentRequest(SegmentRequest {
                file,
                segment,
                hash,
            }) => {
                let held = self
                    .library
                    .segment(file, segment)
                    .filter(|&held| held == hash);
                let answer = held.map_or(Answer::Nack, Answer::Ack);
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
                ensure!(from == Rank::TRACKER, "STOP from a client");
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
