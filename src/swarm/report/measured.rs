//! The measures of a run, from what its ranks counted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ClassMeasured, metrics};
use crate::protocol::{FileName, Rank, Tag};
use crate::settings::Settings;
use crate::statistics::{ClientStatistics, FileDownload, Makespan, Traffic, Volume};

/// The measures of a run. Times are in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Downloaded files. A file counts once for every client that fetched it.
    pub files: u64,
    /// Downloaded and verified segments.
    pub segments: u64,
    /// From the first SWARM_REQUEST of any client to the last FILE_COMPLETE of any client.
    pub makespan: Option<f64>,
    /// The least makespan that a schedule can have. Known for one file, one seed and an upload time.
    pub lower_bound: Option<f64>,
    /// The makespan over its lower bound.
    pub optimality: Option<f64>,
    /// Completion times of all downloads, each from the first SWARM_REQUEST for the file to its
    /// last verified segment.
    pub completion: Option<Distribution>,
    /// How evenly clients served.
    pub balance: Balance,
    /// The part of all segments that was served by clients which owned the file from the start.
    pub served_by_seeds: Option<f64>,
    /// Refused requests over all answered ones.
    pub nack_ratio: Option<f64>,
    /// Messages of any kind for each downloaded segment.
    pub messages_per_segment: Option<f64>,
    /// Messages to and from the tracker.
    pub tracker: TrackerLoad,
    /// Messages by kind.
    pub messages: BTreeMap<String, Volume>,
    /// By client, in rank order.
    pub clients: Vec<ClientMeasured>,
    /// By class of the scenario, if there is one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub classes: BTreeMap<String, ClassMeasured>,
    /// How far the swarm was at chosen times, if the user chose any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moments: Vec<Moment>,
    /// The segments that client R sent (row R - 1), wrong ones left out: pairs of the receiver's rank and
    /// a number above 0, in rank order. Pairs, because in a large swarm few clients meet.
    pub transfers: Vec<Vec<(u32, u64)>>,
}

/// How far a swarm is at a time.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Moment {
    /// The time, since the start of the run.
    pub time: f64,
    /// The number of clients that hold the segment which the fewest hold, of all files that clients know.
    pub rarest: Option<u32>,
    /// The number of clients whose upload link has a segment on it.
    pub links_busy: usize,
    /// The number of clients that have finished their downloads. One that wants nothing has.
    pub clients_done: usize,
}

/// The spread of some times.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// The least.
    pub minimum: f64,
    /// Half of them are not longer.
    pub median: f64,
    /// 95 % of them are not longer.
    pub p95: f64,
    /// The greatest.
    pub maximum: f64,
}

/// How evenly the clients served that could have. A client could have if it held a segment of a file
/// that another client downloaded.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Balance {
    /// The number of clients that could have served.
    pub able: usize,
    /// What the busiest of them served, over the mean.
    pub imbalance: Option<f64>,
    /// Jain's fairness index of what they served.
    pub jain: Option<f64>,
}

/// Messages to and from the tracker.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TrackerLoad {
    /// The number of messages.
    pub messages: u64,
    /// The sum of their lengths.
    pub bytes: u64,
    /// Messages for each downloaded segment.
    pub messages_per_segment: Option<f64>,
    /// Messages for each client.
    pub messages_per_client: f64,
}

/// What one client did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClientMeasured {
    /// Its rank.
    pub client: u32,
    /// Its class in the scenario, if it is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Files that it downloaded.
    pub files: u64,
    /// Segments that it downloaded and verified.
    pub segments: u64,
    /// Requests that it answered with a segment.
    pub served: u64,
    /// Requests that it refused (NACK).
    pub refused: u64,
    /// Requests that came when all its upload slots were taken (BUSY).
    pub busy: u64,
    /// From its first SWARM_REQUEST to its last verified segment, if it downloaded anything.
    pub completion_time: Option<f64>,
    /// Its downloads, in the order of its input.
    pub downloads: Vec<DownloadMeasured>,
}

