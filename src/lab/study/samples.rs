//! For tests: a run of any options.

use std::collections::BTreeSet;

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use swarm::settings::Settings;

use super::setting::{Refused, Setting};
use crate::generate::Shape;
use crate::simulate::{Simulate, SwarmSource};

/// A crowd of one client, whatever the options are: the tests run nothing.
pub(super) fn simulation(_: &[Setting], _: &Path) -> Result<Simulate, Refused> {
    let one = NonZeroUsize::MIN;
    Ok(Simulate {
        swarm: SwarmSource::Of(Shape::FlashCrowd {
            seeds: one,
            leechers: 1,
            segments: one,
        }),
        settings: Settings::default(),
        corrupt: Vec::new(),
        scenario: None,
        latency: Duration::ZERO..=Duration::ZERO,
        tracker_time: Duration::ZERO,
        output_dir: None,
        report: None,
        trace: None,
        moments: BTreeSet::new(),
        oracle: None,
        quiet: true,
    })
}
