//! Segments: their positions, their hashes, and a file's hashes in order.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A segment's position in its file, from 0. People count from 1, and so does everything printed.
///
/// A segment is its file and its position, never its hash: the same hash may occur twice in a file,
/// and in two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SegmentIndex(pub usize);

impl fmt::Display for SegmentIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0 + 1).fmt(f)
    }
}

/// What stands for a segment's content: 32 printable ASCII characters without blanks.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SegmentHash([u8; SegmentHash::LENGTH]);

impl SegmentHash {
    /// The length of a hash, in characters and in bytes.
    pub const LENGTH: usize = 32;

    /// Checks the characters of a hash.
    ///
    /// # Errors
    /// When there are not 32 of them, or one is not printable ASCII.
    pub fn new(characters: &[u8]) -> Result<SegmentHash, String> {
        // All at once, without a branch: it is done for every segment that comes.
        let are_all = |hash: &[u8; SegmentHash::LENGTH]| {
            (hash.iter()).fold(true, |are_all, byte| are_all & byte.is_ascii_graphic())
        };
        match characters.try_into() {
            Ok(hash) if are_all(&hash) => Ok(SegmentHash(hash)),
            Ok(_) | Err(_) => Err(why_no_hash(characters)),
        }
    }

    /// The 32 characters.
    pub fn as_bytes(&self) -> &[u8; SegmentHash::LENGTH] {
        &self.0
    }
}

impl fmt::Display for SegmentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        str::from_utf8(&self.0).expect("a hash is ASCII").fmt(f)
    }
}

impl fmt::Debug for SegmentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Bytes on the wire, text for people.
impl Serialize for SegmentHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for SegmentHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = Cow::<str>::deserialize(deserializer)?;
            return SegmentHash::new(text.as_bytes()).map_err(de::Error::custom);
        }
        let characters = <&[u8]>::deserialize(deserializer)?;
        SegmentHash::new(characters).map_err(de::Error::custom)
    }
}

/// Why bytes are no hash.
fn why_no_hash(characters: &[u8]) -> String {
    match characters.iter().find(|byte| !byte.is_ascii_graphic()) {
        Some(byte) => format!("the byte {byte:#04x}, which is not a printable ASCII character"),
        None => bad_length(characters.len()),
    }
}

/// Why bytes are no hash: there are `length` of them.
fn bad_length(length: usize) -> String {
    let plural = if length == 1 { "" } else { "s" };
    format!(
        "{length} character{plural} instead of {}",
        SegmentHash::LENGTH
    )
}

/// The hashes of a file's segments, in order, and one copy however often it is cloned.
///
/// Where all of them are lower-case hexadecimal digits, as the course's are, they take 16 bytes each
/// in memory and on the wire; otherwise 32.
#[derive(Clone, PartialEq, Eq)]
pub struct Hashes(Packed);

/// Always the shortest form, so that equal lists have equal forms.
#[derive(Clone, PartialEq, Eq)]
enum Packed {
    /// Two digits a byte.
    Digits(Arc<[[u8; SegmentHash::LENGTH / 2]]>),
    Text(Arc<[[u8; SegmentHash::LENGTH]]>),
}

impl Hashes {
    /// The number of segments.
    pub fn len(&self) -> usize {
        match &self.0 {
            Packed::Digits(hashes) => hashes.len(),
            Packed::Text(hashes) => hashes.len(),
        }
    }

    /// Whether the file has no segment at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The hashes, first to last.
    pub fn iter(&self) -> impl Iterator<Item = SegmentHash> {
        (0..self.len()).filter_map(|position| self.get(SegmentIndex(position)))
    }

    /// The hash at a position, if the file is that long.
    pub fn get(&self, segment: SegmentIndex) -> Option<SegmentHash> {
        match &self.0 {
            Packed::Digits(hashes) => hashes.get(segment.0).map(unpack),
            Packed::Text(hashes) => hashes.get(segment.0).copied().map(SegmentHash),
        }
    }

    /// The first position at which two lists differ. It is the end of the shorter list if that is the
    /// only difference.
    pub fn first_difference(&self, other: &Hashes) -> Option<SegmentIndex> {
        let alike = self
            .iter()
            .zip(other.iter())
            .take_while(|(one, two)| one == two)
            .count();
        (alike < self.len().max(other.len())).then_some(SegmentIndex(alike))
    }
}

/// A hash of digits alone, two a byte.
fn pack(hash: &[u8; SegmentHash::LENGTH]) -> Option<[u8; SegmentHash::LENGTH / 2]> {
    let digit = |character: u8| match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    };
    let mut packed = [0; SegmentHash::LENGTH / 2];
    for (byte, [high, low]) in packed.iter_mut().zip(hash.as_chunks().0) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(packed)
}

/// Without a branch or a table: it is done for every request and every answer.
fn unpack(packed: &[u8; SegmentHash::LENGTH / 2]) -> SegmentHash {
    let character = |digit: u8| digit + b'0' + u8::from(digit > 9) * (b'a' - b'0' - 10);
    let mut hash = [0; SegmentHash::LENGTH];
    for (characters, byte) in hash.as_chunks_mut().0.iter_mut().zip(packed) {
        *characters = [character(byte >> 4), character(byte & 15)];
    }
    SegmentHash(hash)
}