/// The download of one file by one client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DownloadMeasured {
    /// Its name.
    pub file: String,
    /// The number of segments that it has.
    pub segments: usize,
    /// The number of segments that came.
    pub downloaded: u64,
    /// When it was first asked for, since the client's INIT_ACK.
    pub begun: f64,
    /// From then to the last segment, if that came.
    pub completion_time: Option<f64>,
    /// The part of that time that the last 5 % of the segments took.
    pub end_game_share: Option<f64>,
    /// The number of members that sent segments of it.
    pub sources: usize,
    /// How evenly they did: the entropy of their shares over the logarithm of how many members could
    /// have. 0: one member sent all. 1: all sent the same. `None`: only one could.
    pub source_evenness: Option<f64>,
}

impl Measured {
    /// The measures of what the clients, in rank order, and the tracker counted.
    pub fn new(
        settings: &Settings,
        statistics: &[ClientStatistics],
        tracker: &Traffic,
        makespan: &Makespan,
    ) -> Measured {
        let files = files(statistics);
        let clients: Vec<ClientMeasured> = Rank::clients(statistics.len())
            .zip(statistics)
            .map(|(client, statistics)| client_measured(client, statistics, &files))
            .collect();
        let segments: u64 = clients.iter().map(|client| client.segments).sum();
        let per_segment = |number: u64| (segments > 0).then(|| number as f64 / segments as f64);

        let mut traffic = *tracker;
        statistics.iter().for_each(|client| traffic += client.sent);
        let load = traffic.sum(Tag::is_trackers);
        let requests = traffic.of(Tag::Segment).messages;
        let refused: u64 = clients.iter().map(|client| client.refused).sum();

        let transfers = transfers(statistics);
        let makespan = makespan.length().map(|length| length.as_secs_f64());
        let lower_bound =
            lower_bound(settings, statistics, &files).map(|bound| bound.as_secs_f64());
        let downloads = clients.iter().flat_map(|client| &client.downloads);
        Measured {
            files: clients.iter().map(|client| client.files).sum(),
            segments,
            makespan,
            lower_bound,
            optimality: makespan.zip(lower_bound).map(|(time, bound)| time / bound),
            completion: distribution(downloads.filter_map(|file| file.completion_time).collect()),
            balance: balance(&clients, &files),
            served_by_seeds: per_segment(served_by_seeds(statistics, &files)),
            nack_ratio: (requests > 0).then(|| refused as f64 / requests as f64),
            messages_per_segment: per_segment(traffic.sum(|_| true).messages),
            tracker: TrackerLoad {
                messages: load.messages,
                bytes: load.bytes,
                messages_per_segment: per_segment(load.messages),
                messages_per_client: load.messages as f64 / statistics.len() as f64,
            },
            messages: (Tag::ALL.into_iter())
                .map(|tag| (tag.to_string(), traffic.of(tag)))
                .filter(|(_, volume)| volume.messages > 0)
                .collect(),
            clients,
            classes: BTreeMap::new(),
            moments: Vec::new(),
            transfers,
        }
    }
}

/// The clients that had to do with a file.
#[derive(Default)]
struct Parties {
    owners: BTreeSet<Rank>,
    /// The clients that held a segment of it by the end.
    holders: BTreeSet<Rank>,
    /// The clients that joined its swarm to download it.
    leechers: BTreeSet<Rank>,
}

fn files(statistics: &[ClientStatistics]) -> BTreeMap<&FileName, Parties> {
    let mut files: BTreeMap<&FileName, Parties> = BTreeMap::new();
    for (client, statistics) in Rank::clients(statistics.len()).zip(statistics) {
        for name in &statistics.owned {
            let file = files.entry(name).or_default();
            file.owners.insert(client);
            file.holders.insert(client);
        }
        for download in &statistics.downloads {
            let file = files.entry(&download.name).or_default();
            file.leechers.insert(client);
            if !download.sources.is_empty() {
                file.holders.insert(client);
            }
        }
    }
    files
}

fn client_measured(
    client: Rank,
    statistics: &ClientStatistics,
    files: &BTreeMap<&FileName, Parties>,
) -> ClientMeasured {
    let downloads = &statistics.downloads;
    let begun = downloads.iter().map(|file| file.begun).min();
    let latest = downloads.iter().map(|file| file.latest).max();
    let time = latest.zip(begun);
    let time = time.map(|(latest, begun)| latest.saturating_sub(begun));
    ClientMeasured {
        client: client.0,
        class: None,
        files: downloads.iter().filter(|file| file.complete).count() as u64,
        segments: downloads.iter().map(downloaded).sum(),
        served: statistics.service.served,
        refused: statistics.service.refused,
        busy: statistics.service.busy,
        completion_time: time.map(|time| time.as_secs_f64()),
        downloads: downloads
            .iter()
            .map(|file| download_measured(client, file, &files[&file.name]))
            .collect(),
    }
}

