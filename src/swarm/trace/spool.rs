//! A trace whose events come one by one. Its header is known when the last one has come: it says whether
//! every event is there.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::Path;

use anyhow::Result;

use super::Header;
use super::line::{append, write};
use crate::event::Event;

/// The events so far, in a file without a name.
pub struct Spool {
    sink: Sink,
    is_compressed: bool,
    /// The line that is being written.
    line: Vec<u8>,
    /// Why an event could not be written. Then nothing more is written.
    problem: Option<io::Error>,
}

enum Sink {
    Plain(BufWriter<File>),
    Packed(zstd::Encoder<'static, BufWriter<File>>),
}

/// All events of a trace, without the header.
pub struct Events {
    file: File,
    is_compressed: bool,
}

impl Spool {
    /// An empty spool in a folder. It takes as much room there as the trace.
    ///
    /// # Errors
    /// When there can be no file in the folder.
    pub fn new(folder: &Path, is_compressed: bool) -> io::Result<Spool> {
        let file = BufWriter::with_capacity(1 << 16, tempfile::tempfile_in(folder)?);
        let sink = if is_compressed {
            let level = zstd::DEFAULT_COMPRESSION_LEVEL;
            let mut packed = zstd::Encoder::new(file, level)?;
            packed.include_checksum(true)?;
            Sink::Packed(packed)
        } else {
            Sink::Plain(file)
        };
        Ok(Spool {
            sink,
            is_compressed,
            line: Vec::new(),
            problem: None,
        })
    }

    /// Takes the next event. If it cannot be written, [`Spool::close`] returns the error.
    pub fn push(&mut self, event: &Event) {
        if self.problem.is_none() {
            self.problem = self.try_push(event).err();
        }
    }

    fn try_push(&mut self, event: &Event) -> io::Result<()> {
        self.line.clear();
        append(event, &mut self.line)?;
        match &mut self.sink {
            Sink::Plain(file) => file.write_all(&self.line),
            Sink::Packed(file) => file.write_all(&self.line),
        }
    }

    /// Takes no more events.
    ///
    /// # Errors
    /// When not all of them could be written.
    pub fn close(self) -> io::Result<Events> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let file = match self.sink {
            Sink::Plain(file) => file,
            Sink::Packed(file) => file.finish()?,
        };
        Ok(Events {
            file: file.into_inner()?,
            is_compressed: self.is_compressed,
        })
    }
}

impl Events {
    /// Writes the whole trace. Compressed, it is two frames of Zstandard, which are read as one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn give(&self, header: &Header, out: &mut impl Write) -> io::Result<()> {
        let no_more = std::iter::empty::<Result<Event>>();
        write(&mut *out, self.is_compressed, header, no_more)
            .map_err(|error| error.downcast().unwrap_or_else(io::Error::other))?;
        let mut events = &self.file;
        events.rewind()?;
        io::copy(&mut events, out)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::samples::{deeds, event};
    use super::super::{Reader, SCHEMA};
    use super::*;
    use crate::report::Plan;
    use crate::scenario::Cast;
    use crate::settings::Settings;

    #[test]
    fn the_events_come_behind_a_header_that_was_known_last() {
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan {
            settings: Settings::default(),
            clients: 3,
            corrupt: vec![],
            cast: Cast::default(),
        };
        let header = Header {
            schema: SCHEMA,
            version: "1.2.3".into(),
            plan,
            clients: 3,
            complete: false,
            clocks: vec![],
        };
        let expected: Vec<Event> = (0..)
            .zip(deeds())
            .map(|(n, deed)| event(n, 2, deed))
            .collect();
        for name in ["t.jsonl", "t.jsonl.zst"] {
            let path = folder.path().join(name);
            let mut spool = Spool::new(folder.path(), name.ends_with("zst")).unwrap();
            expected.iter().for_each(|event| spool.push(event));
            let mut file = File::create(&path).unwrap();
            spool.close().unwrap().give(&header, &mut file).unwrap();
            let reader = Reader::open(&path).unwrap();
            assert_eq!(reader.header(), &header);
            let events = reader.map(|event| event.unwrap().1);
            assert!(events.eq(expected.iter().cloned()));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
