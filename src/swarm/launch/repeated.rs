//! What an mpirun says of ranks that have ended, where the ranks have said it themselves, and why.

use super::Mpi;
use crate::exit::Exit;
use crate::say;

/// The longest text in a box, in bytes. What is longer is none.
const LONGEST: usize = 1 << 13;

/// Leaves out the boxes that only repeat with which status of ours a rank has ended. All else passes at once.
pub(super) struct Filter {
    mpi: &'static Mpi,
    /// What may be a box, or the line at the top of one.
    held: Vec<u8>,
    /// A box that has a follower: both go or stay.
    before: Vec<u8>,
    is_at_start: bool,
    status: Option<u8>,
}

/// What a box says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Boxed {
    /// That a rank has ended with a status of ours.
    Repeated,
    /// That one has ended, and the next box says how.
    Begun,
    Other,
}

/// What is held back.
enum Held {
    /// It may become a box.
    Unsure,
    /// So many bytes of it are a box, with lines around it.
    Box(usize),
    /// So many bytes of it are none.
    Plain(usize),
}

impl Filter {
    pub(super) fn new(mpi: &'static Mpi) -> Filter {
        Filter {
            mpi,
            held: Vec::new(),
            before: Vec::new(),
            is_at_start: true,
            status: None,
        }
    }

    /// Takes what has come. Returns what is to be passed on now.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.held.extend(bytes);
        let mut passed = Vec::new();
        while !self.held.is_empty() {
            match self.look() {
                Held::Unsure => break,
                Held::Plain(length) => {
                    let plain: Vec<u8> = self.held.drain(..length).collect();
                    self.is_at_start =
                        plain.ends_with(b"\n") || plain.ends_with(say::CLEAR.as_bytes());
                    passed.extend(plain);
                }
                Held::Box(length) => {
                    let whole: Vec<u8> = self.held.drain(..length).collect();
                    match self.read(&whole) {
                        Boxed::Begun => self.before.extend(whole),
                        Boxed::Repeated => self.before.clear(),
                        Boxed::Other => {
                            passed.append(&mut self.before);
                            passed.extend(whole);
                        }
                    }
                }
            }
        }
        passed
    }

    /// Nothing more comes. Returns what was held back.
    pub(super) fn close(mut self) -> Vec<u8> {
        self.before.append(&mut self.held);
        self.before
    }

    /// The status of a rank, as the first box says it that was left out. `None`: none has said one.
    pub(super) fn status(&self) -> Option<u8> {
        self.status
    }

    fn look(&self) -> Held {
        let line = |from: usize| {
            let length = self.held[from..].iter().position(|&byte| byte == b'\n');
            length.map(|length| from + length + 1)
        };
        let Some(rule) = self.mpi.rule.filter(|_| self.is_at_start) else {
            return Held::Plain(line(0).unwrap_or(self.held.len()));
        };
        let is_rule =
            |from: usize, to: usize| self.held[from..to].trim_ascii_end() == rule.as_bytes();
        let Some(mut end) = line(0) else {
            return match rule.as_bytes().starts_with(&self.held) {
                true => Held::Unsure,
                false => Held::Plain(self.held.len()),
            };
        };
        if !is_rule(0, end) {
            return Held::Plain(end);
        }
        while let Some(next) = line(end) {
            if is_rule(end, next) {
                return Held::Box(next);
            }
            end = next;
        }
        match self.held.len() > LONGEST {
            true => Held::Plain(self.held.len()),
            false => Held::Unsure,
        }
    }

    fn read(&mut self, whole: &[u8]) -> Boxed {
        let text = String::from_utf8_lossy(whole);
        if let Some(form) = self.mpi.says_how.iter().find(|form| says(form, &text)) {
            self.status = self.status.or_else(|| status(form, &text));
            Boxed::Repeated
        } else if self.mpi.says_that.iter().any(|form| says(form, &text)) {
            Boxed::Begun
        } else {
            Boxed::Other
        }
    }
}

/// Whether a box says this and nothing else. In `form`, `*` stands for any word, and `STATUS` for an exit status of
/// ours other than 0.
fn says(form: &str, text: &str) -> bool {
    let form = form.split_whitespace();
    words(text).count() == form.clone().count()
        && words(text).zip(form).all(|(word, form)| match form {
            "*" => true,
            "STATUS" => ours(word).is_some(),
            _ => word == form,
        })
}

/// The status that a box of this form names.
fn status(form: &str, text: &str) -> Option<u8> {
    let place = form.split_whitespace().position(|word| word == "STATUS");
    ours(words(text).nth(place?)?)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace()
        .filter(|word| !word.bytes().all(|byte| byte == b'-'))
}

