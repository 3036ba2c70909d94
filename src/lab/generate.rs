//! `bittorrent generate`: makes swarms up and writes their inputs. The same seed makes the same swarm.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use fastrand::Rng;

use crate::memory;
use swarm::inputs;
use swarm::manifest::Manifest;
use swarm::output::{Claims, NewFolders, NotWritten};
use swarm::protocol::{FileName, OwnedFile, Rank, SegmentHash};
use swarm::shown::Shown;
use swarm::signals::Interrupt;

/// A swarm to be made up, and where it goes.
#[derive(Debug, Clone)]
pub struct Generate {
    /// The folder.
    pub folder: PathBuf,
    /// What the swarm is like.
    pub shape: Shape,
    /// The seed of its random numbers.
    pub seed: u64,
    /// Whether a swarm that is there already may be replaced.
    pub replace: bool,
}

impl Generate {
    /// Makes the swarm up and writes it. Returns a line that says what there is now.
    ///
    /// # Errors
    /// As [`write()`], or when memory is short.
    pub fn run(&self) -> Result<String> {
        memory::check(self.shape.memory())?;
        let swarm = self.shape.swarm(&mut Rng::with_seed(self.seed));
        let interrupt = Interrupt::on_signals()?;
        write(&self.folder, &swarm, self.replace, &interrupt)?;
        let clients = swarm.len();
        Ok(format!(
            "wrote in1.txt to in{clients}.txt to {}, and out<K>.txt to compare with; \
             --seed {} makes the same again",
            self.folder.shown(),
            self.seed
        ))
    }
}

/// The shape of a swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Files with owners at random, and clients that want some of the others.
    Random(RandomShape),
    /// One file that the first clients own and all others want.
    FlashCrowd {
        /// How many own it.
        seeds: NonZeroUsize,
        /// How many want it.
        leechers: usize,
        /// The length of the file.
        segments: NonZeroUsize,
    },
}

/// How many of the files that it does not own a client wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    /// All of them.
    All,
    /// This many, or all if there are fewer.
    Some(usize),
}

/// A swarm in which chance decides which files each client owns and wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RandomShape {
    /// How many clients there are.
    pub clients: NonZeroUsize,
    /// How many files there are.
    pub files: NonZeroUsize,
    /// The length of each.
    pub segments: NonZeroUsize,
    /// How many clients own each file; at most `clients`.
    pub owners: NonZeroUsize,
    /// How many files each client wants.
    pub wants: Wants,
    /// Whether chance also decides on lengths, owners and wants; the numbers above are the most then.
    pub vary: bool,
}

impl Shape {
    /// How many clients there are.
    pub fn clients(&self) -> usize {
        match self {
            Shape::Random(shape) => shape.clients.get(),
            Shape::FlashCrowd {
                seeds, leechers, ..
            } => seeds.get() + leechers,
        }
    }

    /// Of a flash crowd with one seed: the file, how many want it, and its length.
    pub fn crowd(&self) -> Option<(FileName, usize, usize)> {
        match self {
            Shape::FlashCrowd {
                seeds: NonZeroUsize::MIN,
                leechers,
                segments,
            } => Some((name(1), *leechers, segments.get())),
            Shape::FlashCrowd { .. } | Shape::Random(_) => None,
        }
    }

    /// How many bytes its inputs take, at least. Numbers within the [`limits`](swarm::limits) are not too
    /// large for it.
    pub fn memory(&self) -> u64 {
        let of = |files: usize, segments: usize, names: usize| -> u64 {
            let sizes = [
                (files * segments, SegmentHash::LENGTH),
                (names, size_of::<FileName>()),
                (self.clients(), size_of::<Manifest>()),
            ];
            sizes
                .map(|(number, size)| (number * size) as u64)
                .iter()
                .sum()
        };
        match self {
            // Lengths that vary are half as long on average.
            Shape::Random(shape) => {
                let (files, segments) = (shape.files.get(), shape.segments.get());
                let drawn = if shape.vary { segments / 2 } else { segments };
                of(files, drawn, files * self.clients())
            }
            Shape::FlashCrowd { segments, .. } => of(1, segments.get(), self.clients()),
        }
    }

