//! What happened in a run: the events that a real run and one in a single process have in common.

mod event;

pub use event::{Deed, Event, Thread};
