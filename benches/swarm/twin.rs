//! What a simulation costs: `bittorrent simulate` as a user runs it, with its report.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use bittorrent::report::Report;
use wait4::Wait4;

use crate::Scale;
use crate::job::PROGRAM;
use crate::table::{Table, number};

/// Flash crowds of one seed.
pub fn twin(scale: Scale) -> Vec<Table> {
    const SERVING: &[&str] = &["--upload-time", "5ms"];
    let segments = scale.pick("100", "10");
    let mut table = Table::new(
        format!("Twin: one file of {segments} segments, 1 seed, the others want it"),
        &[
            "clients",
            "options",
            "messages",
            "seconds",
            "microseconds a message",
            "memory, MiB",
        ],
    );
    let crowds = scale.pick(&[("100", SERVING), ("1000", &[])][..], &[("4", SERVING)]);
    for &(clients, options) in crowds {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let report = folder.path().join("report.json");
        let start = Instant::now();
        let mut simulation = Command::new(PROGRAM)
            .args(["simulate", "--flash-crowd", "--seed", "1"])
            .args(["--clients", clients, "--segments", segments])
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
        let volumes = report.measured.expect("it came to its end").messages;
        let messages: u64 = volumes.values().map(|volume| volume.messages).sum();
        table.row([
            clients.into(),
            options.join(" "),
            messages.to_string(),
            number(seconds),
            number(seconds / messages as f64 * 1e6),
            number(used.rusage.maxrss as f64 / f64::from(1 << 20)),
        ]);
    }
    vec![table]
}