fn ours(word: &str) -> Option<u8> {
    let status: u8 = word.trim_end_matches('.').parse().ok()?;
    let mut statuses = Exit::ALL.iter().map(|exit| exit.status());
    statuses.find(|&it| it == status && it != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str =
        "--------------------------------------------------------------------------\n";

    const BEGUN: &str = "Primary job  terminated normally, but 1 process returned\n\
                         a non-zero exit code. Per user-direction, the job has been aborted.\n";

    fn boxed(text: &str) -> String {
        format!("{RULE}{text}{RULE}")
    }

    fn exited(status: &str) -> String {
        boxed(&format!(
            "mpirun detected that one or more processes exited with non-zero status, thus causing\n\
             the job to be terminated. The first process to do so was:\n\n  \
             Process name: [[53087,1],0]\n  Exit code:    {status}\n"
        ))
    }

    fn aborted(status: &str) -> String {
        boxed(&format!(
            "MPI_ABORT was invoked on rank 0 in communicator MPI_COMM_WORLD\nwith errorcode {status}.\n\n\
             NOTE: invoking MPI_ABORT causes Open MPI to kill all MPI processes.\n\
             You may or may not see output from other processes, depending on\n\
             exactly when Open MPI kills them.\n"
        ))
    }

    fn killed() -> String {
        let how = "mpirun noticed that process rank 3 with PID 0 on node vm exited on signal 9 (Killed).\n";
        boxed(BEGUN) + &boxed(how)
    }

    /// What is left of a text, however many bytes come at once.
    fn left(text: &str) -> String {
        let mut all = [1, 7, text.len().max(1)].map(|length| {
            let mut filter = Filter::new(Mpi::OPEN_MPI);
            let mut left: Vec<u8> = Vec::new();
            for bytes in text.as_bytes().chunks(length) {
                left.extend(filter.take(bytes));
            }
            left.extend(filter.close());
            String::from_utf8(left).expect("nothing is cut")
        });
        all.sort();
        let [first, .., last] = &all;
        assert_eq!(first, last);
        first.clone()
    }

    #[test]
    fn what_the_ranks_have_said_is_not_said_again() {
        let ours = "bittorrent: rank 0, thread watch: nothing moves\n";
        for status in ["1", "2", "3", "4", "5"] {
            assert_eq!(left(&aborted(status)), "");
            let said = [ours, &boxed(BEGUN), &exited(status), ours].concat();
            assert_eq!(left(&said), [ours, ours].concat());
            let between = [&boxed(BEGUN), ours, &exited(status)].concat();
            assert_eq!(left(&between), ours);
        }
    }

    #[test]
    fn the_first_status_that_was_left_out_is_known() {
        for (text, status) in [
            (exited("2"), Some(2)),
            (aborted("4") + &exited("5"), Some(4)),
            (exited("127"), None),
            (killed(), None),
        ] {
            let mut filter = Filter::new(Mpi::OPEN_MPI);
            filter.take(text.as_bytes());
            assert_eq!(filter.status(), status, "{text}");
        }
    }

    #[test]
    fn what_else_an_mpirun_says_stays_as_it_is() {
        let torn = exited("2").replace(
            "The first process",
            "bittorrent: a rank says\nThe first process",
        );
        for text in [
            &killed(),
            &exited("127"),
            &exited("0"),
            &[boxed(BEGUN), exited("134")].concat(),
            &aborted("17"),
            &boxed("There are not enough slots available in the system\n"),
            &boxed(BEGUN),
            &torn,
            &format!("{RULE}no end"),
            &format!("a{RULE}b{RULE}"),
            &format!("{RULE}{}\n", "long ".repeat(LONGEST)),
            "----\n--",
            "",
            "no end",
            "\r\u{1b}[K 10 %",
        ] {
            assert_eq!(&left(text), text);
        }
    }

    #[test]
    fn a_line_of_progress_is_passed_on_before_it_has_an_end() {
        let mut filter = Filter::new(Mpi::OPEN_MPI);
        assert_eq!(filter.take(b"\r\x1b[K10 %"), b"\r\x1b[K10 %");
        assert_eq!(filter.take(b"\r\x1b[K"), b"\r\x1b[K");
        assert_eq!(filter.take(exited("2").as_bytes()), b"");
        assert_eq!(filter.take(b"--"), b"", "it may become a line above a box");
        assert_eq!(filter.take(b" no\n"), b"-- no\n");
    }

    #[test]
    fn of_a_library_that_draws_no_boxes_everything_stays() {
        let mut filter = Filter::new(Mpi::MPICH);
        let text = exited("2");
        assert_eq!(filter.take(text.as_bytes()), text.as_bytes());
        assert_eq!(filter.close(), b"");
    }
}