impl FromIterator<SegmentHash> for Hashes {
    fn from_iter<I: IntoIterator<Item = SegmentHash>>(hashes: I) -> Self {
        let hashes: Vec<_> = hashes.into_iter().map(|hash| hash.0).collect();
        Hashes(match hashes.iter().map(pack).collect() {
            Some(digits) => Packed::Digits(digits),
            None => Packed::Text(hashes.into()),
        })
    }
}

impl fmt::Debug for Hashes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} hashes", self.len())
    }
}

/// A file's hashes on the wire: one run of bytes, copied at the speed of memory.
#[derive(Serialize, Deserialize)]
enum Wire<'a> {
    Digits(#[serde(serialize_with = "at_once")] &'a [u8]),
    Text(#[serde(serialize_with = "at_once")] &'a [u8]),
}

fn at_once<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

/// On the wire a `Wire`; for people a list.
impl Serialize for Hashes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_seq(self.iter());
        }
        let wire = match &self.0 {
            Packed::Digits(hashes) => Wire::Digits(hashes.as_flattened()),
            Packed::Text(hashes) => Wire::Text(hashes.as_flattened()),
        };
        wire.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Hashes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let hashes = Vec::<SegmentHash>::deserialize(deserializer)?;
            return Ok(hashes.into_iter().collect());
        }
        let surplus = |rest: usize| de::Error::custom(bad_length(rest));
        match Wire::deserialize(deserializer)? {
            Wire::Digits(bytes) => match bytes.as_chunks() {
                (hashes, []) => Ok(Hashes(Packed::Digits(hashes.into()))),
                (_, rest) => Err(surplus(2 * rest.len())),
            },
            Wire::Text(bytes) => match bytes.as_chunks::<{ SegmentHash::LENGTH }>() {
                (hashes, []) => {
                    let checked = hashes.iter().map(|hash| SegmentHash::new(hash));
                    checked.collect::<Result<_, _>>().map_err(de::Error::custom)
                }
                (_, rest) => Err(surplus(rest.len())),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(letters: &str) -> Hashes {
        letters
            .bytes()
            .map(|letter| SegmentHash::new(&[letter; 32]).unwrap())
            .collect()
    }

    #[test]
    fn a_hash_is_exactly_32_printable_characters() {
        let characters = *b"0123456789abcdefghij!\"#$%&'()*+,";
        assert_eq!(
            SegmentHash::new(&characters).unwrap().as_bytes(),
            &characters
        );
        for (characters, problem) in [
            (&[b'x'; 31][..], "31 characters instead of 32"),
            (&[b'x'; 33], "33 characters instead of 32"),
            (b"x", "1 character instead of 32"),
            (
                &[b' '; 32],
                "the byte 0x20, which is not a printable ASCII character",
            ),
            (
                &[0xc3; 32],
                "the byte 0xc3, which is not a printable ASCII character",
            ),
        ] {
            assert_eq!(SegmentHash::new(characters), Err(problem.into()));
        }
    }

    #[test]
    fn a_file_without_segments_is_empty_and_no_other() {
        assert!(hashes("").is_empty());
        assert!(!hashes("a").is_empty());
    }

    #[test]
    fn the_first_difference_is_the_first_unlike_hash_or_the_shorter_end() {
        assert_eq!(hashes("abc").first_difference(&hashes("abc")), None);
        assert_eq!(
            hashes("abc").first_difference(&hashes("axc")),
            Some(SegmentIndex(1))
        );
        assert_eq!(
            hashes("abc").first_difference(&hashes("ab")),
            Some(SegmentIndex(2))
        );
        assert_eq!(
            hashes("").first_difference(&hashes("a")),
            Some(SegmentIndex(0))
        );
    }

    #[test]
    fn people_read_hashes_as_text() {
        let text = format!("[\"{}\",\"{}\"]", "a".repeat(32), "x".repeat(32));
        assert_eq!(serde_json::to_string(&hashes("ax")).unwrap(), text);
        assert_eq!(serde_json::from_str::<Hashes>(&text).unwrap(), hashes("ax"));
        let error = serde_json::from_str::<Hashes>("[\"short\"]").unwrap_err();
        assert!(error.to_string().starts_with("5 characters instead of 32"));
    }

    #[test]
    fn hashes_of_digits_are_kept_short_and_all_come_back_as_they_were() {
        let of = |texts: &[&[u8; 32]]| -> Hashes {
            texts
                .iter()
                .map(|text| SegmentHash::new(*text).unwrap())
                .collect()
        };
        let digits = b"0123456789abcdef00ff10a9f9e8d7c6";
        let upper = b"0123456789ABCDEF00ff10a9f9e8d7c6";
        for (texts, short) in [
            (&[digits, digits][..], true),
            (&[digits, upper], false),
            (&[upper], false),
            (&[], true),
        ] {
            let hashes = of(texts);
            assert_eq!(matches!(hashes.0, Packed::Digits(_)), short);
            assert_eq!(hashes.len(), texts.len());
            let back: Vec<_> = hashes.iter().map(|hash| *hash.as_bytes()).collect();
            assert!(back.iter().eq(texts.iter().copied()));
        }
        assert_eq!(of(&[digits]).get(SegmentIndex(1)), None);
        assert_eq!(of(&[upper]).get(SegmentIndex(1)), None);
    }
}
