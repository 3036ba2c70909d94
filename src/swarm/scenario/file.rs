//! The file: TOML, every key checked, and every problem with its place.

use std::fmt;
use std::marker::PhantomData;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use toml::Spanned;

use super::{Class, Clients, Scenario};
use crate::client::{Conduct, Leaving, Part};
use crate::limits;
use crate::toml_file::{self, Wrong};

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScenarioFile {
    #[serde(default)]
    class: Vec<Spanned<Table>>,
}

/// A class as the file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    name: Spanned<String>,
    clients: Option<Spanned<Vec<Spanned<Plain<Ranks>>>>>,
    share: Option<Spanned<Plain<Share>>>,
    arrives: Option<Plain<Time>>,
    arrives_every: Option<Spanned<Plain<Time>>>,
    upload_time: Option<Plain<Time>>,
    conduct: Option<Plain<Conduct>>,
    leaves: Option<Spanned<Plain<Leaving>>>,
    stays: Option<Spanned<Plain<Time>>>,
}

/// What shares may be above 1 together. Binary fractions have no exact tenths.
const ROUNDING: f64 = 1e-9;

pub(super) fn parse(text: &str) -> Result<Scenario, Wrong> {
    let file: ScenarioFile = toml_file::parse(text)?;
    let mut classes: Vec<Class> = Vec::new();
    let mut shares = 0.0;
    for table in file.class {
        let name = table.get_ref().name.clone();
        if classes.iter().any(|class| class.name == *name.get_ref()) {
            let text = format!(
                "expected a name of its own, found '{}' again",
                name.get_ref()
            );
            return Err((name.span(), text));
        }
        let share = table.get_ref().share.as_ref().map(Spanned::span);
        let class = class(table)?;
        if let (Clients::Share(part), Some(share)) = (&class.clients, share) {
            shares += part;
            if shares > 1.0 + ROUNDING {
                let text = format!("expected shares that are at most 1 together, found {shares}");
                return Err((share, text));
            }
        }
        classes.push(class);
    }
    Ok(Scenario { classes })
}

fn class(table: Spanned<Table>) -> Result<Class, Wrong> {
    let span = table.span();
    let Table {
        name,
        clients,
        share,
        arrives,
        arrives_every,
        upload_time,
        conduct,
        leaves,
        stays,
    } = table.into_inner();
    if name.get_ref().is_empty() {
        return Err((name.span(), "expected a name, found none".into()));
    }
    let clients = match (clients, share) {
        (Some(clients), None) => {
            let placed = |ranks: Spanned<Plain<Ranks>>| {
                let place = ranks.span();
                (ranks.into_inner().0.0, place)
            };
            Clients::Ranks(clients.into_inner().into_iter().map(placed).collect())
        }
        (None, Some(share)) => Clients::Share(share.into_inner().0.0),
        (Some(_), Some(share)) => {
            let text = "expected either clients or a share, found both";
            return Err((share.span(), text.into()));
        }
        (None, None) => {
            let text = "expected clients or a share, found neither";
            return Err((span, text.into()));
        }
    };
    if let Some(every) = &arrives_every
        && every.get_ref().0.0.is_zero()
    {
        let text = "expected a time between two arrivals, found none: leave it out";
        return Err((every.span(), text.into()));
    }
    let conduct = conduct.map_or(Conduct::default(), |conduct| conduct.0);
    let place = leaves.as_ref().map(Spanned::span);
    let mut leaving = leaves.map_or(Leaving::Never, |leaves| leaves.into_inner().0);
    if let (Leaving::AfterOneCopy, true, Some(place)) = (leaving, conduct != Conduct::Honest, place)
    {
        let text = "expected an honest client to leave after one copy, for no other gives one";
        return Err((place, text.into()));
    }
    if let Some(stays) = stays {
        let Leaving::WhenDone(stay) = &mut leaving else {
            let text = "expected stays only with leaves = \"when done\"";
            return Err((stays.span(), text.into()));
        };
        *stay = stays.into_inner().0.0;
    }
    Ok(Class {
        name: name.into_inner(),
        clients,
        arrives: arrives.map_or(Duration::ZERO, |time| time.0.0),
        every: arrives_every.map(|time| {
            let place = time.span();
            (time.into_inner().0.0, place)
        }),
        part: Part {
            arrival: Duration::ZERO,
            upload_time: upload_time.map(|time| time.0.0),
            conduct,
            leaving,
        },
    })
}

