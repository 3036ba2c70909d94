//! The plan of the house: which room may name which. The maps in the crates' docs say why.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use support::repository::root;

/// The rooms of each house, from the ground up: a room names only those before it.
const FLOORS: [(&str, &[&str]); 4] = [
    (
        "swarm",
        &[
            "limits",
            "links",
            "exit",
            "shown",
            "terminal",
            "signals",
            "pipe",
            "say",
            "text_file",
            "toml_file",
            "seconds",
            "protocol",
            "event",
            "policy",
            "manifest",
            "sound",
            "inputs",
            "settings",
            "statistics",
            "client",
            "scenario",
            "tracker",
            "report",
            "trace",
            "output",
            "progress",
            "options",
            "launch",
            "runtime",
        ],
    ),
    (
        "lab",
        &[
            "memory", "generate", "twin", "oracle", "rules", "check", "picture", "simulate",
            "study",
        ],
    ),
    (
        "judge",
        &[
            "seen", "checks", "told", "runs", "grader", "course", "command",
        ],
    ),
    ("pages", &["column", "page", "document"]),
];

/// The houses that each house may name.
const HOUSES: [(&str, &[&str]); 4] = [
    ("swarm", &[]),
    ("pages", &[]),
    ("lab", &["swarm", "pages"]),
    ("judge", &["swarm", "pages"]),
];

/// What the judge knows of a swarm: how inputs look and how ranks are started, not how one works.
const FOR_THE_JUDGE: [&str; 12] = [
    "protocol",
    "manifest",
    "sound",
    "inputs",
    "launch",
    "output",
    "progress",
    "say",
    "shown",
    "signals",
    "terminal",
    "toml_file",
];

/// The rooms that decide: they take messages and times, and leave what is to be done.
const DECIDE: [&str; 9] = [
    "protocol",
    "event",
    "policy",
    "settings",
    "statistics",
    "client",
    "scenario/cast",
    "sound",
    "tracker",
];

/// What has effects.
const EFFECTS: [&str; 10] = [
    "mpi::",
    "std::fs",
    "std::thread",
    "std::env",
    "std::process",
    "Instant",
    "SystemTime",
    "print!",
    "println!",
    "eprint",
];

/// The files of a folder, and of a module with the same name.
fn files(place: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let module = place.with_extension("rs");
    if module.is_file() {
        files.push(module);
    }
    for entry in fs::read_dir(place).into_iter().flatten() {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// What a file says to the compiler outside its tests: no comments, and nothing behind `#[cfg(test)]`
/// at the end.
fn code(path: &Path) -> String {
    let is_for_tests = ["tests", "samples", "made_up"].iter().any(|name| {
        path.iter()
            .any(|part| Path::new(part).with_extension("") == Path::new(name))
    });
    if is_for_tests {
        return String::new();
    }
    let text = fs::read_to_string(path).expect("a source file can be read");
    let text = text
        .split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default();
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.fold(String::new(), |text, line| text + line + "\n")
}

/// The words that stand behind a path's beginning.
fn named<'a>(code: &'a str, beginning: &str) -> BTreeSet<&'a str> {
    let starts = code.match_indices(beginning).filter(|(at, _)| {
        !code[..*at].ends_with(|before: char| before.is_alphanumeric() || "_:$".contains(before))
    });
    let behind = starts.map(|(at, start)| &code[at + start.len()..]);
    behind
        .map(|rest| {
            rest.split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap_or("")
        })
        .filter(|word| !word.is_empty())
        .collect()
}

fn src() -> PathBuf {
    root().join("src")
}

#[test]
fn every_room_is_on_the_plan_of_its_house() {
    for (house, rooms) in FLOORS {
        let map = fs::read_to_string(src().join(house).join("lib.rs")).expect("a house has a map");
        let there = map.lines().filter_map(|line| {
            let line = line.trim_start_matches("pub ").strip_prefix("mod ")?;
            line.strip_suffix(';')
        });
        let there: BTreeSet<&str> = there.collect();
        assert_eq!(there, rooms.iter().copied().collect(), "{house}");
    }
}

#[test]
fn a_room_names_only_rooms_below_it() {
    let mut wrong = String::new();
    for (house, rooms) in FLOORS {
        for (floor, room) in rooms.iter().enumerate() {
            for path in files(&src().join(house).join(room)) {
                for other in named(&code(&path), "crate::") {
                    if rooms
                        .iter()
                        .position(|name| *name == other)
                        .is_some_and(|at| at > floor)
                    {
                        wrong += &format!("{} names {other}\n", path.display());
                    }
                }
            }
        }
    }
    assert_eq!(wrong, "");
}

