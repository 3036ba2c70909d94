//! Text that was written elsewhere, as every reader here takes it: in UTF-8, with or without a byte order mark,
//! and not without end.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// The longest text that is read as a whole, in bytes.
const LONGEST: u64 = 16 << 20;

/// How some programs begin a text in UTF-8.
pub const MARK: &[u8] = b"\xef\xbb\xbf";

/// How they begin one in UTF-16, which is not read.
const MARKS_OF_UTF_16: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// Reads a text as a whole, without its byte order mark.
///
/// # Errors
/// When it cannot be read, is not in UTF-8, or has more than 16 MiB.
pub fn read(path: &Path) -> Result<String> {
    let shown = || format!("cannot read {}", path.display());
    let mut content = BufReader::new(File::open(path).with_context(shown)?);
    skip_mark(&mut content).with_context(shown)?;
    let mut text = String::new();
    let length = content.take(LONGEST + 1).read_to_string(&mut text);
    let length = length.with_context(shown)? as u64;
    ensure!(
        length <= LONGEST,
        "{}: expected a text of at most {} MiB, found a longer one",
        path.display(),
        LONGEST >> 20
    );
    Ok(text)
}

/// Skips the byte order mark of a text, if it begins with one.
///
/// # Errors
/// When it cannot be read, or begins with the mark of UTF-16.
pub fn skip_mark(text: &mut impl BufRead) -> io::Result<()> {
    let start = text.fill_buf()?;
    if MARKS_OF_UTF_16.iter().any(|mark| start.starts_with(mark)) {
        let why = "it is in UTF-16: save it in UTF-8";
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    if start.starts_with(MARK) {
        text.consume(MARK.len());
    }
    Ok(())
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
        for bytes in [&b"\xff\xfea\0"[..], b"\xfe\xff\0a"] {
            let why = format!("{cannot}it is in UTF-16: save it in UTF-8");
            assert_eq!(read(bytes), Err(why));
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