/// A value that is written as a word or a number.
trait Written: Sized {
    /// The text behind the word "expected".
    const EXPECTED: &'static str;

    fn from_word(_: &str) -> Option<Self> {
        None
    }

    fn from_number(_: i64) -> Option<Self> {
        None
    }

    fn from_fraction(_: f64) -> Option<Self> {
        None
    }
}

/// A value that was read.
struct Plain<T>(T);

impl<'de, T: Written> Deserialize<'de> for Plain<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Plain<T>, D::Error> {
        deserializer.deserialize_any(Reader(PhantomData))
    }
}

struct Reader<T>(PhantomData<T>);

impl<T: Written> Visitor<'_> for Reader<T> {
    type Value = Plain<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Plain<T>, E> {
        let found = || E::custom(format_args!("expected {}, found \"{word}\"", T::EXPECTED));
        T::from_word(word).map(Plain).ok_or_else(found)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Plain<T>, E> {
        let found = || E::custom(format_args!("expected {}, found {number}", T::EXPECTED));
        T::from_number(number).map(Plain).ok_or_else(found)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Plain<T>, E> {
        // `{:?}` writes 1e300 so, and not with 301 digits.
        let found = || E::custom(format_args!("expected {}, found {number:?}", T::EXPECTED));
        T::from_fraction(number).map(Plain).ok_or_else(found)
    }
}

struct Share(f64);

impl Written for Share {
    const EXPECTED: &'static str = "a share of more than 0 and at most 1";

    fn from_number(number: i64) -> Option<Share> {
        (number == 1).then_some(Share(1.0))
    }

    fn from_fraction(number: f64) -> Option<Share> {
        (number > 0.0 && number <= 1.0).then_some(Share(number))
    }
}

struct Time(Duration);

impl Written for Time {
    const EXPECTED: &'static str = "a time such as \"200ms\", at most a year";

    fn from_word(word: &str) -> Option<Time> {
        limits::time(word).ok().map(Time)
    }
}

struct Ranks(RangeInclusive<u32>);

impl Written for Ranks {
    const EXPECTED: &'static str = "the rank of a client, 1 or more, or ranks such as \"4..9\"";

    fn from_word(word: &str) -> Option<Ranks> {
        let (first, last) = word.split_once("..")?;
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        (0 < first && first <= last).then_some(Ranks(first..=last))
    }

    fn from_number(number: i64) -> Option<Ranks> {
        let rank = u32::try_from(number).ok().filter(|&rank| rank > 0)?;
        Some(Ranks(rank..=rank))
    }
}

impl Written for Conduct {
    const EXPECTED: &'static str = "\"honest\", \"corrupt\" or \"free rider\"";

    fn from_word(word: &str) -> Option<Conduct> {
        match word {
            "honest" => Some(Conduct::Honest),
            "corrupt" => Some(Conduct::Corrupt),
            "free rider" => Some(Conduct::FreeRider),
            _ => None,
        }
    }
}

/// A time counts from the arrival.
impl Written for Leaving {
    const EXPECTED: &'static str =
        "\"never\", \"when done\", \"after one copy\" or a time such as \"2s\", at most a year";

    fn from_word(word: &str) -> Option<Leaving> {
        match word {
            "never" => Some(Leaving::Never),
            "when done" => Some(Leaving::WhenDone(Duration::ZERO)),
            "after one copy" => Some(Leaving::AfterOneCopy),
            _ => limits::time(word).ok().map(Leaving::At),
        }
    }
}

#[cfg(test)]
mod tests;
