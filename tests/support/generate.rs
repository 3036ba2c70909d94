//! Swarms: random ones, each reproducible by its seed, and crowds.

use std::num::NonZeroUsize;
use std::ops::RangeInclusive;

use fastrand::Rng;
use lab::generate::Shape;
use swarm::manifest::Manifest;
use swarm::protocol::{FileName, Hashes, OwnedFile, SegmentHash};

/// A hash out of `variety` different ones.
fn hash(rng: &mut Rng, variety: u32) -> SegmentHash {
    let characters = format!("{:032x}", rng.u32(..variety));
    SegmentHash::new(characters.as_bytes()).expect("hexadecimal digits are printable")
}

/// The inputs of `clients` clients. Every file has an owner, and many have several. Some clients
/// own or want nothing, or want a file that nobody has. Some files repeat a few hashes over and
/// over.
pub fn inputs(
    rng: &mut Rng,
    clients: usize,
    files: RangeInclusive<usize>,
    segments: RangeInclusive<usize>,
) -> Vec<Manifest> {
    let mut inputs = vec![Manifest::default(); clients];
    for number in 1..=rng.usize(files) {
        let name = FileName::new(&format!("file{number}")).expect("a good name");
        let variety = if rng.bool() { 3 } else { u32::MAX };
        let hashes: Hashes = (0..rng.usize(segments.clone()))
            .map(|_| hash(rng, variety))
            .collect();
        let owner = rng.usize(..clients);
        let [owned, wanted] = [rng.f64() / 2.0, rng.f64()];
        for (client, input) in inputs.iter_mut().enumerate() {
            if client == owner || rng.f64() < owned {
                input.owned.push(OwnedFile {
                    name: name.clone(),
                    hashes: hashes.clone(),
                });
            } else if rng.f64() < wanted {
                input.wanted.push(name.clone());
            }
        }
    }
    for input in &mut inputs {
        if rng.u8(..8) == 0 {
            input
                .wanted
                .push(FileName::new("nowhere").expect("a good name"));
        }
        rng.shuffle(&mut input.owned);
        rng.shuffle(&mut input.wanted);
    }
    inputs
}

/// The inputs of a flash crowd: `seeds` seeds of one file, and then `leechers` leechers of it. All
/// its segments are different.
pub fn crowd(seeds: usize, leechers: usize, segments: usize) -> Vec<Manifest> {
    let number = |number| NonZeroUsize::new(number).expect("a crowd has a seed and a segment");
    let shape = Shape::FlashCrowd {
        seeds: number(seeds),
        leechers,
        segments: number(segments),
    };
    shape.swarm(&mut Rng::with_seed(0))
}
