//! The line on standard error that shows how far the downloads are.

use std::fmt;
use std::io::{self, Write};
use std::mem;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{
    HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle,
    TermLike,
};

use crate::say;
use crate::tracker::Amount;

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// One line that changes, on a terminal with this number of columns.
    Live(u16),
    /// A new line of plain text from time to time, for a file or a program.
    Lines,
}

impl Style {
    /// The time from the start to the first line. A shorter run shows none.
    pub const FIRST: Duration = Duration::from_secs(1);

    /// The time from one line to the next.
    pub fn interval(self) -> Duration {
        match self {
            Style::Live(_) => Duration::from_millis(200),
            Style::Lines => Duration::from_secs(5),
        }
    }

    fn template(self) -> &'static str {
        match self {
            Style::Live(_) => {
                "{percent:>3} % [{wide_bar}] {pos} of {len} segments, {msg}, {rate}/s, {left} left"
            }
            Style::Lines => {
                "{percent} %: {human_pos} of {human_len} segments, {msg}, {rate}/s, {left} left"
            }
        }
    }

    /// The text to write for a line to appear. An empty line clears the one before on a terminal,
    /// and is nothing elsewhere.
    ///
    /// On a terminal the cursor goes back to the start of the line. If mpirun or another rank then
    /// writes something, that takes the line's place, and the next line comes below it.
    fn rendered(self, line: &str) -> String {
        let line = line.trim_end();
        match self {
            Style::Live(columns) => {
                let shown: String = line
                    .chars()
                    .take(columns.saturating_sub(1).into())
                    .collect();
                format!("{}{shown}\r", say::CLEAR)
            }
            Style::Lines if line.is_empty() => String::new(),
            Style::Lines => format!("bittorrent: {line}\n"),
        }
    }
}

/// A line that says how far the downloads are. It disappears when this is dropped.
pub struct ProgressLine {
    bar: ProgressBar,
    expected: Amount,
}

impl ProgressLine {
    /// A line on standard error. `expected`: the whole amount to download.
    pub fn new(expected: Amount, style: Style) -> ProgressLine {
        if let Style::Live(_) = style {
            say::over_progress();
        }
        ProgressLine::on(io::stderr(), expected, style)
    }

    /// Shows the amount that was downloaded, followed by a remark, which may be empty.
    pub fn update(&self, done: Amount, remark: &str) {
        let files = self.expected.files;
        let message = format!("{} of {files} files{remark}", done.files);
        self.bar.set_message(message);
        self.bar.set_position(done.segments as u64);
    }

    fn on(
        output: impl Write + Send + fmt::Debug + 'static,
        expected: Amount,
        style: Style,
    ) -> ProgressLine {
        let rate = |state: &ProgressState, text: &mut dyn fmt::Write| {
            let rate = HumanCount(state.per_sec() as u64);
            write!(text, "{rate}").expect("a string takes everything");
        };
        let left = |state: &ProgressState, text: &mut dyn fmt::Write| {
            let is_known = state.per_sec() >= 1e-9;
            let left = is_known.then(|| format!("{:#}", HumanDuration(state.eta())));
            let left = left.as_deref().unwrap_or("?");
            write!(text, "{left}").expect("a string takes everything");
        };
        let look = ProgressStyle::with_template(style.template())
            .expect("it is one of two templates, and both are shown in the tests")
            .with_key("rate", rate)
            .with_key("left", left)
            .progress_chars("=> ");
        let screen = Screen {
            style,
            line: Mutex::new(String::new()),
            output: Mutex::new(output),
        };
        let target = ProgressDrawTarget::term_like(Box::new(screen));
        let bar = ProgressBar::with_draw_target(Some(expected.segments as u64), target);
        let bar = bar.with_style(look);
        ProgressLine { bar, expected }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The terminal or file that a bar is drawn on. It has one line, which is written as a whole.
#[derive(Debug)]
struct Screen<W> {
    style: Style,
    line: Mutex<String>,
    output: Mutex<W>,
}

/// Why a lock can be taken.
const UNPOISONED: &str = "a panic ends the job";

impl<W: Write + Send + fmt::Debug> TermLike for Screen<W> {
    fn width(&self) -> u16 {
        match self.style {
            Style::Live(columns) => columns.saturating_sub(1),
            Style::Lines => u16::MAX,
        }
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        let mut line = self.line.lock().expect(UNPOISONED);
        line.push_str(text.trim_start_matches('\r'));
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.line.lock().expect(UNPOISONED).clear();
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let line = mem::take(&mut *self.line.lock().expect(UNPOISONED));
        let mut output = self.output.lock().expect(UNPOISONED);
        output.write_all(self.style.rendered(&line).as_bytes())?;
        output.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// Keeps what is written to it. Its clones share the text.
    #[derive(Debug, Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn amount(files: usize, segments: usize) -> Amount {
        Amount { files, segments }
    }

    /// What a line writes in three steps: at nothing, at a third, and at its end.
    fn written(style: Style) -> String {
        let page = Page::default();
        let line = ProgressLine::on(page.clone(), amount(3, 4000), style);
        line.update(amount(0, 0), "");
        line.update(amount(1, 1400), "");
        drop(line);
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn lines_are_text_and_nothing_else() {
        let text = written(Style::Lines);
        let [first, .., last] = text.lines().collect::<Vec<_>>()[..] else {
            panic!("{text}");
        };
        let nothing = "bittorrent: 0 %: 0 of 4,000 segments, 0 of 3 files, 0/s, ? left";
        assert_eq!(first, nothing);
        let start = "bittorrent: 35 %: 1,400 of 4,000 segments, 1 of 3 files, ";
        assert!(last.starts_with(start) && last.ends_with(" left"), "{text}");
        assert!(
            text.ends_with('\n') && !text.contains(['\r', '\x1b']),
            "{text:?}"
        );
    }

    #[test]
    fn a_live_line_fits_the_terminal_and_is_gone_at_the_end() {
        let text = written(Style::Live(80));
        let lines: Vec<&str> = text.split("\r\x1b[K").collect();
        let [.., line, end] = &lines[..] else {
            panic!("{text:?}");
        };
        assert!(
            line.starts_with(" 35 % [===") && line.ends_with(" left\r"),
            "{line:?}"
        );
        assert!(
            line.contains("] 1400 of 4000 segments, 1 of 3 files, "),
            "{line:?}"
        );
        assert_eq!((line.chars().count(), *end), (80, "\r"));
        assert!(!text.contains('\n'));
        for narrow in [0, 1, 20] {
            for line in written(Style::Live(narrow)).split("\r\x1b[K") {
                assert!(
                    line.trim_end().len() <= narrow.saturating_sub(1).into(),
                    "{line:?}"
                );
            }
        }
    }
}
