//! A message as bytes. The encoding is postcard's; the tag travels beside it.

use anyhow::{Context, Result, anyhow, ensure};
use postcard::ser_flavors::{Flavor, Size};
use serde::Serialize;

use super::{Letter, Message, Tag, Thread, ToDownload, ToTracker, ToUpload};

/// Appends the encoding of a message, or of another value, to `bytes`.
pub fn encode(value: &impl Serialize, bytes: &mut Vec<u8>) {
    postcard::serialize_with_flavor(value, End(bytes)).expect("a vector takes anything");
}

/// The end of a buffer. Postcard's own way to it takes a byte for an iterator, which is slower.
struct End<'a>(&'a mut Vec<u8>);

impl Flavor for End<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        match bytes {
            [byte] => self.0.push(*byte), // most numbers: no call of a copy for one byte
            _ => self.0.extend_from_slice(bytes),
        }
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// The length of the encoding of `value`, in bytes.
pub(super) fn size(value: &impl Serialize) -> usize {
    postcard::serialize_with_flavor(value, Size::default()).expect("counting takes anything")
}

/// Reads one whole message that came under `tag`.
///
/// # Errors
/// When no message has this tag, or the bytes are not exactly one message of this mailbox and kind.
pub fn decode<M: Message>(tag: i32, bytes: &[u8]) -> Result<M> {
    let tag = known(tag)?;
    let (message, rest) = postcard::take_from_bytes::<M>(bytes).map_err(|error| {
        let length = bytes.len();
        anyhow!("expected {tag}, found {length} bytes that are none: {error}")
    })?;
    let (surplus, content) = (rest.len(), message.tag());
    ensure!(
        surplus == 0,
        "expected {tag}, found it and {surplus} more bytes"
    );
    ensure!(content == tag, "expected {tag}, found {content} inside");
    Ok(message)
}

fn known(tag: i32) -> Result<Tag> {
    Tag::from_number(tag)
        .with_context(|| format!("expected a message, found the unknown tag {tag}"))
}

/// Reads one whole message of any mailbox, which follows from its tag.
///
/// # Errors
/// As [`decode`].
pub fn decode_letter(tag: i32, bytes: &[u8]) -> Result<Letter> {
    match known(tag)?.reader() {
        Thread::Tracker => decode::<ToTracker>(tag, bytes).map(Letter::from),
        Thread::Download => decode::<ToDownload>(tag, bytes).map(Letter::from),
        Thread::Upload => decode::<ToUpload>(tag, bytes).map(Letter::from),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{messages, owned};
    use super::super::*;
    use super::*;

    /// A message round-trips, its encoding is `golden`, and neither less nor more than that is the
    /// message.
    fn check<M: Message + PartialEq + Clone + Into<Letter>>(message: M, golden: &[u8]) {
        let mut bytes = Vec::new();
        encode(&message, &mut bytes);
        assert_eq!(bytes, golden, "encoding of {message:?}");
        let tag = message.tag().number();
        for length in 0..bytes.len() {
            let error =
                decode::<M>(tag, &bytes[..length]).expect_err("a proper prefix is no message");
            assert_none(&error);
        }
        bytes.push(0);
        let error = decode::<M>(tag, &bytes).unwrap_err().to_string();
        let expected = format!("expected {}, found it and 1 more bytes", message.tag());
        assert_eq!(error, expected);
        assert_eq!(decode_letter(tag, golden).unwrap(), message.clone().into());
        let text = serde_json::to_string(&message).expect("people can read any message");
        assert_eq!(serde_json::from_str::<M>(&text).expect(&text), message);
        assert_eq!(decode::<M>(tag, golden).unwrap(), message);
    }

    /// The error says that the bytes encode no message.
    fn assert_none(error: &anyhow::Error) {
        let error = error.to_string();
        assert!(error.contains(" bytes that are none: "), "{error}");
    }

    fn described<M: Message>(tag: i32, bytes: &[u8]) -> String {
        decode::<M>(tag, bytes).unwrap_err().to_string()
    }

    #[test]
    fn every_message_round_trips_and_every_truncated_encoding_is_an_error() {
        for (letter, golden) in messages() {
            match letter {
                Letter::ToTracker(message) => check(message, &golden),
                Letter::ToDownload(message) => check(message, &golden),
                Letter::ToUpload(message) => check(message, &golden),
            }
        }
    }

    #[test]
    fn a_message_under_another_tag_is_an_error() {
        assert_eq!(
            described::<ToTracker>(Tag::Update.number(), &[3, 7, 0]),
            "expected UPDATE, found FILE_COMPLETE inside"
        );
        for none in [i32::try_from(Tag::ALL.len()).unwrap(), -1] {
            assert_eq!(
                described::<ToUpload>(none, &[3]),
                format!("expected a message, found the unknown tag {none}")
            );
        }
    }

    #[test]
    fn what_a_constructor_refuses_is_not_decoded_either() {
        let folder = decode::<ToTracker>(Tag::SwarmRequest.number(), &[1, 2, b'.', b'.']);
        assert_none(&folder.unwrap_err());
        let blanks = [&[0, 0, 1, 1, b'f', 1, 32][..], &[b' '; 32]].concat();
        assert_none(&decode::<ToTracker>(Tag::Init.number(), &blanks).unwrap_err());
        for (form, length) in [(0, 8), (1, 16)] {
            let half_a_hash = [&[0, 0, 1, 1, b'f', form, length][..], &[b'a'; 16]].concat();
            let half_a_hash = &half_a_hash[..7 + usize::from(length)];
            assert_none(&decode::<ToTracker>(Tag::Init.number(), half_a_hash).unwrap_err());
        }
        let digits_as_text = [&[0, 0, 1, 1, b'f', 1, 32][..], &[b'a'; 32]].concat();
        assert_eq!(
            decode::<ToTracker>(Tag::Init.number(), &digits_as_text).unwrap(),
            ToTracker::Init(Init::Ready(vec![owned("f", "a")])),
            "equal lists are equal, however they came"
        );
    }

    #[test]
    fn every_tag_has_its_own_number() {
        for (number, tag) in (0..).zip(Tag::ALL) {
            assert_eq!(tag.number(), number);
            assert_eq!(Tag::from_number(number), Some(tag));
        }
    }

    #[test]
    fn what_cannot_be_decoded_is_described_by_what_was_expected_and_what_was_found() {
        let described = described::<ToUpload>;
        let stop = Tag::Stop.number();
        assert_eq!(
            described(99, &[]),
            "expected a message, found the unknown tag 99"
        );
        assert!(described(stop, &[7]).starts_with("expected STOP, found 1 bytes that are none: "));
        assert_eq!(
            described(stop, &[3, 0, 0]),
            "expected STOP, found it and 2 more bytes"
        );
        let swarm = Tag::Swarm.number();
        assert_eq!(described(swarm, &[3]), "expected SWARM, found STOP inside");
    }
}
