//! What a run leaves: what it printed, how its ranks ended, and its outputs.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, PipeReader, Read};
use std::path::Path;

use swarm::protocol::Rank;

use super::MOST_OUTPUT;
use crate::seen::finding::Finding;
use crate::seen::run::RankEnd;

/// The most bytes of what is printed that are kept.
const MOST_PRINTED: usize = 64 << 10;

/// The most bytes of a sanitizer's report that are read.
const MOST_REPORTED: u64 = 64 << 10;

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

/// What sanitizers report of each rank in this folder, in files such as `report3.PROCESS`.
pub(super) fn findings(folder: &Path) -> io::Result<BTreeMap<Rank, Finding>> {
    let mut findings = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let of_rank = name
            .strip_prefix("report")
            .and_then(|it| it.split_once('.'));
        let Some(rank) = of_rank.and_then(|(rank, _)| rank.parse().ok()) else {
            continue;
        };
        // The program can put anything there.
        if entry.file_type()?.is_file() {
            let mut text = Vec::new();
            let report = fs::File::open(entry.path())?;
            report.take(MOST_REPORTED).read_to_end(&mut text)?;
            let finding = Finding::read(&String::from_utf8_lossy(&text));
            findings.extend(finding.map(|finding| (Rank(rank), finding)));
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn reports_are_files_that_name_their_rank_and_are_read_to_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let report = "tema2.c:9:5: runtime error: division by zero\n";
        write("report1.77", report);
        write(
            "report2.78",
            &format!("{}\n{report}", "x".repeat(MOST_REPORTED as usize)),
        );
        for name in ["report.79", "report4", "reportx.80", "other3.81"] {
            write(name, report);
        }
        symlink("report1.77", folder.path().join("report5.82")).unwrap();
        fs::create_dir(folder.path().join("report6.83")).unwrap();
        let found: Vec<String> = (findings(folder.path()).unwrap().into_iter())
            .map(|(rank, finding)| format!("{rank}: {finding}"))
            .collect();
        let expected = "1: UndefinedBehaviorSanitizer: division by zero at tema2.c:9";
        assert_eq!(found, [expected]);
    }
}
