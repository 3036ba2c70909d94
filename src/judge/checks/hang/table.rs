//! The table of what each thread waits for.

use crate::checks::evidence::*;
use crate::checks::hang::waiting::{Stuck, Wish};

/// The most rows that are shown, with the heading.
const MOST_ROWS: usize = 24;

/// A line for each thread: first those that the explanation names, then those that wait for the fewest.
pub(super) fn rows(stuck: &[Stuck], first: &[usize]) -> Vec<String> {
    let mut order: Vec<usize> = (0..stuck.len()).collect();
    order.sort_by_key(|&place| {
        let named = first.iter().position(|named| *named == place);
        (named.unwrap_or(usize::MAX), dullness(&stuck[place]))
    });
    let width = stuck
        .iter()
        .map(|stuck| name(stuck).len())
        .max()
        .unwrap_or_default();
    let line = |who: &str, since: &str, call: &str, what: &str| {
        format!("{who:<width$}  {since:>10}  {call:<14}  {what}")
            .trim_end()
            .to_owned()
    };
    let mut rows = vec![line("who", "since", "in", "waits for")];
    let room = MOST_ROWS - 1;
    let shown = if order.len() > room { room - 1 } else { room };
    rows.extend(order.iter().take(shown).map(|&place| {
        let stuck = &stuck[place];
        let since = stuck.since.map_or("-".into(), seconds);
        line(&name(stuck), &since, stuck.function, &stuck.what())
    }));
    if order.len() > shown {
        rows.push(format!("and {} more", order.len() - shown));
    }
    rows
}

fn dullness(stuck: &Stuck) -> u8 {
    match stuck.wish {
        Wish::Taker(_) | Wish::Same(..) | Wish::NeverCame => 0,
        Wish::Message(..) if !stuck.waits_for().is_empty() => 1,
        Wish::All(..) | Wish::Unknown | Wish::Nothing => 2,
        Wish::Message(..) => 3,
        Wish::Ended(_) => 4,
        Wish::Join(_) => 5,
    }
}

/// `client 2, thread 1`.
fn name(stuck: &Stuck) -> String {
    let rank = match stuck.rank {
        Rank::TRACKER => "rank 0 (tracker)".to_owned(),
        client => format!("client {client}"),
    };
    match stuck.thread.filter(|_| !stuck.is_alone) {
        None => rank,
        Some(0) => format!("{rank}, main thread"),
        Some(thread) => format!("{rank}, thread {thread}"),
    }
}
