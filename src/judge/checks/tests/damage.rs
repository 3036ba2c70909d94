//! Records into which the program has written.

use fastrand::Rng;
use tempfile::TempDir;

use super::*;
use crate::seen::calls::Datatype;
use crate::seen::recording::{LENGTHS, Record};

/// A right run, and its record on the disk.
fn written() -> (MadeUp, Record, TempDir) {
    let mut made_up = MadeUp::right(Format::HashBothWays);
    // The times of a record are those since its first call.
    for rank in 0..made_up.run.recording.ranks.len() {
        let record = &mut made_up.run.recording.ranks[rank];
        let mut first = record.calls[0].clone();
        (first.kind, first.segments, first.taken) = (Kind::InitThread, Vec::new(), None);
        first.started = std::time::Duration::ZERO;
        record.calls.insert(0, first);
    }
    let last = made_up.call((3, DOWNLOAD), Kind::Other);
    (last.name, last.datatype) = (Some("MPI_Put".into()), Datatype::Other);
    made_up.rank(3).not_followed.push("MPI_Put".into());
    made_up.rank(1).not_followed.push("MPI_Get".into());
    made_up.rank(1).tasks.extend([4711, 4712]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let record = Record::prepare(
        &folder.path().join("record"),
        made_up.run.recording.ranks.len(),
        &made_up.known,
    )
    .expect("a record");
    record.write(&made_up.run.recording);
    (made_up, record, folder)
}

/// Reads the record. Returns the ranks whose records are said to be damaged.
fn read(made_up: &mut MadeUp, record: &Record) -> Vec<usize> {
    made_up.run.recording = record.read().expect("it can be read");
    let ranks = made_up.run.recording.ranks.iter().enumerate();
    let damaged = ranks.filter_map(|(rank, it)| it.damage.as_ref().map(|_| rank));
    damaged.collect()
}

#[test]
fn what_is_written_is_read() {
    let (made_up, record, _folder) = written();
    assert_eq!(record.read().expect("a record"), made_up.run.recording);
}

#[test]
fn a_record_with_any_bytes_is_read_and_judged() {
    let (original, record, _folder) = written();
    let [header, call] = LENGTHS;
    let edges = [
        0,
        1,
        2,
        5,
        44,
        45,
        80,
        84,
        255,
        256,
        0x7fff_ffff,
        0x8000_0000,
        u32::MAX,
    ];
    let mut found = 0;
    for seed in 0..120 {
        let mut rng = Rng::with_seed(seed);
        let mut made_up = original.clone();
        record.write(&made_up.run.recording);
        for _ in 0..rng.u32(1..=20) {
            let rank = rng.usize(0..6);
            let calls = made_up.run.recording.ranks[rank].calls.len() as u64;
            let at = match rng.u8(0..10) {
                0 => 4 * rng.u64(0..16),
                1 => 64 + 4 * rng.u64(0..48),
                _ => header + 4 * rng.u64(0..calls * call / 4),
            };
            let word = if rng.bool() {
                *rng.choice(&edges).expect("some")
            } else {
                rng.u32(..)
            };
            record.damage(rank, at, word);
        }
        let damaged = read(&mut made_up, &record);
        found += damaged.len();
        for rank in damaged {
            let it = &made_up.run.recording.ranks[rank];
            assert!(
                it.is_cut && it.calls.is_empty() && it.levels.is_none(),
                "seed {seed}"
            );
        }
        assert!(!judge(&made_up.scene()).is_empty(), "seed {seed}");
    }
    assert!(found > 120, "only {found} were found out");
}

/// Each word of a header and a call in turn, and what is said of it.
#[test]
fn a_field_that_cannot_be_is_named_and_no_verdict_rests_on_its_record() {
    let (original, record, _folder) = written();
    let [header, length] = LENGTHS;
    let (second, names) = (header + length, 64 + 64 * 256);
    for (at, word, said) in [
        (0, 7, "its first word is 7"),
        (4, 88, "the length of a call is 88"),
        (12, 9, "a thread level is 9"),
        (20, 2, "whether it aborted is 2"),
        (28, 1, "a segment is"),
        (44, 0, "the time of MPI_Finalize is"),
        (48, 1, "its used length is 1"),
        (56, 0, "the number of threads is 0"),
        (64, 3, "whether a thread is over is 3"),
        (64 + 24, 5, "the kind of a call is 0"),
        (60, 129, "the number of names is 129"),
        (60, 2, "a name is "),
        (names, u32::from_ne_bytes(*b"\x1b[2J"), "a name is"),
        (second + 4, 45, "the datatype of a call is 1"),
        (second, 79, "the length of a call is 79"),
        (second + 4, 777, "the kind of a call is 777"),
        (second + 4, 5 + (9 << 16), "the thread of a call is 9"),
        (second + 8, 6, "the other side of a call is 6"),
        (second + 20, u32::MAX, "the error of a call is -1"),
        (second + 28, 0, "the beginning of a call is"),
        (second + 36, 0, "the end of a call is"),
        (second + 72, 25, "the datatype of a call is 25"),
        (second + 76, u32::MAX, "the length of a call is"),
        (second + length, 4_000, "a segment is 4000"),
    ] {
        let mut made_up = original.clone();
        record.write(&made_up.run.recording);
        record.damage(1, at, word);
        if said.starts_with("a segment is") && at == 28 {
            record.damage(1, 36, 4_000);
        }
        let damaged = read(&mut made_up, &record);
        let damage = made_up.run.recording.ranks[1].damage.clone();
        let damage = damage.unwrap_or_else(|| panic!("{at}: nothing is damaged"));
        assert!(damage.starts_with(said), "{at}: {damage}");
        assert_eq!(damaged, [1]);
        let why = format!("the record of client 1 is damaged: {damage}");
        assert!(made_up.is_untold(Check::Leftover, &why), "{said}");
        for (check, shown) in judge(&made_up.scene()) {
            // The outputs are no part of the record, and are not made up.
            let is_wrong = matches!(shown, Ok(Shown::Wrong(_))) && check != Check::Outputs;
            assert!(!is_wrong, "{said}: {check}");
        }
    }
}

#[test]
fn a_record_that_was_made_shorter_is_damaged_and_ends_nothing() {
    let (original, record, _folder) = written();
    for length in [0, 10, LENGTHS[0], LENGTHS[0] + 100] {
        let mut made_up = original.clone();
        record.set_length(2, length);
        let damaged = read(&mut made_up, &record);
        assert_eq!(damaged, [2]);
        let why = format!("its file has {length} bytes, and had 67108864");
        assert!(made_up.is_untold(Check::Errors, &why));
        assert!(record.activity().is_ok());
    }
}

/// What a thread was about to record when its rank ended.
#[test]
fn what_lies_behind_a_call_that_was_not_recorded_is_missing() {
    let (mut made_up, record, _folder) = written();
    record.damage(1, LENGTHS[0] + LENGTHS[1], 0);
    let damaged = read(&mut made_up, &record);
    assert!(damaged.is_empty());
    let record = &made_up.run.recording.ranks[1];
    assert_eq!((record.is_cut, record.calls.len()), (true, 1));
}
