//! The first copy of a client's own files: once it is out, the others can go on without the owner.

use std::collections::BTreeMap;

use crate::protocol::{Answer, FileId, SegmentAnswer, SegmentSet};

/// The owned segments that were sent at least once.
#[derive(Debug)]
pub(super) struct FirstCopy {
    sent: BTreeMap<FileId, SegmentSet>,
    /// The number of owned segments that were not sent yet.
    lacking: usize,
}

impl FirstCopy {
    /// Nothing is sent yet of these files, each given with its number of segments. `None` if they
    /// have no segments.
    pub(super) fn of(owned: &[(FileId, usize)]) -> Option<FirstCopy> {
        let sent = owned
            .iter()
            .map(|&(file, segments)| (file, SegmentSet::none(segments)));
        let lacking = owned.iter().map(|(_, segments)| segments).sum();
        (lacking > 0).then(|| FirstCopy {
            sent: sent.collect(),
            lacking,
        })
    }

    /// Notes an answer that goes out. Returns whether it is the one that completes the first copy.
    pub(super) fn is_out_with(&mut self, answer: &SegmentAnswer) -> bool {
        let is_new = matches!(answer.answer, Answer::Ack(_))
            && (self.sent.get_mut(&answer.file)).is_some_and(|sent| sent.insert(answer.segment));
        self.lacking -= usize::from(is_new);
        is_new && self.lacking == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::SegmentIndex;
    use crate::protocol::samples::hash;

    #[test]
    fn a_copy_is_out_when_every_owned_segment_was_sent_once() {
        let [f, g, other] = [1, 2, 3].map(FileId);
        let answer = |file, segment, answer| SegmentAnswer {
            file,
            segment: SegmentIndex(segment),
            answer,
            gained: vec![],
        };
        let ack = |file, segment| answer(file, segment, Answer::Ack(hash(b'a')));
        let mut copy = FirstCopy::of(&[(f, 2), (g, 1)]).unwrap();
        for sent in [
            ack(f, 0),
            ack(f, 0),
            ack(other, 0),
            answer(f, 1, Answer::Nack),
            ack(g, 0),
        ] {
            assert!(!copy.is_out_with(&sent), "{sent:?}");
        }
        assert!(copy.is_out_with(&ack(f, 1)));
        assert!(!copy.is_out_with(&ack(f, 1)), "it is out already");
        assert!(
            FirstCopy::of(&[(f, 0)]).is_none(),
            "there is nothing to copy"
        );
    }
}
