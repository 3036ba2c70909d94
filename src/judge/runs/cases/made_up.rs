//! Tests that are made up, from a seed.

use std::collections::BTreeSet;

use fastrand::Rng;

use super::Case;
use super::promise::LONGEST_NAME;
use crate::seen::condition::Origin;
use swarm::manifest::Manifest;
use swarm::protocol::{FileName, OwnedFile};

/// The shape of a made-up test.
struct Shape {
    name: &'static str,
    clients: usize,
    files: usize,
    segments: usize,
    /// How many clients own each file.
    owners: usize,
    /// Whether the clients that own nothing want everything, and no others want anything.
    is_crowd: bool,
}

/// From the smallest to the largest that the assignment allows, ordered so that the first few differ most.
const SHAPES: [Shape; 6] = [
    //    name, clients, files, segments, owners, is_crowd
    shape("crowd", 7, 1, 100, 1, true),
    shape("names", 4, 10, 21, 2, false),
    shape("pair", 2, 2, 100, 1, false),
    shape("many", 10, 4, 30, 3, false),
    shape("short", 5, 8, 3, 1, false),
    shape("seeds", 6, 2, 100, 4, false),
];

const fn shape(
    name: &'static str,
    clients: usize,
    files: usize,
    segments: usize,
    owners: usize,
    is_crowd: bool,
) -> Shape {
    Shape {
        name,
        clients,
        files,
        segments,
        owners,
        is_crowd,
    }
}

/// `number` tests within the assignment's limits, from a seed.
pub fn generated(number: usize, seed: u64) -> Vec<Case> {
    let mut rng = Rng::with_seed(seed);
    (0..number)
        .map(|nth| {
            let shape = &SHAPES[nth % SHAPES.len()];
            let inputs = swarm(shape, &names(shape.files, &mut rng), &mut rng);
            let name = match nth / SHAPES.len() {
                0 => shape.name.to_owned(),
                round => format!("{}-{}", shape.name, round + 1),
            };
            Case::made_up(&name, &inputs)
        })
        .collect()
}

/// Names that programs confuse: one inside another, alike but for the last digit, of any length up to the
/// longest.
fn names(number: usize, rng: &mut Rng) -> Vec<FileName> {
    let mut names: Vec<String> = ["file1", "file10", "myfile1", "a", "file11", "FILE1"]
        .map(String::from)
        .into();
    while names.len() < number.max(6) {
        let length = rng.usize(7..=LONGEST_NAME);
        let name: String = (0..length).map(|_| rng.alphanumeric()).collect();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    // The longest one, for sure.
    if number > 6 {
        names[6] = (0..LONGEST_NAME).map(|_| rng.lowercase()).collect();
    }
    names.truncate(number);
    let name = |name: &String| FileName::new(name).expect("letters and digits are a good name");
    names.iter().map(name).collect()
}

/// The inputs of a swarm of this shape, in which every client owns or wants something.
fn swarm(shape: &Shape, names: &[FileName], rng: &mut Rng) -> Vec<Manifest> {
    let mut inputs = vec![Manifest::default(); shape.clients];
    for (nth, name) in names.iter().enumerate() {
        // The first file of a shape has its full length.
        let segments = if nth == 0 {
            shape.segments
        } else {
            rng.usize(1..=shape.segments)
        };
        let file = OwnedFile::random(name.clone(), segments, rng);
        let owners = if shape.is_crowd {
            (0..shape.owners).collect()
        } else {
            rng.choose_multiple(0..shape.clients, shape.owners)
        };
        for owner in owners {
            inputs[owner].owned.push(file.clone());
        }
    }
    for (nth, input) in inputs.iter_mut().enumerate() {
        let owned: BTreeSet<&FileName> = input.owned.iter().map(|file| &file.name).collect();
        let mut others: Vec<FileName> = names
            .iter()
            .filter(|name| !owned.contains(name))
            .cloned()
            .collect();
        rng.shuffle(&mut others);
        // The first one wants as much as it can.
        if !shape.is_crowd && nth > 0 {
            let least = usize::from(input.owned.is_empty());
            others.truncate(rng.usize(least..=others.len()));
        }
        input.wanted = others;
    }
    inputs
}

/// Tests of what the assignment does not promise, from a seed.
pub fn generated_beyond(seed: u64) -> Vec<Case> {
    let mut rng = Rng::with_seed(seed);
    let rng = &mut rng;
    let name = |name: &str| FileName::new(name).expect("a good name");
    let plain = [name("file1"), name("file2")];
    let swarm_of = |names: &[FileName], segments: usize, rng: &mut Rng| {
        let owned: Vec<OwnedFile> = names
            .iter()
            .map(|name| OwnedFile::random(name.clone(), segments, rng))
            .collect();
        let (first, second) = owned.split_at(owned.len() / 2);
        let wants = |files: &[OwnedFile]| files.iter().map(|file| file.name.clone()).collect();
        vec![
            Manifest {
                owned: first.to_vec(),
                wanted: wants(second),
            },
            Manifest {
                owned: second.to_vec(),
                wanted: wants(first),
            },
            Manifest {
                owned: vec![],
                wanted: wants(&owned),
            },
        ]
    };
    let many: Vec<FileName> = (1..=14)
        .map(|number| name(&format!("file{number}")))
        .collect();
    let long = [name(&"long".repeat(10)), name("16-letter-file.x")];
    let mut idle = swarm_of(&plain, 20, rng);
    idle.insert(1, Manifest::default());
    let mut repeated = swarm_of(&plain, 20, rng);
    for input in &mut repeated {
        for owned in &mut input.owned {
            let first = owned.hashes.iter().next();
            let hashes = owned.hashes.iter().enumerate();
            owned.hashes = hashes
                .map(|(place, hash)| {
                    if place == 7 {
                        first.expect("there are 20")
                    } else {
                        hash
                    }
                })
                .collect();
        }
    }
    let mut cases = vec![
        Case::made_up("long-names", &swarm_of(&long, 20, rng)),
        Case::made_up("many-files", &swarm_of(&many, 5, rng)),
        Case::made_up("many-segments", &swarm_of(&plain, 250, rng)),
        Case::made_up("repeated-hash", &repeated),
        Case::made_up("idle-client", &idle),
    ];
    let texts = swarm_of(&plain, 20, rng)
        .into_iter()
        .map(|input| input.to_string().replace('\n', "\r\n"));
    let lines = Case::new("line-endings".into(), Origin::Generated, texts.collect());
    cases.push(lines.expect("CR is white space"));
    cases
}
