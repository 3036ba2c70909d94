//! Short ways to write values in tests: a letter stands for the hash that repeats it.

use super::{FileName, Hashes, OwnedFile, SegmentHash};

pub fn hash(letter: u8) -> SegmentHash {
    SegmentHash::new(&[letter; SegmentHash::LENGTH]).expect("a letter is printable")
}

pub fn hashes(letters: &str) -> Hashes {
    letters.bytes().map(hash).collect()
}

pub fn name(name: &str) -> FileName {
    FileName::new(name).expect("a good name")
}

pub fn owned(file: &str, letters: &str) -> OwnedFile {
    OwnedFile {
        name: name(file),
        hashes: hashes(letters),
    }
}
