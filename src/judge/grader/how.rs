//! How a run is made: its condition, and what the profiling library does in it.

use fastrand::Rng;

use crate::seen::condition::{Condition, Varies};

/// What fresh memory is filled with, run after run: a letter, a byte that is none, and the number 1.
const PATTERNS: [u8; 3] = [b'f', 0xA5, 1];

/// How a run is made.
#[derive(Debug, Clone)]
pub(super) struct How {
    pub(super) condition: Condition,
    /// What the profiling library does. `None`: it is not there.
    pub(super) deed: Option<String>,
    /// What fresh memory is filled with.
    pub(super) pattern: Option<u8>,
    /// What the noise follows from.
    pub(super) noise: Option<u64>,
}

impl How {
    /// As the course starts programs.
    pub(super) fn plain() -> How {
        How::of(Condition::AsItIs, "")
    }

    /// With the recorder, and nothing else.
    pub(super) fn recorded() -> How {
        How::of(Condition::Recorded, "")
    }

    /// Under a condition that has no variations. `more` is what follows on the first word of its deed.
    pub(super) fn of(condition: Condition, more: &str) -> How {
        How {
            condition,
            deed: condition.row().deed.map(|deed| format!("{deed}{more}")),
            pattern: None,
            noise: None,
        }
    }

    /// The run of this number, from 1, under a condition.
    pub(super) fn of_run(condition: Condition, number: usize, rng: &mut Rng) -> How {
        match condition.row().varies {
            Varies::Not => How::of(condition, ""),
            Varies::Seed => {
                let seed = rng.u32(..);
                How {
                    noise: Some(seed.into()),
                    ..How::of(condition, &format!(":{seed}"))
                }
            }
            Varies::Pattern => {
                let pattern = PATTERNS[(number - 1) % PATTERNS.len()];
                How {
                    pattern: Some(pattern),
                    ..How::of(condition, &format!(":{pattern}"))
                }
            }
        }
    }
}
