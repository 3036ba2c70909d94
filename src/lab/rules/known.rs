//! What the events so far tell of the swarm, for all rules.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Passing, Way};
use swarm::client::{Conduct, Part};
use swarm::event::{Deed, Thread};
use swarm::manifest::Manifest;
use swarm::protocol::{
    Answer, FileId, FileName, Hashes, Init, InitAck, Letter, Rank, SegmentAnswer, SegmentHash,
    SegmentIndex, SegmentSet, Swarm, ToDownload, ToTracker,
};
use swarm::scenario::Cast;
use swarm::settings::Settings;

/// What each client has read in its input, or why it cannot use that.
pub type Inputs = BTreeMap<Rank, Result<Manifest, Vec<String>>>;

/// What is known of the swarm.
#[derive(Default)]
pub(super) struct KnownSwarm {
    pub(super) clients: usize,
    pub(super) settings: Settings,
    pub(super) corrupt: BTreeSet<Rank>,
    /// What the clients have read; empty if the judge was not told.
    pub(super) inputs: Inputs,
    /// The parts of the scenario.
    cast: Cast,
    /// Whether a segment occupies the upload link of any client for some time.
    pub(super) serving_takes_time: bool,
    /// The clients that have said that they left.
    left: BTreeSet<Rank>,
    /// The clients that are done, as far as the tracker was told.
    pub(super) done: BTreeSet<Rank>,
    /// Whether the tracker has said that the swarm does not start.
    pub(super) is_refused: bool,
    /// A file whose owners have registered it with different hashes.
    pub(super) contradiction: Option<FileName>,
    files: Vec<KnownFile>,
    by_name: BTreeMap<FileName, usize>,
    by_number: BTreeMap<FileId, usize>,
    /// The names of what each client owns, in the order of its INIT.
    owned: BTreeMap<Rank, Vec<FileName>>,
    held: BTreeMap<(Rank, FileId), Held>,
    /// What the tracker has taken of a client and not answered.
    questions: BTreeMap<Rank, VecDeque<SwarmQuestion>>,
}

/// A file that somebody owns.
pub(super) struct KnownFile {
    pub(super) name: FileName,
    pub(super) hashes: Hashes,
    pub(super) owners: BTreeSet<Rank>,
    /// Its number, once the tracker has dealt it.
    pub(super) number: Option<FileId>,
}

/// What a client has downloaded of a file.
struct Held {
    /// The segments of which it has taken a right answer.
    came: SegmentSet,
    count: usize,
    /// Those that it has said to have verified.
    verified: SegmentSet,
}

/// What SWARM answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SwarmQuestion {
    /// Whether it was UPDATE, and not SWARM_REQUEST.
    is_update: bool,
    /// The place of the file in the list, if somebody owns it.
    file: Option<usize>,
}

/// What a message changes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct News {
    /// Whether its reader now holds the segment that it carries, and did not before.
    pub(super) gained: bool,
    /// The question that it answers.
    pub(super) question: Option<SwarmQuestion>,
}

impl KnownSwarm {
    pub(super) fn new(clients: usize, settings: Settings, corrupt: BTreeSet<Rank>) -> KnownSwarm {
        KnownSwarm {
            clients,
            settings,
            corrupt,
            serving_takes_time: !settings.upload_time.is_zero(),
            ..KnownSwarm::default()
        }
    }

    /// Learns which client plays which part.
    pub(super) fn cast(&mut self, cast: Cast) {
        let corrupt = cast
            .iter()
            .filter(|role| role.part.conduct == Conduct::Corrupt);
        self.corrupt.extend(corrupt.map(|role| role.client));
        self.serving_takes_time |= !cast.longest_upload_time().is_zero();
        self.cast = cast;
    }