    /// The inputs of a swarm of this shape, in rank order. The same random numbers make the same
    /// swarm.
    pub fn swarm(&self, rng: &mut Rng) -> Vec<Manifest> {
        match self {
            Shape::Random(shape) => shape.swarm(rng),
            Shape::FlashCrowd {
                seeds,
                leechers,
                segments,
            } => {
                let file = OwnedFile::random(name(1), segments.get(), rng);
                let leecher = Manifest {
                    owned: vec![],
                    wanted: vec![file.name.clone()],
                };
                let seed = Manifest {
                    owned: vec![file],
                    wanted: vec![],
                };
                [vec![seed; seeds.get()], vec![leecher; *leechers]].concat()
            }
        }
    }
}

impl RandomShape {
    fn swarm(&self, rng: &mut Rng) -> Vec<Manifest> {
        let mut inputs = vec![Manifest::default(); self.clients.get()];
        let mut names = Vec::new();
        for number in 1..=self.files.get() {
            let file =
                OwnedFile::random(name(number), self.at_most(1, self.segments.get(), rng), rng);
            names.push(file.name.clone());
            let owners = self.at_most(1, self.owners.get(), rng);
            for owner in rng.choose_multiple(0..inputs.len(), owners) {
                inputs[owner].owned.push(file.clone());
            }
        }
        for input in &mut inputs {
            let owned: BTreeSet<&FileName> = input.owned.iter().map(|file| &file.name).collect();
            let others = names.iter().filter(|name| !owned.contains(name));
            input.wanted = others.cloned().collect();
            rng.shuffle(&mut input.wanted);
            let most = match self.wants {
                Wants::All => input.wanted.len(),
                Wants::Some(number) => number.min(input.wanted.len()),
            };
            input.wanted.truncate(self.at_most(0, most, rng));
        }
        inputs
    }

    /// A number, or if numbers are to vary, one that is no larger.
    fn at_most(&self, least: usize, most: usize, rng: &mut Rng) -> usize {
        if self.vary {
            rng.usize(least..=most)
        } else {
            most
        }
    }
}

/// What the files of a swarm are called.
fn name(number: usize) -> FileName {
    FileName::new(&format!("file{number}")).expect("letters and digits are a good name")
}

/// Writes a swarm into a folder, which is created if missing: `in<R>.txt` for each client, and as the
/// course has it, `out<K>.txt` with what there is to get of each file that is called `file<K>`. A
/// swarm that is there already is replaced if that is what is wanted, and only once the new one is
/// written.
///
/// # Errors
/// When there is a swarm already, or something else in the place of a file of one; when a file cannot be written,
/// or a signal comes. Then the older swarm stays.
pub fn write(
    folder: &Path,
    swarm: &[Manifest],
    replace: bool,
    interrupt: &Interrupt,
) -> Result<()> {
    let new_folders = NewFolders::create(folder)
        .with_context(|| format!("cannot create the folder {}", folder.shown()))?;
    let _held = Claims::default().hold("the swarm", folder)?;
    let older = files_of_a_swarm(folder)
        .with_context(|| format!("cannot list the folder {}", folder.shown()))?;
    if let (Some(path), false) = (older.first(), replace) {
        bail!(
            "there is {} already: --force replaces the swarm",
            path.shown()
        );
    }
    for path in &older {
        is_file(path)?;
    }
    let written = tempfile::Builder::new()
        .prefix(".generate")
        .tempdir_in(folder)
        .with_context(|| format!("cannot write in {}", folder.shown()))?;
    let put = |path: PathBuf, text: String| {
        interrupt.check()?;
        let shown = folder.join(path.file_name().expect("a file has a name"));
        fs::write(&path, text).map_err(|error| NotWritten { path: shown, error })?;
        anyhow::Ok(())
    };
    for (client, input) in Rank::clients(swarm.len()).zip(swarm) {
        put(inputs::path(written.path(), client), input.to_string())?;
    }
    for OwnedFile { name, hashes } in swarm.iter().flat_map(|input| &input.owned) {
        if let Some(number) = inputs::number(name.as_str(), "file", "") {
            let path = written.path().join(format!("out{number}.txt"));
            if !path.exists() {
                let text = hashes.iter().map(|hash| format!("{hash}\n"));
                put(path, text.collect())?;
            }
        }
    }
    let moved = || -> io::Result<()> {
        let mut left: BTreeSet<PathBuf> = older.into_iter().collect();
        for entry in fs::read_dir(written.path())? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            fs::rename(entry.path(), &path)?;
            left.remove(&path);
        }
        left.iter().try_for_each(fs::remove_file)
    };
    moved().with_context(|| format!("cannot replace the swarm in {}", folder.shown()))?;
    new_folders.keep();
    Ok(())
}

