//! Text that was written elsewhere, as every reader here takes it: in UTF-8, with or without a byte order mark,
//! and not without end.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use crate::shown::Shown;
use anyhow::{Context, Result, ensure};

/// The longest text that is read as a whole, in bytes.
const LONGEST: u64 = 16 << 20;

/// How some programs begin a text in UTF-8.
pub const MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a text as a whole, without its byte order mark.
///
/// # Errors
/// When it cannot be read, is not in UTF-8, or has more than 16 MiB.
pub fn read(path: &Path) -> Result<String> {
    let shown = || format!("cannot read {}", path.shown());
    let mut content = BufReader::new(File::open(path).with_context(shown)?);
    skip_mark(&mut content).with_context(shown)?;
    let mut text = String::new();
    let length = content.take(LONGEST + 1).read_to_string(&mut text);
    let length = length.with_context(shown)? as u64;
    ensure!(
        length <= LONGEST,
        "{}: expected a text of at most {} MiB, found a longer one",
        path.shown(),
        LONGEST >> 20
    );
    Ok(text)
}

/// Skips the byte order mark of a text, if it begins with one.
///
/// # Errors
/// When it cannot be read, or begins as one in another encoding.
pub fn skip_mark(text: &mut impl BufRead) -> io::Result<()> {
    let start = text.fill_buf()?;
    in_utf_8(start)?;
    if start.starts_with(MARK) {
        text.consume(MARK.len());
    }
    Ok(())
}

/// Makes sure that a text does not begin as one in UTF-16 or UTF-32: with a mark of these, or with readable characters
/// of ASCII and zeros around them.
///
/// # Errors
/// When it does.
pub fn in_utf_8(text: &[u8]) -> io::Result<()> {
    let reads = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    let encoding = match text {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => "UTF-32",
        [a, 0, 0, 0, ..] | [0, 0, 0, a, ..] if reads(a) => "UTF-32",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "UTF-16",
        [a, 0] | [0, a] if reads(a) => "UTF-16",
        // Two, for other bytes begin with one now and then.
        [a, 0, b, 0, ..] | [0, a, 0, b, ..] if reads(a) && reads(b) => "UTF-16",
        _ => return Ok(()),
    };
    let why = format!("it is in {encoding}: save it in UTF-8");
    Err(io::Error::new(io::ErrorKind::InvalidData, why))
}

/// A text in memory without its byte order mark.
pub fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(MARK).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_text_is_read_with_or_without_a_mark_but_not_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t");
        let read = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            read(&path).map_err(|error| format!("{error:#}"))
        };
        assert_eq!(read(b"\xef\xbb\xbfa = 1"), Ok("a = 1".into()));
        assert_eq!(read("ä".as_bytes()), Ok("ä".into()));
        assert_eq!(read(b""), Ok(String::new()));
        let cannot = format!("cannot read {}: ", path.display());
        for (encoding, bytes) in [
            ("UTF-16", &b"\xff\xfea\0"[..]),
            ("UTF-16", b"\xfe\xff\0a"),
            ("UTF-16", b"a\0b\0"),
            ("UTF-16", b"\0a\0b"),
            ("UTF-32", b"\xff\xfe\0\0a\0\0\0"),
            ("UTF-32", b"\0\0\xfe\xff\0\0\0a"),
            ("UTF-32", b"a\0\0\0b\0\0\0"),
            ("UTF-32", b"\0\0\0a"),
        ] {
            let why = format!("{cannot}it is in {encoding}: save it in UTF-8");
            assert_eq!(read(bytes), Err(why), "{bytes:?}");
        }
        for bytes in [
            &b"\x03\0\x81"[..],
            b"a\0\xf3\xb2",
            b"\0a\xf3\xb2",
            b"\0\0\0\x07\xb2",
        ] {
            let why = read(bytes).unwrap_err();
            assert!(!why.contains("UTF-16") && !why.contains("UTF-32"), "{why}");
        }
        let error = read(b"a\xff").unwrap_err();
        assert!(
            error.starts_with(&cannot) && error.contains("UTF-8"),
            "{error}"
        );
        let endless = super::read(Path::new("/dev/zero")).unwrap_err().to_string();
        assert_eq!(
            endless,
            "/dev/zero: expected a text of at most 16 MiB, found a longer one"
        );
    }
}