#[test]
fn no_check_names_another() {
    let checks = src().join("judge/checks");
    for path in files(&checks)
        .into_iter()
        .filter(|path| !path.ends_with("checks/mod.rs"))
    {
        let inside = path
            .strip_prefix(&checks)
            .expect("a file in that folder")
            .with_extension("");
        let own = inside
            .iter()
            .next()
            .and_then(|name| name.to_str())
            .expect("a name");
        for other in named(&code(&path), "crate::checks::") {
            let may = [own, "evidence"].contains(&other) || own == "table";
            assert!(may, "{} names {other}", path.display());
        }
    }
}

#[test]
fn a_house_names_only_the_houses_it_may() {
    for (house, may) in HOUSES {
        let manifest = src().join(house).join("Cargo.toml");
        let manifest = fs::read_to_string(manifest).expect("a house has a manifest");
        let (_, dependencies) = manifest
            .split_once("\n[dependencies]")
            .expect("it has some");
        for (other, _) in HOUSES {
            let line = format!("\n{other}");
            let depends = dependencies
                .split("\n[dev-dependencies]")
                .next()
                .is_some_and(|of_the_house| of_the_house.contains(&line));
            assert_eq!(depends, may.contains(&other), "{house} and {other}");
        }
    }
}

#[test]
fn studies_have_no_runtime_and_judges_know_no_swarm_from_inside() {
    for path in files(&src().join("lab")) {
        assert!(
            !named(&code(&path), "swarm::").contains("runtime"),
            "{}",
            path.display()
        );
    }
    for path in files(&src().join("judge")) {
        for room in named(&code(&path), "swarm::") {
            assert!(
                FOR_THE_JUDGE.contains(&room),
                "{} names {room}",
                path.display()
            );
        }
    }
}

#[test]
fn what_decides_has_no_effects() {
    for room in DECIDE {
        let files = files(&src().join("swarm").join(room));
        assert!(!files.is_empty(), "{room}");
        for path in files {
            let code = code(&path);
            for effect in EFFECTS {
                assert!(!code.contains(effect), "{} has {effect}", path.display());
            }
        }
    }
}

/// Who waits counts its own looks: a clock goes on while everything is stopped.
#[test]
fn who_loses_patience_looks_at_no_clock() {
    for room in ["patience", "watch", "assembly", "lead"] {
        let path = src().join("swarm/runtime").join(room).with_extension("rs");
        let code = code(&path);
        assert!(
            code.contains("Patience") || code.contains("Silence"),
            "{room}"
        );
        assert!(
            !code.contains("Instant") && !code.contains("SystemTime"),
            "{room}"
        );
    }
}

#[test]
fn the_rooms_of_the_runtime_form_no_circle() {
    let files = files(&src().join("swarm/runtime")).into_iter();
    let room = |path: &PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    let mut rooms: BTreeMap<String, String> =
        files.map(|path| (room(&path), code(&path))).collect();
    rooms.remove("mod");
    assert!(
        rooms.values().all(|code| !code.contains("super::{")),
        "each room has a line of its own"
    );
    // A room that names none of the others is taken away, until only circles and what names them is left.
    let names_none = |rooms: &BTreeMap<String, String>, room: &String| {
        named(&rooms[room], "super::")
            .into_iter()
            .all(|other| !rooms.contains_key(other))
    };
    while let Some(room) = rooms.keys().find(|room| names_none(&rooms, room)).cloned() {
        rooms.remove(&room);
    }
    assert!(rooms.is_empty(), "{:?}", rooms.keys());
}

#[test]
fn only_the_runtime_names_mpi() {
    for house in ["swarm", "lab", "judge", "pages"] {
        for path in files(&src().join(house)) {
            let may = path.starts_with(src().join("swarm/runtime"))
                || path.starts_with(src().join("swarm/launch"));
            assert!(
                may || named(&code(&path), "mpi::").is_empty(),
                "{}",
                path.display()
            );
        }
    }
}

/// `Path::display` leaves in a message what steers a terminal or breaks a line.
#[test]
fn a_path_is_shown_in_one_way() {
    for path in files(&src()) {
        let has_others = code(&path).contains(".display()");
        assert!(!has_others, "{}: show paths with `shown()`", path.display());
    }
}
