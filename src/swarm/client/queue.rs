//! The clients that wait for an upload link, and what each of them needs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::Library;
use super::stock::Stock;
use crate::protocol::{FileId, Rank, SegmentIndex, SegmentSet};

/// The most positions that one message tells of. The rest comes with the next message.
pub(super) const MOST_NEWS: usize = 64;

/// The number of segments that a client has to gain before it calls again whoever needed nothing of what
/// it had.
const PAUSE: u8 = 2;

/// How long a call keeps a slot, as a part of an upload time. A client that does not come by then loses
/// nothing but the slot: it may still come, and finds another one, or waits.
const LAPSE: u32 = 8;

/// The queue before an upload link: BitTorrent's choking in small.
///
/// Who finds no slot waits here. Whenever a slot is free, the client is called whose turn it is, of those
/// that lack something. It then asks for what it wants by then, or declines. So no slot is kept for a
/// client that does not come, and none is asked for in vain. Those that wait take turns, and go on
/// waiting after they were served.
///
/// A call suggests a segment. The segments take turns, so a seed gives each one once before it gives any
/// again (super-seeding). To say what to ask for is the Suggest Piece of BitTorrent's Fast Extension
/// (BEP 6).
#[derive(Debug)]
pub(super) struct Queue {
    clients: BTreeMap<(FileId, Rank), Waiter>,
    stocks: BTreeMap<FileId, Stock>,
    /// Those to call, in their turn.
    ready: BTreeSet<(u64, FileId, Rank)>,
    /// The calls that are not answered, with the times at which they lapse.
    open: VecDeque<(Duration, FileId, Rank)>,
    /// The number of turns so far.
    turns: u64,
    /// The number of clients that wait or are called.
    waiting: usize,
    /// The number of segments that the library had gained when it was last looked at.
    seen: usize,
    lapse: Duration,
}

/// What is known of a client that has asked for a file.
#[derive(Debug)]
struct Waiter {
    held: SegmentSet,
    /// The number of segments that it lacks and this client holds.
    of_use: usize,
    place: Place,
    turn: u64,
    /// How many of the segments that this client has gained it was told of.
    told: usize,
    /// How many segments are to be gained before it is called again.
    pause: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Absent,
    Waiting,
    /// It was called, and has not answered.
    Called,
}

impl Queue {
    /// Nobody waits for a link on which a segment takes `upload_time`.
    pub(super) fn new(upload_time: Duration) -> Queue {
        Queue {
            clients: BTreeMap::new(),
            stocks: BTreeMap::new(),
            ready: BTreeSet::new(),
            open: VecDeque::new(),
            turns: 0,
            waiting: 0,
            seen: 0,
            lapse: upload_time / LAPSE,
        }
    }

    /// A client tells what it has gained. It is known from now on.
    pub(super) fn hear(
        &mut self,
        from: Rank,
        file: FileId,
        news: &[SegmentIndex],
        library: &Library,
    ) {
        let stock = self.stocks.entry(file);
        let stock = stock.or_insert_with(|| Stock::of(file, library));
        let client = self.clients.entry((file, from)).or_insert_with(|| Waiter {
            of_use: stock.held.count(),
            held: SegmentSet::none(stock.segments()),
            place: Place::Absent,
            turn: 0,
            told: 0,
            pause: 0,
        });
        for &segment in news {
            client.holds(segment, stock);
        }
        self.list(file, from);
    }

    /// A client that is known waits from now on.
    pub(super) fn wait(&mut self, from: Rank, file: FileId) {
        let Some(client) = self.clients.get_mut(&(file, from)) else {
            return;
        };
        if client.place == Place::Absent {
            client.place = Place::Waiting;
            self.take_turn(file, from);
            self.waiting += 1;
        }
        self.list(file, from);
    }

    /// A client asks for a segment. If it `is_called`, it answers a call.
    pub(super) fn comes(&mut self, from: Rank, file: FileId, is_called: bool) {
        if is_called {
            self.answered(from, file);
        }
        if let Some(client) = self.clients.get_mut(&(file, from)) {
            client.pause = 0;
        }
        self.list(file, from);
    }

    /// A call is over.
    fn answered(&mut self, from: Rank, file: FileId) {
        self.open.retain(|&(_, of, who)| (of, who) != (file, from));
        if let Some(client) = self.clients.get_mut(&(file, from))
            && client.place == Place::Called
        {
            client.place = Place::Waiting;
        }
    }

    /// A segment goes to a client. It takes the slot that is kept for it, if one is.
    pub(super) fn serves(&mut self, to: Rank, file: FileId, segment: SegmentIndex) {
        if let (Some(client), Some(stock)) = (
            self.clients.get_mut(&(file, to)),
            self.stocks.get_mut(&file),
        ) {
            client.holds(segment, stock);
        }
        self.open.retain(|&(_, of, who)| (of, who) != (file, to));
        self.list(file, to);
    }

    /// A client declines a call, and waits on.
    pub(super) fn declines(&mut self, from: Rank, file: FileId) {
        self.answered(from, file);
        if let Some(client) = self.clients.get_mut(&(file, from)) {
            client.pause = PAUSE;
        }
        self.list(file, from);
    }

    /// A client leaves the queue.
    pub(super) fn leaves(&mut self, who: Rank, file: FileId) {
        self.answered(who, file);
        if let Some(client) = self.clients.get_mut(&(file, who))
            && client.place != Place::Absent
        {
            client.place = Place::Absent;
            self.waiting -= 1;
        }
        self.list(file, who);
    }

