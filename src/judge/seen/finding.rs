//! What a sanitizer has found in a program that was built with one: `-fsanitize=address`.

use std::fmt;

/// The most bytes of a kind, and of a function's name, that are shown.
const LONGEST: usize = 100;

/// The first thing that a sanitizer reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The sanitizer, and the kind of fault: `AddressSanitizer: heap-buffer-overflow`.
    kind: String,
    /// The program's call of MPI in which it was found.
    call: Option<String>,
    /// The line of the program, and its function: `tema2.c:120 in download`.
    place: Option<String>,
    /// What more the report says of the memory, a line each.
    pub(crate) details: Vec<String>,
}

impl Finding {
    /// Reads the first report in a text that a program printed. `None` if there is none.
    pub fn read(text: &str) -> Option<Finding> {
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(finding) = undefined(line) {
                return Some(finding);
            }
            if let Some(kind) = kind(line) {
                return Some(Finding::with_stack(kind, lines.map(str::trim)));
            }
        }
        None
    }

    /// Whether its line is known. A rank that is killed while it reports does not come to that.
    pub(crate) fn has_place(&self) -> bool {
        self.place.is_some()
    }

    /// Reads what follows on the line that says the kind: first the stack where it happened.
    fn with_stack<'a>(kind: String, lines: impl Iterator<Item = &'a str>) -> Finding {
        let mut finding = Finding {
            kind,
            call: None,
            place: None,
            details: Vec::new(),
        };
        let mut is_stack_over = false;
        for line in lines {
            let frame = line.starts_with('#').then(|| Frame::read(line)).flatten();
            if let Some(frame) = frame.filter(|_| !is_stack_over) {
                if frame.function.trim_start_matches('P').starts_with("MPI_") {
                    let call = frame.function.trim_start_matches('P');
                    finding.call = Some(shown(call));
                    // MPI may be built so that its own lines are known.
                    finding.place = None;
                } else if finding.place.is_none() && frame.is_of_program() {
                    finding.place = Some(frame.to_string());
                }
            } else if line.is_empty() {
                is_stack_over = true;
            } else if ["READ of ", "WRITE of "]
                .iter()
                .any(|it| line.starts_with(it))
            {
                let size = line.split(" at 0x").next().unwrap_or(line);
                finding.details.push(shown(size));
            } else if let Some((_, place)) = line.split_once(" is located ") {
                let region = place.split(" [0x").next().unwrap_or(place);
                finding.details.push(format!("that is {}", shown(region)));
                break;
            } else if line.starts_with("SUMMARY: ") {
                break;
            }
        }
        finding
    }
}

/// `AddressSanitizer: heap-buffer-overflow at tema2.c:120 in download`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if let Some(call) = &self.call {
            write!(f, " in {call}")?;
        }
        if let Some(place) = &self.place {
            write!(f, " at {place}")?;
        }
        Ok(())
    }
}

/// The kind that the first line of a report says, without addresses: what a sanitizer only warns of is none.
fn kind(line: &str) -> Option<String> {
    let (before, said) = line.split_once("Sanitizer: ")?;
    let (introduction, tool) = before.rsplit_once(|it: char| !it.is_ascii_alphabetic())?;
    let is_report = ["ERROR:", "FATAL:"].contains(&introduction.trim_start_matches(is_of_number))
        || said.starts_with("hard rss limit exhausted");
    let said = said.split("0x").next().unwrap_or(said);
    let said = said.trim_end_matches([' ', '(', '[', ':']);
    let said = [
        " on address",
        " on unknown address",
        " on",
        ": memory ranges",
    ]
    .iter()
    .find_map(|end| said.strip_suffix(end))
    .unwrap_or(said);
    is_report.then(|| format!("{tool}Sanitizer: {}", shown(said)))
}

/// The number of the process, with marks around it.
fn is_of_number(letter: char) -> bool {
    letter == '=' || letter.is_ascii_digit()
}