/// Makes sure that no link, pipe or device goes with an older swarm.
fn is_file(path: &Path) -> Result<()> {
    let shown = path.shown();
    let file = fs::symlink_metadata(path).with_context(|| format!("cannot read {shown}"))?;
    let is_link = file.is_symlink();
    let found = if is_link { "a link" } else { "something else" };
    ensure!(
        file.is_file(),
        "{shown}: expected a regular file to replace, found {found}: remove it first"
    );
    Ok(())
}

/// The inputs in a folder, and what is to come out of them.
fn files_of_a_swarm(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = |prefix| inputs::number(name.to_str()?, prefix, ".txt");
        if number("in").or(number("out")).is_some() {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(clients: usize, files: usize, owners: usize, wants: Wants) -> RandomShape {
        let [clients, files, segments, owners] =
            [clients, files, 30, owners].map(|number| NonZeroUsize::new(number).unwrap());
        RandomShape {
            clients,
            files,
            segments,
            owners,
            wants,
            vary: false,
        }
    }

    fn swarm(shape: RandomShape, seed: u64) -> Vec<Manifest> {
        Shape::Random(shape).swarm(&mut Rng::with_seed(seed))
    }

    /// How many own each file, and how long it is, by name.
    fn files(swarm: &[Manifest]) -> Vec<(String, usize, usize)> {
        let mut files: Vec<_> = (swarm.iter().flat_map(|input| &input.owned))
            .map(|file| (file.name.to_string(), file.hashes.len()))
            .collect();
        files.sort();
        let runs = files.chunk_by(|one, other| one == other);
        runs.map(|run| (run[0].0.clone(), run[0].1, run.len()))
            .collect()
    }

    #[test]
    fn every_file_has_as_many_owners_as_asked_for_and_every_other_client_wants_it() {
        let swarm = swarm(shape(7, 5, 3, Wants::All), 1);
        let expected = (1..=5).map(|number| (format!("file{number}"), 30, 3));
        assert_eq!(files(&swarm), expected.collect::<Vec<_>>());
        for input in &swarm {
            let names = input.owned.iter().map(|file| &file.name);
            let all: BTreeSet<&FileName> = names.chain(&input.wanted).collect();
            assert_eq!((all.len(), input.owned.len() + input.wanted.len()), (5, 5));
        }
    }

    #[test]
    fn a_client_wants_no_more_files_than_it_is_to() {
        for input in swarm(shape(6, 9, 1, Wants::Some(2)), 2) {
            assert_eq!(input.wanted.len(), 2);
        }
        let wanted = |number| swarm(shape(3, 2, 2, Wants::Some(number)), 3);
        assert_eq!(wanted(9), wanted(2));
    }

    #[test]
    fn what_varies_is_at_most_what_was_asked_for_and_not_all_alike() {
        let varied = RandomShape {
            vary: true,
            ..shape(9, 40, 4, Wants::Some(20))
        };
        let swarm = swarm(varied, 4);
        let files = files(&swarm);
        assert_eq!(files.len(), 40, "every file has an owner");
        let lengths: BTreeSet<usize> = files.iter().map(|file| file.1).collect();
        let owners: BTreeSet<usize> = files.iter().map(|file| file.2).collect();
        let wanted: BTreeSet<usize> = swarm.iter().map(|input| input.wanted.len()).collect();
        assert!(lengths.len() > 10 && lengths.iter().all(|length| (1..=30).contains(length)));
        assert_eq!(owners, BTreeSet::from([1, 2, 3, 4]));
        assert!(wanted.len() > 2 && wanted.iter().all(|&number| number <= 20));
    }

    #[test]
    fn in_a_flash_crowd_the_first_own_the_one_file_and_all_others_want_it() {
        let shape = Shape::FlashCrowd {
            seeds: NonZeroUsize::new(2).unwrap(),
            leechers: 3,
            segments: NonZeroUsize::new(10).unwrap(),
        };
        let swarm = shape.swarm(&mut Rng::with_seed(5));
        assert_eq!(files(&swarm), [("file1".to_owned(), 10, 2)]);
        assert!(swarm[0] == swarm[1] && swarm[0].wanted.is_empty());
        for leecher in &swarm[2..] {
            assert!(leecher.owned.is_empty());
            assert_eq!(leecher.wanted, [swarm[0].owned[0].name.clone()]);
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_swarm_here_and_everywhere() {
        let shape = shape(4, 3, 2, Wants::All);
        assert_eq!(swarm(shape, 7), swarm(shape, 7));
        assert_ne!(swarm(shape, 7), swarm(shape, 8));
        let file = OwnedFile::random(name(1), 1, &mut Rng::with_seed(7));
        let hash = file.hashes.iter().next().unwrap().to_string();
        assert_eq!(hash, "c5fc598e707e729138f4d74b451e8c20");
    }

    #[test]
    fn what_was_written_is_said_with_the_seed_that_makes_it_again() {
        let folder = tempfile::tempdir().unwrap();
        let generate = Generate {
            folder: folder.path().to_owned(),
            shape: Shape::Random(shape(2, 3, 1, Wants::All)),
            seed: 17,
            replace: false,
        };
        let said = generate.run().unwrap();
        assert!(said.starts_with("wrote in1.txt to in2.txt to "), "{said}");
        assert!(said.ends_with("; --seed 17 makes the same again"), "{said}");
        assert_eq!(
            listing(folder.path()),
            ["in1.txt", "in2.txt", "out1.txt", "out2.txt", "out3.txt"]
        );
    }

    fn listing(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn an_older_swarm_is_only_replaced_on_demand_and_then_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let folder = &folder.path().join("new");
        let [large, small] =
            [4, 2].map(|clients| swarm(shape(clients, clients - 1, 1, Wants::All), 9));
        write(folder, &large, false, &Interrupt::default()).unwrap();
        for name in ["client1_file1", "notes.txt", "in01.txt"] {
            fs::write(folder.join(name), "mine").unwrap();
        }
        let refusal = write(folder, &small, false, &Interrupt::default())
            .unwrap_err()
            .to_string();
        assert!(
            refusal.contains("/new/in1.txt already: --force"),
            "{refusal}"
        );
        let read = |client| swarm::manifest::read(&inputs::path(folder, Rank(client)));
        assert_eq!(read(1).as_ref(), Ok(&large[0]));
        write(folder, &small, true, &Interrupt::default()).unwrap();
        assert_eq!([read(1).unwrap(), read(2).unwrap()], small[..]);
        assert_eq!(
            listing(folder),
            [
                "client1_file1",
                "in01.txt",
                "in1.txt",
                "in2.txt",
                "notes.txt",
                "out1.txt"
            ]
        );
    }

    #[test]
    fn what_cannot_be_written_leaves_the_older_swarm() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("in1.txt");
        fs::write(&file, "0 0").unwrap();
        let swarm = swarm(shape(1, 1, 1, Wants::All), 9);
        let error = write(&file, &swarm, true, &Interrupt::default())
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("cannot create the folder "), "{error}");
        assert_eq!(fs::read_to_string(file).unwrap(), "0 0");
    }
}