    /// A client that waits waits no longer. Returns whether it did. If it is called, it will be told when
    /// it answers.
    pub(super) fn dismisses(&mut self, who: Rank, file: FileId) -> bool {
        let client = self.clients.get(&(file, who));
        let waits = client.is_some_and(|client| client.place == Place::Waiting);
        if waits {
            self.leaves(who, file);
        }
        waits
    }

    /// The client whose turn it is, with what to suggest. It is called now, if less than `room` calls are
    /// open.
    pub(super) fn next(
        &mut self,
        now: Duration,
        room: usize,
    ) -> Option<(Rank, FileId, SegmentIndex)> {
        if self.open.len() >= room {
            return None;
        }
        let &(_, file, rank) = self.ready.first()?;
        let client = self.clients.get_mut(&(file, rank))?;
        let segment = self.stocks.get_mut(&file)?.suggest(&client.held)?;
        client.place = Place::Called;
        self.take_turn(file, rank);
        self.open
            .push_back((now.saturating_add(self.lapse), file, rank));
        self.list(file, rank);
        Some((rank, file, segment))
    }

    /// The calls that were not answered in time keep no slot any more. It is time to look where the link
    /// has nothing to do.
    pub(super) fn let_lapse(&mut self, now: Duration) {
        while let Some(&(lapses, ..)) = self.open.front()
            && lapses <= now
        {
            self.open.pop_front();
        }
    }

    /// When the first of the open calls lapses, if anybody else could be called then.
    pub(super) fn lapses(&self) -> Option<Duration> {
        let &(lapses, ..) = self.open.front()?;
        (!self.ready.is_empty()).then_some(lapses)
    }

    /// What a client was not told of: the next segments that this client has gained.
    pub(super) fn news(&mut self, to: Rank, file: FileId, library: &Library) -> Vec<SegmentIndex> {
        let Some(client) = self.clients.get_mut(&(file, to)) else {
            return Vec::new();
        };
        let news = library.gained(file, client.told, MOST_NEWS);
        client.told += news.len();
        news
    }

    /// Whether the library has gained segments since [`Queue::catch_up`], and somebody may wait for
    /// them.
    pub(super) fn is_behind(&self, library: &Library) -> bool {
        self.waiting > 0 && library.all_gained() != self.seen
    }

    /// Takes note of what the library has gained.
    pub(super) fn catch_up(&mut self, library: &Library) {
        if !self.is_behind(library) {
            return;
        }
        self.seen = library.all_gained();
        for (&file, stock) in &mut self.stocks {
            let news = stock.grow(file, library);
            if news.is_empty() {
                continue;
            }
            let is_complete = stock.held.count() == stock.segments();
            for ((_, rank), client) in self
                .clients
                .range_mut((file, Rank(0))..=(file, Rank(u32::MAX)))
            {
                client.fit(stock.segments());
                let of_use = news.iter().filter(|&&new| !client.held.contains(new));
                let of_use = of_use.count();
                client.of_use += of_use;
                let before = client.pause;
                client.pause = if is_complete {
                    0
                } else {
                    before.saturating_sub(u8::try_from(of_use).unwrap_or(u8::MAX))
                };
                if client.is_ready() {
                    self.ready.insert((client.turn, file, *rank));
                }
            }
        }
    }

    /// Everybody that waits waits no longer. Those that are called will be told when they come.
    pub(super) fn dismiss_all(&mut self) -> Vec<(Rank, FileId)> {
        let mut dismissed = Vec::new();
        for (&(file, rank), client) in &mut self.clients {
            if client.place == Place::Waiting {
                client.place = Place::Absent;
                dismissed.push((rank, file));
            }
        }
        self.waiting -= dismissed.len();
        self.ready.clear();
        dismissed
    }

    /// The number of slots that are not for a client that comes: they are kept for others that are
    /// called, and, unless it answers a call, for others that are to be called. To be asked before the
    /// client [`comes`](Queue::comes): nobody is sent away for its own sake.
    pub(super) fn kept(&self, from: Rank, file: FileId, is_called: bool) -> usize {
        let calls = (self.open.iter()).filter(|&&(_, of, who)| (of, who) != (file, from));
        if is_called {
            return calls.count();
        }
        let client = self.clients.get(&(file, from));
        let is_ready = client.is_some_and(Waiter::is_ready);
        calls.count() + self.ready.len() - usize::from(is_ready)
    }

    /// The number of clients that wait or are called.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// It is behind all others from now on.
    fn take_turn(&mut self, file: FileId, rank: Rank) {
        if let Some(client) = self.clients.get_mut(&(file, rank)) {
            self.ready.remove(&(client.turn, file, rank));
            self.turns += 1;
            client.turn = self.turns;
        }
    }

    /// Keeps `ready` right after a change.
    fn list(&mut self, file: FileId, rank: Rank) {
        if let Some(client) = self.clients.get(&(file, rank)) {
            let entry = (client.turn, file, rank);
            if client.is_ready() {
                self.ready.insert(entry);
            } else {
                self.ready.remove(&entry);
            }
        }
    }
}

impl Waiter {
    /// It holds a segment, or soon will.
    fn holds(&mut self, segment: SegmentIndex, stock: &mut Stock) {
        self.fit(stock.segments());
        if self.held.insert(segment) {
            stock.copies[segment.0] += 1;
            self.of_use -= usize::from(stock.held.contains(segment));
        }
    }

    /// The file's length may have been unknown when the client was first heard of.
    fn fit(&mut self, segments: usize) {
        if self.held.len() < segments {
            self.held = SegmentSet::none(segments);
        }
    }

    fn is_ready(&self) -> bool {
        self.place == Place::Waiting && self.of_use > 0 && self.pause == 0
    }
}
