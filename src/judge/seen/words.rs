//! How judges name ranks, threads, tags, numbers and times.

use std::fmt;
use std::time::Duration;

use crate::seen::calls::{Kind, Peer, Tag, Thread};
use swarm::protocol::Rank;

/// The most bytes of a line that are shown.
const LONGEST: usize = 80;

/// A rank: `client 2`.
pub(crate) fn who(rank: Rank) -> String {
    match rank {
        Rank::TRACKER => "rank 0 (the tracker)".into(),
        client => format!("client {client}"),
    }
}

/// Several ranks: `client 1, client 2 and client 3`.
pub(crate) fn all_of(ranks: &[Rank]) -> String {
    listed(&ranks.iter().copied().map(who).collect::<Vec<_>>())
}

/// Several things: `a, b and c`.
pub(crate) fn listed(things: &[String]) -> String {
    match things {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A thread of a rank: `thread 1`.
pub(crate) fn which_thread(thread: Thread) -> String {
    match thread {
        0 => "the main thread".into(),
        other => format!("thread {other}"),
    }
}

/// The other side of a call: `client 2`, `anyone`.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Any => f.write_str("anyone"),
            Peer::One(rank) => f.write_str(&who(*rank)),
            Peer::None => f.write_str("nobody"),
        }
    }
}

/// The tag of a call: `tag 5`.
impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tag::Any => f.write_str("any tag"),
            Tag::One(tag) => write!(f, "tag {tag}"),
            Tag::None => f.write_str("no tag"),
        }
    }
}

/// The name of the function.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.function())
    }
}

/// A number of things: `1 line`, `12,345 lines`. The plural of `noun` ends in `s`.
pub(crate) fn count(number: impl TryInto<u64>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// A number with commas between its thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time: `1.203 s`.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

/// A time span: `1.203 ms`, `1.20 s`.
pub(crate) fn span(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 1.0 {
        format!("{:.3} ms", seconds * 1e3)
    } else {
        format!("{seconds:.2} s")
    }
}

/// A line of any bytes. What is no text is escaped, and what is too long is cut.
pub(crate) fn shown(line: &[u8]) -> String {
    let (line, rest) = line.split_at(line.len().min(LONGEST));
    let rest = if rest.is_empty() { "" } else { "..." };
    format!("{}{rest}", line.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_thousands_apart() {
        assert_eq!(count(1u64, "line"), "1 line");
        assert_eq!(count(0u64, "line"), "0 lines");
        assert_eq!(count(123u64, "line"), "123 lines");
        assert_eq!(count(1_234_567u64, "line"), "1,234,567 lines");
    }

    #[test]
    fn a_list_ends_with_and() {
        let ranks = [Rank(0), Rank(1), Rank(2)];
        assert_eq!(
            all_of(&ranks),
            "rank 0 (the tracker), client 1 and client 2"
        );
        assert_eq!(all_of(&ranks[1..2]), "client 1");
        assert_eq!(all_of(&[]), "");
    }

    #[test]
    fn what_is_no_text_is_escaped_and_what_is_long_is_cut() {
        assert_eq!(shown(b"a\x00\xff"), "a\\x00\\xff");
        assert_eq!(shown(&[b'a'; 90]), format!("{}...", "a".repeat(80)));
    }
}
