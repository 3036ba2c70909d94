//! Times in seconds, for `#[serde(with = "crate::seconds")]`.

use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Writes the seconds of a time, with their fraction.
pub(crate) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    time.as_secs_f64().serialize(serializer)
}

/// Reads seconds. A number below 0, or too large for a [`Duration`], is an error.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    time(f64::deserialize(deserializer)?)
}

fn time<E: Error>(seconds: f64) -> Result<Duration, E> {
    let expected = |_| E::custom(format_args!("expected a time in seconds, found {seconds}"));
    Duration::try_from_secs_f64(seconds).map_err(expected)
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