    /// Learns from a message.
    pub(super) fn see_message(&mut self, passing: &Passing<'_>) -> News {
        let (from, to) = (passing.from, passing.to);
        let mut news = News::default();
        match (passing.way, passing.letter) {
            (Way::Posted, Letter::ToTracker(ToTracker::Init(Init::Ready(files)))) => {
                for file in files {
                    self.own(from, &file.name, &file.hashes);
                }
                let names = files.iter().map(|file| file.name.clone()).collect();
                self.owned.insert(from, names);
            }
            (Way::Posted, Letter::ToDownload(ToDownload::InitAck(InitAck::Start(numbers)))) => {
                let names = self.owned.get(&to).cloned().unwrap_or_default();
                for (name, &number) in names.iter().zip(numbers) {
                    self.deal(self.by_name.get(name).copied(), number);
                }
            }
            (Way::Posted, Letter::ToDownload(ToDownload::InitAck(InitAck::Refused))) => {
                self.is_refused = true;
            }
            (Way::Taken, Letter::ToTracker(ToTracker::SwarmRequest(name))) => {
                let file = self.by_name.get(name).copied();
                self.ask(from, false, file);
            }
            (Way::Taken, Letter::ToTracker(ToTracker::Update(told))) => {
                let file = self.by_number.get(&told.file).copied();
                self.ask(from, true, file);
            }
            (Way::Taken, Letter::ToTracker(ToTracker::AllComplete { .. })) => {
                self.done.insert(from);
            }
            (Way::Posted, Letter::ToDownload(ToDownload::Swarm(answer))) => {
                news.question = self.questions.get_mut(&to).and_then(VecDeque::pop_front);
                if let (Some(question), Swarm::Joined(joined)) = (news.question, answer) {
                    self.deal(question.file, joined.file);
                }
            }
            (Way::Taken, Letter::ToDownload(ToDownload::Segment(answer))) => {
                news.gained = self.is_right(answer)
                    && !self.owns(to, answer.file)
                    && self.hold(to, answer.file).is_some_and(|held| {
                        let is_new = held.came.insert(answer.segment);
                        held.count += usize::from(is_new);
                        is_new
                    });
            }
            (Way::Posted | Way::Taken, _) => {}
        }
        news
    }

    /// Learns from another deed.
    pub(super) fn see_deed(&mut self, rank: Rank, deed: &Deed) {
        if let Deed::Verified { file, segment, .. } = deed
            && let Some(held) = self.hold(rank, *file)
            && held.came.contains(*segment)
        {
            held.verified.insert(*segment);
        }
        if *deed == Deed::Left {
            self.left.insert(rank);
        }
    }

    fn own(&mut self, owner: Rank, name: &FileName, hashes: &Hashes) {
        let next = self.files.len();
        let place = *self.by_name.entry(name.clone()).or_insert(next);
        if place == next {
            self.files.push(KnownFile {
                name: name.clone(),
                hashes: hashes.clone(),
                owners: BTreeSet::new(),
                number: None,
            });
        }
        let file = &mut self.files[place];
        file.owners.insert(owner);
        if file.hashes != *hashes {
            self.contradiction.get_or_insert(name.clone());
        }
    }

    /// A file gets its number, if neither is taken.
    fn deal(&mut self, file: Option<usize>, number: FileId) {
        if let Some(place) = file
            && self.files[place].number.is_none()
            && !self.by_number.contains_key(&number)
        {
            self.files[place].number = Some(number);
            self.by_number.insert(number, place);
        }
    }

    fn ask(&mut self, client: Rank, is_update: bool, file: Option<usize>) {
        let questions = self.questions.entry(client).or_default();
        questions.push_back(SwarmQuestion { is_update, file });
    }

    fn hold(&mut self, client: Rank, number: FileId) -> Option<&mut Held> {
        let segments = self.file(number)?.hashes.len();
        Some(self.held.entry((client, number)).or_insert_with(|| Held {
            came: SegmentSet::none(segments),
            count: 0,
            verified: SegmentSet::none(segments),
        }))
    }

    /// The part that a client plays.
    pub(super) fn part(&self, client: Rank) -> Part {
        let mut part = self.cast.part(client);
        if self.corrupt.contains(&client) {
            part.conduct = Conduct::Corrupt;
        }
        part
    }

    /// Whether others may have to wait for a client's upload link.
    pub(super) fn has_queue(&self, client: Rank) -> bool {
        let own = self.cast.part(client).upload_time;
        let upload_time = own.unwrap_or(self.settings.upload_time);
        !upload_time.is_zero() && self.settings.upload_slots.is_some()
    }

    /// Whether a client has said that it has left.
    pub(super) fn has_left(&self, client: Rank) -> bool {
        self.left.contains(&client)
    }

