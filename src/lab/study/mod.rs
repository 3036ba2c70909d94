//! `bittorrent study`: a grid of options, simulated several times with different seeds, and what comes
//! out of it: `results.csv`, pictures, and a page. The same file gives the same bytes, whatever the number
//! of cores.
//!
//! [`Studies`] are carried out one after the other. Each is read from its `file` (TOML, in whose order
//! its tables are read: `ordered`) into its `definition`: grids of points, each with the options of a
//! run (`setting`), and pictures (`picture`). `carry_out` has a `crew` do the runs that are left: the threads of this
//! process, or whoever can be asked for one of the `runs` by its number. Each leaves a row of figures (`metrics`)
//! in the `results`, from which an interrupted study goes on. A picture shows the median of each point with its `interval` (`summary`, `chart`), and the `page` has all of
//! them.
//!
//! `studies` names `carry_out` and `page`; these name `crew`, which names `runs`, and `results`, `chart` and
//! `summary`; `runs` names `file`; and all name
//! `definition`, which names `picture`, `setting` and `metrics`.

mod carry_out;
mod chart;
mod crew;
mod definition;
mod file;
mod interval;
mod metrics;
mod ordered;
mod page;
mod picture;
mod results;
mod runs;
#[cfg(test)]
mod samples;
mod setting;
mod studies;
mod summary;

pub use crew::{Batch, Crew, NoFigures, RunEnd, Stop, Threads};
pub use file::NOT_FOR_STUDIES;
pub use runs::Runs;
pub use setting::{Parse, Refused, Setting};
pub use studies::Studies;
