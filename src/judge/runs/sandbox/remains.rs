//! What a run leaves: what it printed, how its ranks ended, and its outputs.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, PipeReader, Read};
use std::path::Path;

use swarm::protocol::Rank;

use super::MOST_OUTPUT;
use crate::seen::run::RankEnd;

/// The most bytes of what is printed that are kept.
const MOST_PRINTED: usize = 64 << 10;

/// How ranks ended that wrote it down.
pub(super) type RankEnds = BTreeMap<Rank, RankEnd>;

/// The beginning of what is printed; the rest is read as well, so that nobody waits for it.
pub(super) fn beginning(mut printed: PipeReader) -> String {
    let mut kept = Vec::new();
    let _ = (&mut printed)
        .take(MOST_PRINTED as u64)
        .read_to_end(&mut kept);
    let _ = io::copy(&mut printed, &mut io::sink());
    String::from_utf8_lossy(&kept).into_owned()
}

pub(super) fn rank_ends(record: &Path, ranks: usize) -> RankEnds {
    let end = |rank: Rank| {
        let text = fs::read_to_string(record.join(format!("end{rank}"))).ok()?;
        let status: i32 = text.trim().parse().ok()?;
        // As a shell has it.
        Some(match status {
            129..=192 => RankEnd::Signal(status - 128),
            status => RankEnd::Status(status),
        })
    };
    let ranks = (0..).map(Rank).take(ranks);
    ranks.filter_map(|rank| Some((rank, end(rank)?))).collect()
}

/// Without those that mpirun has ended because of another one.
pub(super) fn culprits(mut ends: RankEnds) -> RankEnds {
    let is_victim = |end: &RankEnd| matches!(end, RankEnd::Signal(9 | 15));
    if ends
        .values()
        .any(|end| !is_victim(end) && *end != RankEnd::Status(0))
    {
        ends.retain(|_, end| !is_victim(end));
    }
    ends
}

/// The files that were not there before. A name with a dot in front is one of ours.
pub(super) fn outputs(folder: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut outputs = BTreeMap::new();
    let mut room = MOST_OUTPUT;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_input = swarm::inputs::number(&name, "in", ".txt").is_some();
        // A link could be to anything, and a pipe has no end.
        if name.starts_with('.') || is_input || !entry.file_type()?.is_file() {
            continue;
        }
        let mut bytes = Vec::new();
        fs::File::open(entry.path())?
            .take(room)
            .read_to_end(&mut bytes)?;
        room -= bytes.len() as u64;
        outputs.insert(name, bytes);
    }
    Ok(outputs)
}
