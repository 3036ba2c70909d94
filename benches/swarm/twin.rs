//! What a simulation costs: `bittorrent simulate` as a user runs it, with its report.

use std::ffi::OsStr;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use swarm::report::{Measured, Report};
use wait4::Wait4;

use crate::Scale;
use crate::table::{Table, against, number};
use support::job::program;

/// A simulation that has come to its end.
pub struct Simulated {
    pub measured: Measured,
    seconds: f64,
    /// Bytes, at most.
    memory: f64,
}

impl Simulated {
    /// Simulates with these options.
    pub fn new(options: impl IntoIterator<Item: AsRef<OsStr>>) -> Simulated {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let report = folder.path().join("report.json");
        let start = Instant::now();
        let mut simulation = Command::new(program())
            .arg("simulate")
            .args(options)
            .arg("--report")
            .arg(&report)
            .stdout(Stdio::null())
            .spawn()
            .expect("the program can be run");
        let used = simulation.wait4().expect("it can be waited for");
        let seconds = start.elapsed().as_secs_f64();
        assert!(used.status.success());
        let text = fs::read_to_string(&report).expect("there is a report");
        let report: Report = serde_json::from_str(&text).expect("it is one");
        Simulated {
            measured: report.measured.expect("it came to its end"),
            seconds,
            memory: used.rusage.maxrss as f64,
        }
    }

    fn messages(&self) -> u64 {
        let volumes = self.measured.messages.values();
        volumes.map(|volume| volume.messages).sum()
    }

    fn microseconds_a_message(&self) -> f64 {
        self.seconds / self.messages() as f64 * 1e6
    }
}

/// A flash crowd: how many clients there are, its options, and the targets for its seconds and its GiB.
type Crowd = (&'static str, &'static str, Option<[&'static str; 2]>);

/// Larger and larger flash crowds of one seed. A simulation has one thread.
pub fn scale(scale: Scale) -> Vec<Table> {
    const FULL: &[Crowd] = &[
        ("1000", "", None),
        ("1000", "--upload-time 5ms", None),
        ("10000", "", Some(["<= 20", "<= 2"])),
        ("100000", "--members 50", Some(["<= 240", "<= 12"])),
    ];
    const TINY: &[Crowd] = &[("4", "--upload-time 5ms", None)];
    const GIB: f64 = (1 << 30) as f64;
    let segments = scale.pick("100", "10");
    let mut table = Table::new(
        format!(
            "Scale: simulations on one core; one file of {segments} segments, 1 seed, the others want it"
        ),
        &[
            "clients",
            "options",
            "messages",
            "seconds (target)",
            "microseconds a message",
            "memory, GiB (target)",
        ],
    );
    let crowds = scale.pick(FULL, TINY);
    let mut costs = Vec::new();
    for &(clients, options, targets) in crowds {
        let crowd = ["--flash-crowd", "--clients", clients];
        let run = Simulated::new(
            crowd
                .into_iter()
                .chain(["--segments", segments, "--seed", "1"])
                .chain(options.split_whitespace()),
        );
        let figures = [run.seconds, run.memory / GIB];
        let [seconds, memory] = match targets {
            Some([time, space]) => [against(figures[0], time), against(figures[1], space)],
            None => figures.map(number),
        };
        table.row([
            clients.into(),
            options.into(),
            run.messages().to_string(),
            seconds,
            number(run.microseconds_a_message()),
            memory,
        ]);
        costs.push((clients, run.microseconds_a_message()));
    }
    let (Some((few, first)), Some((many, last))) = (costs.first(), costs.last()) else {
        return vec![table];
    };
    let mut growth = Table::new(
        "What a message costs in a large swarm",
        &["", "figure (target)"],
    );
    growth.row([
        format!("time a message at {many} clients over that at {few}"),
        against(last / first, "<= 2"),
    ]);
    vec![table, growth]
}
