//! The inputs of a run as a judge knows them: the files, who owns and wants them, and their hashes.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::seen::calls::Segment;
use swarm::manifest::Manifest;
use swarm::protocol::{FileName, Rank, output_name};

/// What is known of a run before it begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The files that somebody owns, in the order of their first owners.
    pub files: Vec<KnownFile>,
    /// The segments of all files, one file after another. Their places are the numbers in a recording.
    pub segments: Vec<KnownSegment>,
    /// The names of the outputs that are allowed: one for each file that a client wants. The assignment
    /// does not say whether a client writes a file that it owns itself, or that nobody owns.
    pub may_write: BTreeSet<String>,
}

/// A file that somebody owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFile {
    /// Its name in the inputs.
    pub name: FileName,
    /// The clients that hold it from the start.
    pub owners: BTreeSet<Rank>,
    /// The clients that download it: they want it and do not own it.
    pub leechers: BTreeSet<Rank>,
    /// The number of its first segment.
    pub first: Segment,
    /// The number of its segments.
    pub length: u32,
}

impl KnownFile {
    /// The numbers of its segments.
    pub fn segments(&self) -> Range<Segment> {
        self.first..self.first + self.length
    }

    /// The name under which a client writes it.
    pub fn output(&self, client: Rank) -> String {
        output_name(client, &self.name)
    }
}

/// A segment of such a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSegment {
    /// Its file's place among the files.
    pub file: usize,
    /// Its hash, as the inputs have it: 32 characters.
    pub hash: String,
    /// Whether no other segment has this hash. A hash that several segments have tells nothing.
    pub is_unique: bool,
}

impl Known {
    /// What follows from the clients' inputs, in rank order.
    pub fn new(inputs: &[Manifest]) -> Known {
        let mut known = Known::default();
        let mut places: BTreeMap<FileName, usize> = BTreeMap::new();
        let clients = || Rank::clients(inputs.len()).zip(inputs);
        for (client, input) in clients() {
            for owned in &input.owned {
                let file = *places.entry(owned.name.clone()).or_insert_with(|| {
                    let (file, first) = (known.files.len(), known.segments.len() as Segment);
                    known.files.push(KnownFile {
                        name: owned.name.clone(),
                        owners: BTreeSet::new(),
                        leechers: BTreeSet::new(),
                        first,
                        length: owned.hashes.len() as u32,
                    });
                    let segments = owned.hashes.iter().map(|hash| KnownSegment {
                        file,
                        hash: hash.to_string(),
                        is_unique: true,
                    });
                    known.segments.extend(segments);
                    file
                });
                known.files[file].owners.insert(client);
            }
        }
        for (client, input) in clients() {
            let wanted = input.wanted.iter();
            known
                .may_write
                .extend(wanted.map(|file| output_name(client, file)));
            for name in input.to_download() {
                if let Some(&file) = places.get(name) {
                    known.files[file].leechers.insert(client);
                }
            }
        }
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for segment in &known.segments {
            *times.entry(segment.hash.clone()).or_default() += 1;
        }
        for segment in &mut known.segments {
            segment.is_unique = times[&segment.hash] == 1;
        }
        known
    }

    /// How many segments all clients together have to download.
    pub fn downloads(&self) -> u64 {
        let files = self.files.iter();
        files
            .map(|file| u64::from(file.length) * file.leechers.len() as u64)
            .sum()
    }

    /// What clients have to write: the names of the outputs, and the hashes in each.
    pub fn outputs(&self) -> impl Iterator<Item = (String, Vec<String>)> {
        self.files.iter().flat_map(|file| {
            let hashes: Vec<String> = self.hashes(file).map(String::from).collect();
            let leechers = file.leechers.iter();
            leechers.map(move |&client| (file.output(client), hashes.clone()))
        })
    }

    /// The hashes of a file, in order.
    pub fn hashes(&self, file: &KnownFile) -> impl Iterator<Item = &str> {
        let segments = &self.segments[file.first as usize..][..file.length as usize];
        segments.iter().map(|segment| segment.hash.as_str())
    }

    /// The first segment that has this hash.
    pub fn find(&self, hash: &[u8]) -> Option<Segment> {
        let mut hashes = (0..).zip(&self.segments);
        let (segment, _) = hashes.find(|(_, segment)| segment.hash.as_bytes() == hash)?;
        Some(segment)
    }

    /// Whether no other segment has the hash of this one.
    pub fn is_unique(&self, segment: Segment) -> bool {
        self.segments[segment as usize].is_unique
    }

    /// The segment of a message with these hashes, if it is about one only and no other has its hash.
    pub fn only(&self, segments: &[Segment]) -> Option<Segment> {
        let (&first, others) = segments.split_first()?;
        let is_only = others.iter().all(|&other| other == first);
        (is_only && self.is_unique(first)).then_some(first)
    }

    /// A segment, counted from 1: `segment 1 of file1`.
    pub fn words(&self, segment: Segment) -> String {
        let (place, file) = (self.place(segment) + 1, self.file_of(segment));
        format!("segment {place} of {}", file.name)
    }

    /// The file of a segment.
    pub fn file_of(&self, segment: Segment) -> &KnownFile {
        &self.files[self.segments[segment as usize].file]
    }

    /// Its place in its file, from 0.
    pub fn place(&self, segment: Segment) -> u32 {
        segment - self.file_of(segment).first
    }

    /// Whether this client holds the segment from the start.
    pub fn owns(&self, client: Rank, segment: Segment) -> bool {
        self.file_of(segment).owners.contains(&client)
    }

    /// Whether this client has to download the segment.
    pub fn lacks(&self, client: Rank, segment: Segment) -> bool {
        self.file_of(segment).leechers.contains(&client)
    }
}
