//! `simulate`.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::common::{CommonArguments, duration};
use super::conflict;
use super::heading::{EXPERIMENT, OUTPUT, SWARM};
use super::shape::ShapeArguments;
use lab::generate::Shape;
use lab::oracle::Oracle;
use lab::simulate::{Simulate, SwarmSource};
use swarm::settings::Settings;

const USAGE: &str = "\
bittorrent simulate [OPTIONS] -i DIR
       bittorrent simulate [OPTIONS] --clients C --segments S --files F
       bittorrent simulate [OPTIONS] --clients C --segments S --flash-crowd";

const EXAMPLES: &str = "\
Examples:
  The swarm of a folder, where a client serves a segment in 5 ms:
      bittorrent simulate -i inputs/test1 --upload-time 5ms --seed 1
  A made-up crowd of 10,000 clients, of whom the tracker names 50 at a time:
      bittorrent simulate --flash-crowd --clients 10000 --segments 100 --members 50
  A crowd that the seed leaves, recorded to be drawn:
      bittorrent simulate --flash-crowd --clients 40 --segments 100 --upload-time 5ms \
--scenario inputs/scenarios/flash-crowd.toml --trace t.jsonl";

/// Runs a swarm in one process and in virtual time, without MPI
///
/// The swarm is that of the inputs in a folder, or one that is made up as `generate` does it. The tracker
/// and the clients are those of a real run. Time is what messages and upload links take, and what happens
/// follows from --seed alone.
#[derive(Debug, Args)]
#[command(override_usage = USAGE, after_long_help = EXAMPLES)]
#[command(mut_arg("clients", |clients| clients.required_unless_present("input_dir")))]
#[command(mut_arg("segments", |segments| segments.required_unless_present("input_dir")))]
#[command(mut_arg("files", |files| files.required_unless_present_any(["flash_crowd", "input_dir"])))]
pub(super) struct SimulateArguments {
    /// Where the clients find in<R>.txt
    #[arg(short, long, help_heading = SWARM, value_name = "DIR", conflicts_with = "ShapeArguments")]
    input_dir: Option<PathBuf>,

    #[command(flatten)]
    shape: ShapeArguments,

    /// Where the clients write client<R>_<NAME>; created if missing [default: nowhere]
    #[arg(short, long, help_heading = SWARM, value_name = "DIR")]
    output_dir: Option<PathBuf>,

    #[command(flatten)]
    common: CommonArguments,

    /// How long a message is on its way; of two times, any between them
    #[arg(long, help_heading = EXPERIMENT, value_name = "TIME[..TIME]", default_value = "50us", value_parser = times)]
    latency: RangeInclusive<Duration>,

    /// How long the tracker takes for a message, one after another
    #[arg(long, help_heading = EXPERIMENT, value_name = "TIME", default_value = "0ms", value_parser = duration)]
    tracker_time: Duration,

    /// Also measure how far the swarm is at these times after the start
    #[arg(long, help_heading = OUTPUT, value_name = "TIME[,TIME...]", value_delimiter = ',', value_parser = duration)]
    moments: Vec<Duration>,

    /// Follow the best possible schedule instead of a design, to compare designs with it
    ///
    /// Somebody who knows everything tells each client what to send to whom. Only a flash crowd of one seed in
    /// which serving takes time has such a schedule.
    #[arg(long, help_heading = EXPERIMENT, requires_all = ["flash_crowd", "upload_time"], conflicts_with_all = NOT_OF_ORACLES)]
    oracle: bool,
}

/// What a run that follows a schedule does not have.
const NOT_OF_ORACLES: [&str; 15] = [
    "input_dir",
    "update_interval",
    "window",
    "members",
    "tracker_index",
    "peer_selection",
    "segment_order",
    "tracker_grants",
    "upload_slots",
    "corrupt",
    "scenario",
    "trace",
    "output_dir",
    "tracker_time",
    "owners",
];

impl SimulateArguments {
    /// What is to be simulated.
    ///
    /// # Errors
    /// When options contradict each other.
    pub(super) fn simulate(self) -> Result<Simulate, clap::Error> {
        let settings = self.common.settings()?;
        let shape = self.shape.shape()?;
        let oracle = if self.oracle {
            Some(oracle(&settings, shape, &self.latency)?)
        } else {
            None
        };
        let shape = shape.map(SwarmSource::Of);
        let swarm = self.input_dir.map(SwarmSource::In).or(shape);
        Ok(Simulate {
            swarm: swarm.expect("one of them is required"),
            settings,
            corrupt: self.common.corrupt,
            scenario: self.common.scenario,
            latency: self.latency,
            tracker_time: self.tracker_time,
            output_dir: self.output_dir,
            report: self.common.report,
            trace: self.common.trace,
            quiet: self.common.quiet,
            moments: self.moments.into_iter().collect(),
            oracle,
        })
    }
}

/// The schedule of a crowd.
fn oracle(
    settings: &Settings,
    shape: Option<Shape>,
    latency: &RangeInclusive<Duration>,
) -> Result<Oracle, clap::Error> {
    let crowd = shape.and_then(|shape| shape.crowd());
    let (file, leechers, segments) = crowd
        .filter(|&(_, leechers, _)| leechers > 0)
        .ok_or_else(|| conflict("--oracle needs at least 2 clients"))?;
    if settings.upload_time.is_zero() {
        return Err(conflict("--oracle needs an --upload-time above 0"));
    }
    Ok(Oracle {
        file,
        leechers,
        segments,
        upload_time: settings.upload_time,
        latency: latency.clone(),
    })
}

/// A time, or two of which the first is not the longer one.
fn times(text: &str) -> Result<RangeInclusive<Duration>, String> {
    let (least, most) = text.split_once("..").unwrap_or((text, text));
    let (least, most) = (duration(least)?, duration(most)?);
    if least > most {
        return Err("expected the shorter time first".into());
    }
    Ok(least..=most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_is_a_time_or_two() {
        let [one, two] = [1, 2000].map(Duration::from_micros);
        assert_eq!(times("1us"), Ok(one..=one));
        assert_eq!(times("1us..2ms"), Ok(one..=two));
        assert!(times("2ms..1us").is_err());
        for text in ["", "..", "1us..", "soon", "1us...2ms"] {
            times(text).unwrap_err();
        }
    }
}
