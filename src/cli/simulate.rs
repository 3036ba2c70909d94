//! `simulate`.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::common::{CommonArguments, duration};
use super::shape::ShapeArguments;
use crate::simulate::{Simulate, Swarm};

const USAGE: &str = "\
bittorrent simulate [OPTIONS] -i DIR
       bittorrent simulate [OPTIONS] --clients C --segments S --files F
       bittorrent simulate [OPTIONS] --clients C --segments S --flash-crowd";

/// Runs a swarm in one process and in virtual time: the same machines, without MPI
///
/// The swarm is that of the inputs in a folder, or one that is made up as `generate` does it. It takes
/// as long as messages and upload links take, and that follows from --seed alone.
#[derive(Debug, Args)]
#[command(override_usage = USAGE)]
#[command(mut_arg("clients", |clients| clients.required_unless_present("input_dir")))]
#[command(mut_arg("segments", |segments| segments.required_unless_present("input_dir")))]
#[command(mut_arg("files", |files| files.required_unless_present_any(["flash_crowd", "input_dir"])))]
pub(super) struct SimulateArguments {
    /// Where the clients find in<R>.txt
    #[arg(short, long, value_name = "DIR", conflicts_with = "ShapeArguments")]
    input_dir: Option<PathBuf>,

    #[command(flatten)]
    shape: ShapeArguments,

    /// Where the clients write client<R>_<NAME>; created if missing [default: nowhere]
    #[arg(short, long, value_name = "DIR")]
    output_dir: Option<PathBuf>,

    /// How long a message is on its way; with two times, each message takes any time between them
    #[arg(long, value_name = "TIME[..TIME]", default_value = "50us", value_parser = times)]
    latency: RangeInclusive<Duration>,

    /// How long the tracker takes for a message, one after another
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = duration)]
    tracker_time: Duration,

    #[command(flatten)]
    common: CommonArguments,
}

impl SimulateArguments {
    /// What is to be simulated.
    ///
    /// # Errors
    /// When options contradict each other.
    pub(super) fn simulate(self) -> Result<Simulate, clap::Error> {
        let settings = self.common.settings()?;
        let shape = self.shape.shape()?.map(Swarm::Of);
        let swarm = self.input_dir.map(Swarm::In).or(shape);
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
        })
    }
}

/// A time, or two of which the first is not the longer one.
fn times(text: &str) -> Result<RangeInclusive<Duration>, String> {
    let parse = |text| duration(text).map_err(|error| error.to_string());
    let (least, most) = text.split_once("..").unwrap_or((text, text));
    let (least, most) = (parse(least)?, parse(most)?);
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
