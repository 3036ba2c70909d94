//! The largest numbers that a swarm may have, wherever they are read: in options, in files, in headers.
//!
//! Nobody has use for more, and sums and products of them still fit the types that hold them. What is read
//! is held against them at once: so whatever works with it need not fear to overflow.

use std::time::Duration;

use humantime::format_duration;

/// The most clients.
pub const MOST_CLIENTS: usize = 1_000_000;

/// The most files of a swarm, and of a client.
pub const MOST_FILES: usize = 1_000_000;

/// The most segments of a file. With more, an INIT that names them all might not fit into an MPI message
/// (2 GiB).
pub const MOST_SEGMENTS: usize = 10_000_000;

/// The longest time that can be asked for: a year.
pub const LONGEST_TIME: Duration = Duration::from_secs(31_557_600);

/// The longest run: a hundred years. Its nanoseconds fit into 64 bits six times.
pub const LONGEST_RUN: Duration = Duration::from_secs(100 * 31_557_600);

/// The units of times. No other name is taken for one: `M` would be months.
pub const UNITS: [&str; 8] = ["ns", "us", "ms", "s", "min", "h", "day", "year"];

/// A time with a unit, such as `60s`.
///
/// # Errors
/// When it is none, has a unit that is not among [`UNITS`], or is longer than [`LONGEST_TIME`].
pub fn time(text: &str) -> Result<Duration, String> {
    let mut units = text.split(|letter: char| !letter.is_alphabetic());
    if let Some(unit) = units.find(|unit| !unit.is_empty() && !UNITS.contains(unit)) {
        let units = UNITS.join(", ");
        return Err(format!("expected one of the units {units}, found '{unit}'"));
    }
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    short_enough(time)
}

/// A time that is at most [`LONGEST_TIME`].
///
/// # Errors
/// When it is longer.
pub fn short_enough(time: Duration) -> Result<Duration, String> {
    if time > LONGEST_TIME {
        let most = format_duration(LONGEST_TIME);
        return Err(format!("expected a time of at most {most}"));
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_at_most_a_year() {
        assert_eq!(time("5ms"), Ok(Duration::from_millis(5)));
        assert_eq!(time("1year"), Ok(LONGEST_TIME));
        let refused = Err("expected a time of at most 1year".to_owned());
        for text in ["1year 1ns", "500year", "584542046090year"] {
            assert_eq!(time(text), refused, "{text}");
        }
        for text in ["", "5", "-5s", "NaN", "1e30s", "99999999999999999999year"] {
            time(text).unwrap_err();
        }
    }

    #[test]
    fn a_time_has_only_units_that_are_written_down() {
        for unit in UNITS {
            assert!(time(&format!("1{unit}")).is_ok(), "{unit}");
        }
        for unit in ["M", "m", "S", "sec", "years", "w", "\u{b5}s", "Ms", "month"] {
            let why = time(&format!("1s 5{unit}")).unwrap_err();
            assert!(why.ends_with(&format!("found '{unit}'")), "{why}");
        }
    }
}
