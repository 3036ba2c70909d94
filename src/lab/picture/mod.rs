//! `bittorrent show`: a trace as a page that needs no network, and for the Perfetto viewer.
//!
//! [`Show`] reads the trace, judges it and writes what is asked for. A `story` is gathered in one pass over
//! the events: the messages (`messages`, and by their kind `letter`), who holds how much of each file
//! (`shared_file`), the figures of the report, counted anew (`recount`), and what happens over time
//! (`histogram`). The `page` is told it, field by field, and
//! draws it in a browser (`page/`). `perfetto` writes the same events for the Perfetto viewer.
//!
//! `show` names `page` and `perfetto`, `page` names `story`, `story` the rest.

mod histogram;
mod letter;
mod messages;
mod page;
mod perfetto;
mod recount;
mod shared_file;
mod show;
mod story;

pub use show::Show;
