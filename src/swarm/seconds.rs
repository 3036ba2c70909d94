//! Times in seconds, for `#[serde(with = "crate::seconds")]`.

use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::LONGEST_RUN;
use crate::shown::number;

/// Writes the seconds of a time, with their fraction.
pub(crate) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    time.as_secs_f64().serialize(serializer)
}

/// Reads seconds. A number below 0, or of more than [`LONGEST_RUN`], is an error.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    time(f64::deserialize(deserializer)?)
}

fn time<E: Error>(seconds: f64) -> Result<Duration, E> {
    of(seconds).map_err(E::custom)
}

/// The time that a number of seconds is.
///
/// # Errors
/// When they are below 0, or more than those of [`LONGEST_RUN`].
pub(crate) fn of(seconds: f64) -> Result<Duration, String> {
    let time = Duration::try_from_secs_f64(seconds).ok();
    time.filter(|time| *time <= LONGEST_RUN).ok_or_else(|| {
        let most = LONGEST_RUN.as_secs();
        let found = number(seconds);
        format!("expected a time in seconds, 0 to {most}, found {found}")
    })
}

/// The same for times that may be missing.
pub(crate) mod optional {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        time: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(|time| time.as_secs_f64()).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let seconds = Option::<f64>::deserialize(deserializer)?;
        seconds.map(time).transpose()
    }
}