/// A line of the sanitizer for undefined behaviour: `tema2.c:12:5: runtime error: division by zero`.
fn undefined(line: &str) -> Option<Finding> {
    let (place, said) = line.split_once(": runtime error: ")?;
    let (place, _column) = place.rsplit_once(':')?;
    let place = place.rsplit(['/', ' ']).next()?;
    let (_, number) = place.split_once(':')?;
    let is_place = !number.is_empty() && number.bytes().all(|it| it.is_ascii_digit());
    is_place.then(|| Finding {
        kind: format!("UndefinedBehaviorSanitizer: {}", shown(said)),
        call: None,
        place: Some(shown(place)),
        details: Vec::new(),
    })
}

/// A line of a stack: a function, and where it is in its source.
struct Frame<'a> {
    function: &'a str,
    path: &'a str,
    line: &'a str,
}

impl Frame<'_> {
    /// Reads `#0 0x55 in FUNCTION FILE:LINE:COLUMN`; the address and the column are not always there, and the module
    /// may follow.
    fn read(line: &str) -> Option<Frame<'_>> {
        let (_, frame) = line.split_once(' ')?;
        let frame = frame.trim_start();
        let frame = match frame.split_once(" in ") {
            Some((address, frame)) if address.starts_with("0x") => frame,
            _ => frame,
        };
        let frame = frame.split(" (").next()?.trim_end();
        // What has arguments has them in parentheses, with blanks in between.
        let (function, place) = match frame.rfind(" /").or_else(|| frame.rfind(' ')) {
            Some(at) => (&frame[..at], &frame[at + 1..]),
            None => (frame, ""),
        };
        let mut parts = place.split(':');
        Some(Frame {
            function: function.split('(').next()?,
            path: parts.next()?,
            line: parts.next().unwrap_or_default(),
        })
    }

    /// Whether the line is known, and is none of the sanitizer or of a library: their paths are relative, or the system's.
    fn is_of_program(&self) -> bool {
        let of_system = ["/usr/include/", "/usr/lib/", "/usr/src/"];
        self.path.starts_with('/')
            && !self.line.is_empty()
            && !of_system.iter().any(|folder| self.path.starts_with(folder))
            && !self.path.contains("/compiler-rt/")
    }
}

/// `tema2.c:120 in download`.
impl fmt::Display for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.path.rsplit('/').next().unwrap_or(self.path);
        let place = shown(&format!("{file}:{}", self.line));
        write!(f, "{place} in {}", shown(self.function))
    }
}