    /// Whether a rank is a client.
    pub(super) fn is_client(&self, rank: Rank) -> bool {
        rank != Rank::TRACKER && rank.0 as usize <= self.clients
    }

    /// Whether a rank has such a thread.
    pub(super) fn has(&self, rank: Rank, thread: Thread) -> bool {
        match thread {
            Thread::Tracker => rank == Rank::TRACKER,
            Thread::Download | Thread::Upload => self.is_client(rank),
        }
    }

    /// All clients, in order.
    pub(super) fn clients(&self) -> impl Iterator<Item = Rank> + use<> {
        Rank::clients(self.clients)
    }

    /// The file of a number.
    pub(super) fn file(&self, number: FileId) -> Option<&KnownFile> {
        Some(&self.files[*self.by_number.get(&number)?])
    }

    /// The file of a name.
    pub(super) fn named(&self, name: &FileName) -> Option<&KnownFile> {
        Some(&self.files[*self.by_name.get(name)?])
    }

    /// The file that a question is about.
    pub(super) fn asked(&self, question: SwarmQuestion) -> Option<&KnownFile> {
        Some(&self.files[question.file?])
    }

    /// What a client has registered, in its order.
    pub(super) fn owned(&self, client: Rank) -> impl ExactSizeIterator<Item = &KnownFile> {
        let names = self.owned.get(&client).map_or(&[][..], Vec::as_slice);
        names.iter().map(|name| &self.files[self.by_name[name]])
    }

    /// Whether a client owns a file from the start.
    pub(super) fn owns(&self, client: Rank, number: FileId) -> bool {
        self.file(number)
            .is_some_and(|file| file.owners.contains(&client))
    }

    /// The hash that a segment has.
    pub(super) fn hash(&self, number: FileId, segment: SegmentIndex) -> Option<SegmentHash> {
        self.file(number)?.hashes.get(segment)
    }

    /// Whether an answer is a segment, with its hash.
    pub(super) fn is_right(&self, answer: &SegmentAnswer) -> bool {
        match answer.answer {
            Answer::Ack(hash) => self.hash(answer.file, answer.segment) == Some(hash),
            Answer::Nack | Answer::Busy => false,
        }
    }

    /// Whether a client owns a segment, or has taken a right answer about it.
    pub(super) fn has_come(&self, client: Rank, file: FileId, segment: SegmentIndex) -> bool {
        self.holds(client, file, segment, |held| &held.came)
    }

    /// Whether a client owns a segment, or has said that it verified it.
    pub(super) fn is_verified(&self, client: Rank, file: FileId, segment: SegmentIndex) -> bool {
        self.holds(client, file, segment, |held| &held.verified)
    }

    fn holds(
        &self,
        client: Rank,
        file: FileId,
        segment: SegmentIndex,
        which: fn(&Held) -> &SegmentSet,
    ) -> bool {
        let held = self.held.get(&(client, file));
        held.is_some_and(|held| which(held).contains(segment))
            || self.owns(client, file) && self.hash(file, segment).is_some()
    }

    /// How many segments of a file a client has downloaded.
    pub(super) fn count(&self, client: Rank, file: FileId) -> usize {
        self.held.get(&(client, file)).map_or(0, |held| held.count)
    }

    /// All downloads: the client, the file, and how many segments of it have come.
    pub(super) fn downloads(&self) -> impl Iterator<Item = (Rank, FileId, usize)> {
        self.held
            .iter()
            .map(|(&(client, file), held)| (client, file, held.count))
    }

    /// The client of each UPDATE, or of each SWARM_REQUEST, that the tracker has not answered.
    pub(super) fn unanswered(&self, is_update: bool) -> impl Iterator<Item = Rank> {
        self.questions.iter().flat_map(move |(&client, questions)| {
            let questions = questions.iter().filter(move |it| it.is_update == is_update);
            questions.map(move |_| client)
        })
    }

    /// A file as people call it.
    pub(super) fn name(&self, number: FileId) -> String {
        match self.file(number) {
            Some(file) => format!("'{}'", file.name),
            None => format!("file number {number}, which nobody owns"),
        }
    }

    /// A segment as people call it. A hostile position does not overflow.
    pub(super) fn segment(&self, file: FileId, segment: SegmentIndex) -> String {
        let position = segment.0.saturating_add(1);
        format!("segment {position} of {}", self.name(file))
    }
}
