//! The report as text, for a terminal.

use std::fmt::Write;

use super::Measured;
use super::measured::ClientMeasured;
use super::metrics::quantile;
use crate::protocol::Tag;

/// The most clients that have a row each. With more, a few rows stand for all.
const MOST_ROWS: usize = 40;

const COLUMNS: [&str; 6] = [
    "client", "files", "segments", "served", "refused", "seconds",
];

/// A row for each client, and a line for each measure of the swarm.
pub(super) fn table(measured: &Measured) -> String {
    let mut text = String::new();
    for row in rows(&measured.clients) {
        let cells = row.iter().zip(COLUMNS).map(|(cell, column)| {
            let width = column.len().max(7);
            format!("{cell:>width$}")
        });
        text += &cells.collect::<Vec<_>>().join("  ");
        text += "\n";
    }
    for (name, line) in lines(measured) {
        writeln!(text, "{name:>13}: {line}").expect("a string takes everything");
    }
    text
}

fn rows(clients: &[ClientMeasured]) -> Vec<[String; 6]> {
    let mut rows = vec![COLUMNS.map(String::from)];
    if clients.len() <= MOST_ROWS {
        rows.extend(clients.iter().map(|client| {
            let counts = counts(client).map(|count| count.to_string());
            row(&client.client.to_string(), counts, client.completion_time)
        }));
    } else {
        let columns: [Vec<f64>; 4] = [0, 1, 2, 3].map(|column| {
            let counts = clients.iter().map(|client| counts(client)[column] as f64);
            sorted(counts.collect())
        });
        let times = clients.iter().filter_map(|client| client.completion_time);
        let times = sorted(times.collect());
        for (name, part) in [("least", 0.0), ("median", 0.5), ("most", 1.0)] {
            let counts = columns.each_ref();
            let counts = counts.map(|column| quantile(column, part).to_string());
            let time = (!times.is_empty()).then(|| quantile(&times, part));
            rows.push(row(name, counts, time));
        }
    }
    rows
}

fn row(name: &str, counts: [String; 4], time: Option<f64>) -> [String; 6] {
    let [files, segments, served, refused] = counts;
    let time = time.map_or("-".into(), seconds);
    [name.into(), files, segments, served, refused, time]
}

fn counts(client: &ClientMeasured) -> [u64; 4] {
    [client.files, client.segments, client.served, client.refused]
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

fn lines(measured: &Measured) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    let messages = Tag::ALL.into_iter().filter_map(|tag| {
        let name = tag.to_string();
        let volume = measured.messages.get(&name)?;
        Some(format!("{name} {}", volume.messages))
    });
    lines.push(("messages", wrapped(messages)));
    if let Some(per_segment) = measured.tracker.messages_per_segment {
        let messages = measured.tracker.messages;
        let all = format!("{messages} messages to and from it");
        let each = format!("{per_segment:.3} a segment");
        lines.push(("tracker", wrapped([all, each].into_iter())));
    }
    let balance = &measured.balance;
    if let Some((imbalance, jain)) = balance.imbalance.zip(balance.jain) {
        let able = balance.able;
        let busiest =
            format!("the busiest of {able} that could serve did {imbalance:.2} times the mean");
        let index = format!("Jain's index {jain:.3}");
        lines.push(("balance", wrapped([busiest, index].into_iter())));
    }
    if let Some(makespan) = measured.makespan {
        let ratio = measured.lower_bound.zip(measured.optimality);
        let ratio = ratio.map(|(bound, ratio)| {
            format!("{ratio:.2} times the lower bound of {} s", seconds(bound))
        });
        let time = format!("{} s", seconds(makespan));
        let parts = [time].into_iter().chain(ratio);
        lines.push(("makespan", wrapped(parts)));
    }
    lines
}

/// Wraps words into lines of a terminal's width, behind the name of a measure.
fn wrapped(words: impl Iterator<Item = String>) -> String {
    const WIDTH: usize = 64;
    let mut text = String::new();
    let mut length = 0;
    for word in words {
        length += word.len() + 2;
        if length > WIDTH {
            text += ",\n               ";
            length = word.len() + 2;
        } else if !text.is_empty() {
            text += ", ";
        }
        text += &word;
    }
    text
}

fn seconds(time: f64) -> String {
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::protocol::Rank;
    use crate::protocol::samples::name;
    use crate::settings::Settings;
    use crate::statistics::{ClientStatistics, FileDownload, Makespan, Service, Traffic};

    /// A seed of `f`, of 10 segments, and leechers that each got it from the seed, the last one in
    /// 2 seconds.
    fn measured(leechers: u32) -> Measured {
        let seconds = Duration::from_secs;
        let seed = ClientStatistics {
            owned: vec![name("f")],
            service: Service {
                served: 10 * u64::from(leechers),
                refused: 3,
                busy: 0,
            },
            ..ClientStatistics::default()
        };
        let leecher = |number: u32| {
            let mut download = FileDownload::begin(name("f"), 10, seconds(1), seconds(1));
            for lacking in (0..10).rev() {
                download.gained(
                    seconds(1) + seconds(2) * number / leechers,
                    Rank(1),
                    lacking,
                );
            }
            ClientStatistics {
                downloads: vec![download],
                ..ClientStatistics::default()
            }
        };
        let mut tracker = Traffic::default();
        tracker.count(Tag::Stop, 1);
        tracker.count(Tag::Swarm, 100);
        tracker.count(Tag::Swarm, 100);
        let mut makespan = Makespan::default();
        makespan.heard(seconds(1), Tag::SwarmRequest);
        makespan.heard(seconds(3), Tag::FileComplete);
        let settings = Settings {
            upload_time: Duration::from_millis(100),
            ..Settings::default()
        };
        let clients: Vec<_> = [seed]
            .into_iter()
            .chain((1..=leechers).map(leecher))
            .collect();
        Measured::new(&settings, &clients, &tracker, &makespan)
    }

    #[test]
    fn every_client_has_a_row_and_every_measure_a_line() {
        let table = table(&measured(2));
        assert_eq!(
            table.lines().collect::<Vec<_>>(),
            [
                " client    files  segments   served  refused  seconds",
                "      1        0         0       20        3        -",
                "      2        1        10        0        0    1.000",
                "      3        1        10        0        0    2.000",
                "     messages: SWARM 2, STOP 1",
                "      tracker: 3 messages to and from it, 0.150 a segment",
                "      balance: the busiest of 3 that could serve did 3.00 times the mean,",
                "               Jain's index 0.333",
                "     makespan: 2.000 s, 1.82 times the lower bound of 1.100 s",
            ]
        );
    }

    #[test]
    fn of_many_clients_a_few_rows_are_shown() {
        let table = table(&measured(60));
        let rows: Vec<&str> = table.lines().take(4).collect();
        assert_eq!(
            rows,
            [
                " client    files  segments   served  refused  seconds",
                "  least        0         0        0        0    0.033",
                " median        1        10        0        0    1.000",
                "   most        1        10      600        3    2.000",
            ]
        );
    }

    #[test]
    fn long_lines_are_wrapped_between_words() {
        let words = ["A".repeat(40), "B".repeat(20), "C".repeat(3)];
        let lines = words.join(", ").replace("B, ", "B,\n               ");
        assert_eq!(wrapped(words.into_iter()), lines);
    }
}