/// What is no text is escaped, and what is too long is cut.
fn shown(text: &str) -> String {
    let cut = text.as_bytes();
    let cut = &cut[..cut.len().min(LONGEST)];
    cut.escape_ascii().to_string().replace("\\'", "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A report as gcc 12's runtime writes it.
    const OVERFLOW: &str = "\
=================================================================
==20535==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x60200003fa3d at pc 0x55bb80bcf4aa bp 0x7f sp 0x7f
WRITE of size 1 at 0x60200003fa3d thread T0
    #0 0x55bb80bcf4a9 in deed /tmp/a folder/bug.c:8
    #1 0x55bb80bcf9d7 in main /tmp/a folder/bug.c:21
    #2 0x7f5aed245249 in __libc_start_call_main ../sysdeps/nptl/libc_start_call_main.h:58

0x60200003fa3d is located 3 bytes to the right of 10-byte region [0x60200003fa30,0x60200003fa3a)
allocated by thread T0 here:
    #0 0x7f5aedcb89cf in __interceptor_malloc ../../../../src/libsanitizer/asan/asan_malloc_linux.cpp:69
    #1 0x55bb80bcf4a9 in other /tmp/bug.c:5
SUMMARY: AddressSanitizer: heap-buffer-overflow /tmp/bug.c:8 in deed
";

    fn read(text: &str) -> String {
        Finding::read(text).expect("there is one").to_string()
    }

    #[test]
    fn a_report_is_read_with_the_line_where_it_happened() {
        let finding = Finding::read(&format!("started\n{OVERFLOW}")).unwrap();
        let said = finding.to_string();
        assert_eq!(
            said,
            "AddressSanitizer: heap-buffer-overflow at bug.c:8 in deed"
        );
        let details = [
            "WRITE of size 1",
            "that is 3 bytes to the right of 10-byte region",
        ];
        assert_eq!(finding.details, details);
    }

    #[test]
    fn every_kind_is_said_without_addresses() {
        for (header, kind) in [
            (
                "==7==ERROR: AddressSanitizer: SEGV on unknown address 0x000000000000 (pc 0x55 T0)",
                "AddressSanitizer: SEGV",
            ),
            (
                "==7==ERROR: AddressSanitizer: attempting double-free on 0x60200003fa30 in thread T0:",
                "AddressSanitizer: attempting double-free",
            ),
            (
                "==7==ERROR: AddressSanitizer: attempting free on address which was not malloc()-ed: 0x60",
                "AddressSanitizer: attempting free on address which was not malloc()-ed",
            ),
            (
                "==7==ERROR: AddressSanitizer: memcpy-param-overlap: memory ranges [0x60,0x61) and [0x61,0x62) overlap",
                "AddressSanitizer: memcpy-param-overlap",
            ),
            (
                "==7==ERROR: AddressSanitizer: requested allocation size 0x10000000000 exceeds the maximum",
                "AddressSanitizer: requested allocation size",
            ),
            (
                "==7==AddressSanitizer: hard rss limit exhausted (1024Mb vs 1025Mb)",
                "AddressSanitizer: hard rss limit exhausted (1024Mb vs 1025Mb)",
            ),
            (
                "FATAL: ThreadSanitizer: unexpected memory mapping 0x56-0x57",
                "ThreadSanitizer: unexpected memory mapping",
            ),
            (
                "/tmp/a/tema2.c:9:13: runtime error: index 7 out of bounds for type 'char [4]'",
                "UndefinedBehaviorSanitizer: index 7 out of bounds for type 'char [4]' at tema2.c:9",
            ),
        ] {
            assert_eq!(read(header), kind);
        }
    }

    #[test]
    fn what_is_no_report_is_not_read_as_one() {
        for text in [
            "",
            "AddressSanitizer: a program says so",
            "ERROR: no sanitizer",
            "==7==WARNING: AddressSanitizer: failed to allocate 0x1 bytes",
            "AddressSanitizer:DEADLYSIGNAL",
            "tema2.c: runtime error: nothing",
            ": runtime error: ",
            "é: runtime error: é",
        ] {
            assert_eq!(Finding::read(text), None, "{text}");
        }
    }

    /// Below the program's own line are those of the sanitizer, of MPI, which may be known, and of headers.
    #[test]
    fn the_line_is_the_programs_own() {
        let header =
            "==7==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x60 at pc 0x7f\n";
        for (frames, expected) in [
            (
                "    #0 0x7f in __interceptor_memcpy ../../../../src/libsanitizer/sanitizer_common/sanitizer_common_interceptors.inc:827
    #1 0x7f in start /build/openmpi/ompi/send.c:9
    #2 0x7f in PMPI_Send (/lib/x86_64-linux-gnu/libmpi.so.40+0x8f29a)
    #3 0x7f in MPI_Send (/tmp/profiling.so+0x8f29a)
    #4 0x55 in deed /tmp/bug.c:11",
                "in MPI_Send at bug.c:11 in deed",
            ),
            (
                "    #0 0x55 in std::vector<int, std::allocator<int> >::operator[](unsigned long) /usr/include/c++/12/bits/stl_vector.h:1123:9
    #1 0x55 in Client::take(int, char const*) /home/ana/src/client.cpp:120:3",
                "at client.cpp:120 in Client::take",
            ),
            (
                "    #0 deed /tmp/bug.c:10 (bug-t+0x130f)\n    #1 main /tmp/bug.c:21 (bug-t+0x14e6)",
                "at bug.c:10 in deed",
            ),
            (
                "    #0 0x55 in deed (/tmp/bug+0x130f) (BuildId: 12)\n\n    #0 0x55 in other /tmp/bug.c:3",
                "",
            ),
        ] {
            let said = read(&format!("{header}{frames}"));
            let expected = format!("AddressSanitizer: heap-buffer-overflow {expected}");
            assert_eq!(said, expected.trim_end());
        }
    }

    #[test]
    fn what_a_program_prints_is_shown_as_text() {
        let said = read("==7==ERROR: AddressSanitizer: \u{1b}[31mred\u{7f}");
        assert_eq!(said, "AddressSanitizer: \\x1b[31mred\\x7f");
        let long = read(&format!("a.c:1:1: runtime error: {}", "x".repeat(1000)));
        assert!(long.len() < 200, "{long}");
    }
}
