//! Segments: their positions, their hashes, and a file's hashes in order.

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
    /// Says what is wrong with them: their number, or the first that is not printable ASCII.
    pub fn new(characters: &[u8]) -> Result<SegmentHash, BadSegmentHash> {
        if let Some(&byte) = characters.iter().find(|byte| !byte.is_ascii_graphic()) {
            return Err(BadSegmentHash::Byte(byte));
        }
        match characters.try_into() {
            Ok(characters) => Ok(SegmentHash(characters)),
            Err(_) => Err(BadSegmentHash::Length(characters.len())),
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

impl Serialize for SegmentHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for SegmentHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let characters = <&[u8]>::deserialize(deserializer)?;
        SegmentHash::new(characters).map_err(de::Error::custom)
    }
}

/// Why some bytes are not a [`SegmentHash`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadSegmentHash {
    /// There are this many, not 32.
    Length(usize),
    /// This one is not a printable ASCII character.
    Byte(u8),
}

impl fmt::Display for BadSegmentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadSegmentHash::Length(length) => {
                let plural = if *length == 1 { "" } else { "s" };
                write!(
                    f,
                    "{length} character{plural} instead of {}",
                    SegmentHash::LENGTH
                )
            }
            BadSegmentHash::Byte(byte) => write!(
                f,
                "the byte {byte:#04x}, which is not a printable ASCII character"
            ),
        }
    }
}

impl std::error::Error for BadSegmentHash {}

/// The hashes of a file's segments, in order; 32 bytes each, and one copy however often it is
/// cloned.
#[derive(Clone, PartialEq, Eq)]
pub struct Hashes(Arc<[[u8; SegmentHash::LENGTH]]>);

impl Hashes {
    /// The number of segments.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the file has no segment at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The hashes, first to last.
    pub fn iter(&self) -> impl Iterator<Item = SegmentHash> {
        self.0.iter().copied().map(SegmentHash)
    }

    /// The hash at a position, if the file is that long.
    pub fn get(&self, segment: SegmentIndex) -> Option<SegmentHash> {
        self.0.get(segment.0).copied().map(SegmentHash)
    }

    /// The first position at which two lists are not alike; the end of the shorter one if that is
    /// the only difference.
    pub fn first_difference(&self, other: &Hashes) -> Option<SegmentIndex> {
        let alike = self
            .iter()
            .zip(other.iter())
            .take_while(|(one, two)| one == two)
            .count();
        (alike < self.len().max(other.len())).then_some(SegmentIndex(alike))
    }
}

impl FromIterator<SegmentHash> for Hashes {
    fn from_iter<I: IntoIterator<Item = SegmentHash>>(hashes: I) -> Self {
        Hashes(hashes.into_iter().map(|hash| hash.0).collect())
    }
}

impl fmt::Debug for Hashes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} hashes", self.len())
    }
}

/// On the wire a file's hashes are one run of bytes, copied at the speed of memory.
impl Serialize for Hashes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0.as_flattened())
    }
}

impl<'de> Deserialize<'de> for Hashes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let characters = <&[u8]>::deserialize(deserializer)?;
        let (hashes, rest) = characters.as_chunks::<{ SegmentHash::LENGTH }>();
        if !rest.is_empty() {
            return Err(de::Error::custom(BadSegmentHash::Length(rest.len())));
        }
        for hash in hashes {
            SegmentHash::new(hash).map_err(de::Error::custom)?;
        }
        Ok(Hashes(hashes.into()))
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
        assert_eq!(
            SegmentHash::new(&[b'x'; 31]),
            Err(BadSegmentHash::Length(31))
        );
        assert_eq!(
            SegmentHash::new(&[b'x'; 33]),
            Err(BadSegmentHash::Length(33))
        );
        assert_eq!(
            SegmentHash::new(&[b' '; 32]),
            Err(BadSegmentHash::Byte(b' '))
        );
        assert_eq!(
            SegmentHash::new(&[0xc3; 32]),
            Err(BadSegmentHash::Byte(0xc3))
        );
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
}