fn downloaded(file: &FileDownload) -> u64 {
    file.sources.values().sum()
}

fn download_measured(client: Rank, download: &FileDownload, file: &Parties) -> DownloadMeasured {
    // A trace that was forged, or whose clocks were set, has times that go back.
    let until_latest = |time| download.latest.saturating_sub(time).as_secs_f64();
    let time = until_latest(download.begun);
    let end_game = download.nearly_done.map(until_latest);
    let able = file.holders.len() - usize::from(file.holders.contains(&client));
    DownloadMeasured {
        file: download.name.to_string(),
        segments: download.segments,
        downloaded: downloaded(download),
        begun: download.begun.as_secs_f64(),
        completion_time: download.complete.then_some(time),
        end_game_share: (end_game.filter(|_| download.complete && time > 0.0))
            .map(|end_game| end_game / time),
        sources: download.sources.len(),
        source_evenness: metrics::evenness(download.sources.values().copied(), able),
    }
}

pub(super) fn distribution(mut times: Vec<f64>) -> Option<Distribution> {
    times.sort_by(f64::total_cmp);
    (!times.is_empty()).then(|| Distribution {
        minimum: times[0],
        median: metrics::quantile(&times, 0.5),
        p95: metrics::quantile(&times, 0.95),
        maximum: metrics::quantile(&times, 1.0),
    })
}

fn balance(clients: &[ClientMeasured], files: &BTreeMap<&FileName, Parties>) -> Balance {
    let could_serve = |client: Rank| {
        files.values().any(|file| {
            file.holders.contains(&client) && file.leechers.iter().any(|&other| other != client)
        })
    };
    let able = clients
        .iter()
        .filter(|client| could_serve(Rank(client.client)));
    let served: Vec<u64> = able.map(|client| client.served).collect();
    Balance {
        able: served.len(),
        imbalance: metrics::imbalance(&served),
        jain: metrics::jain(&served),
    }
}

fn served_by_seeds(statistics: &[ClientStatistics], files: &BTreeMap<&FileName, Parties>) -> u64 {
    let downloads = statistics.iter().flat_map(|client| &client.downloads);
    let from_seeds = |download: &FileDownload| -> u64 {
        let owners = &files[&download.name].owners;
        let sources = download.sources.iter();
        sources
            .filter(|(member, _)| owners.contains(member))
            .map(|(_, count)| count)
            .sum()
    };
    downloads.map(from_seeds).sum()
}

fn transfers(statistics: &[ClientStatistics]) -> Vec<Vec<(u32, u64)>> {
    let mut transfers: Vec<Vec<(u32, u64)>> = vec![Vec::new(); statistics.len()];
    for (Rank(to), client) in Rank::clients(statistics.len()).zip(statistics) {
        for (from, count) in client
            .downloads
            .iter()
            .flat_map(|download| &download.sources)
        {
            let row = &mut transfers[from.0 as usize - 1];
            match row.last_mut() {
                Some((last, sum)) if *last == to => *sum += count,
                _ => row.push((to, *count)),
            }
        }
    }
    transfers
}

/// Known where one file was downloaded, from one seed, and serving took time.
fn lower_bound(
    settings: &Settings,
    statistics: &[ClientStatistics],
    files: &BTreeMap<&FileName, Parties>,
) -> Option<Duration> {
    let mut downloaded = files.values().filter(|file| !file.leechers.is_empty());
    let (Some(file), None) = (downloaded.next(), downloaded.next()) else {
        return None;
    };
    let mut downloads = statistics.iter().flat_map(|client| &client.downloads);
    if settings.upload_time.is_zero()
        || file.owners.len() != 1
        || !downloads.clone().all(|download| download.complete)
    {
        return None;
    }
    metrics::lower_bound(
        downloads.next()?.segments,
        file.leechers.len(),
        settings.upload_time,
    )
}
