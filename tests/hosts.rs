//! A swarm across machines: three hosts on this one, in network name spaces on a bridge, which Open
//! MPI reaches by a remote shell and connects by TCP. `hosts/network.sh` builds them.
//!
//! All of it is in name spaces that end with the job, so there is nothing to clean up. Where they
//! may not be made, the test says so and is content, unless `REQUIRE_HOSTS` is set.
#![allow(clippy::print_stdout, reason = "it reports as the test harness does")]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use fastrand::Rng;
use lab::generate::{RandomShape, Shape, Wants};
use support::job::{self, Outcome, expected, hash, program};
use swarm::event::Deed;
use swarm::manifest::Manifest;
use swarm::protocol::Rank;
use swarm::trace::Reader;
use tempfile::TempDir;

/// A link that loses nothing.
const SOUND: &str = "pfifo";
/// One that takes its time, and loses a packet in a hundred.
const FAR: &str = "netem delay 5ms loss 1%";
/// In its place where the kernel has no netem: a narrow one, on which packets queue for up to 5 ms
/// and are dropped when there are too many.
const NARROW: &str = "tbf rate 4mbit burst 2kb latency 5ms";

fn main() {
    if let Err(why) = connect(SOUND) {
        assert!(env::var_os("REQUIRE_HOSTS").is_none(), "{why}");
        println!("test hosts: skipped, for there may be no network name spaces here: {why}");
        return;
    }
    let far = if connect(FAR).is_ok() { FAR } else { NARROW };
    let passed = |test: &str| println!("test hosts: {test} ... ok");
    one_folder_for_all_hosts_is_enough();
    passed("one_folder_for_all_hosts_is_enough");
    every_rank_reads_and_writes_on_its_own_host();
    passed("every_rank_reads_and_writes_on_its_own_host");
    sends_that_wait_for_their_reader_make_no_difference();
    passed("sends_that_wait_for_their_reader_make_no_difference");
    what_is_missing_is_reported_with_its_host();
    passed("what_is_missing_is_reported_with_its_host");
    a_study_is_carried_out_on_all_hosts_and_its_results_are_on_the_first();
    passed("a_study_is_carried_out_on_all_hosts_and_its_results_are_on_the_first");
    a_link_that_is_slow_and_loses_packets_makes_no_difference(far);
    passed(&format!(
        "a_link_that_is_slow_and_loses_packets_makes_no_difference ({far})"
    ));
}

/// Whether hosts can be connected by such links.
fn connect(link: &str) -> Result<(), String> {
    let output = Hosts::new(link).command().arg("true").output();
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

fn one_folder_for_all_hosts_is_enough() {
    let hosts = Hosts::with_one_folder(SOUND);
    let inputs = swarm(1500);
    for (client, input) in Rank::clients(5).zip(&inputs) {
        hosts.write(1, &format!("in{client}.txt"), input);
    }
    let job = hosts.run(&format!(
        "{} launch --report r.json --trace t -- {}",
        program(),
        mpirun_options()
    ));
    assert_eq!(job.status, Some(0), "{}", job.stderr);
    assert_the_trace_is_whole(&job, "shared/t", inputs.len());
    assert!(job.outputs("shared") == expected(&inputs));
    assert_what_was_transferred_crossed_the_links(&job, "shared/r.json");
}

fn every_rank_reads_and_writes_on_its_own_host() {
    let job = scattered(SOUND, &swarm(1500), "");
    assert_what_was_transferred_crossed_the_links(&job, "host1/r.json");
}

/// No message is sent off before its receive has begun, but for a header of 64 bytes.
fn sends_that_wait_for_their_reader_make_no_difference() {
    scattered(SOUND, &swarm(500), "--mca btl_tcp_eager_limit 64");
}

const STUDY: &str = "title = 't'\nclaim = 'c'\nsource = 's'\npictures = []\n\
    options = { flash-crowd = true, segments = 20 }\n\
    grids = [{ repetitions = 10, at-once = 1, axes.clients = [2, 5, 9] }]\n";

fn a_study_is_carried_out_on_all_hosts_and_its_results_are_on_the_first() {
    let start = |on_host_2: &str| {
        let hosts = Hosts::new(SOUND);
        for (host, study) in [(1, STUDY), (2, on_host_2), (3, STUDY)] {
            hosts.write(host, "works.toml", study);
        }
        let options = mpirun_options();
        hosts.run(&format!(
            "mpirun {options} -np 6 {} study works.toml",
            program()
        ))
    };
    let job = start(STUDY);
    assert_eq!(job.status, Some(0), "{}", job.stderr);
    let alone = tempfile::tempdir().expect("a temporary folder");
    fs::write(alone.path().join("works.toml"), STUDY).expect("a file");
    let mut command = Command::new(program());
    let output = command
        .args(["study", "works.toml"])
        .current_dir(alone.path())
        .output();
    assert!(output.expect("the program can be run").status.success());
    for name in ["results.csv", "index.html"] {
        let read = |folder: &Path| fs::read(folder.join("works").join(name)).expect(name);
        assert!(
            read(alone.path()) == read(&job.folder.path().join("host1")),
            "{name}"
        );
    }
    for host in ["host2", "host3"] {
        assert!(!job.folder.path().join(host).join("works").exists());
    }
    let job = start(&STUDY.replace("20", "21"));
    assert_eq!(job.status, Some(2), "{}", job.stderr);
    let why = "rank 2, on host2: the study 'works' is not the same as that of rank 0\n";
    job.assert_says(&[&format!("bittorrent: {why}")]);
}

fn a_link_that_is_slow_and_loses_packets_makes_no_difference(link: &str) {
    let job = scattered(link, &swarm(500), "");
    let lost: u64 = (1..=3).map(|host| traffic(&job, host, "(dropped ")).sum();
    assert!(lost > 0, "no packet was lost");
}

/// A run in which every host has the inputs of its own ranks only, and gets their outputs.
fn scattered(link: &str, inputs: &[Manifest], mpirun_option: &str) -> Outcome {
    let hosts = Hosts::new(link);
    for (client, input) in Rank::clients(inputs.len()).zip(inputs) {
        hosts.write(host_of(client), &format!("in{client}.txt"), input);
    }
    let ranks = inputs.len() + 1;
    let options = mpirun_options();
    let job = hosts.run(&format!(
        "mpirun {options} {mpirun_option} -np {ranks} {} -o out --report r.json --trace t",
        program()
    ));
    assert_eq!(job.status, Some(0), "{}", job.stderr);
    assert_the_trace_is_whole(&job, "host1/t", inputs.len());
    for host in 1..=3 {
        let mut outputs = expected(inputs);
        outputs.retain(|name, _| {
            let rank = name
                .strip_prefix("client")
                .and_then(|rest| rest.split('_').next());
            let rank = rank.and_then(|rank| rank.parse().ok());
            host_of(Rank(rank.expect("outputs start with a rank"))) == host
        });
        assert!(
            job.outputs(&format!("host{host}/out")) == outputs,
            "host{host}"
        );
    }
    job
}

fn what_is_missing_is_reported_with_its_host() {
    let f = format!("1 f 1 {} 0", hash('a'));
    let start = |hosts: Hosts| {
        let options = mpirun_options();
        hosts.run(&format!("mpirun {options} -np 6 {} -o out", program()))
    };
    let hosts = Hosts::new(SOUND);
    hosts.write(2, "in2.txt", &f);
    hosts.write(3, "in5.txt", "0 1");
    let job = start(hosts);
    assert_eq!(job.status, Some(2), "{}", job.stderr);
    let gone = "cannot be read: No such file or directory (os error 2)";
    let problems = format!(
        "in1.txt: {gone}\n\
         host2:in3.txt: {gone}\n\
         host3:in4.txt: {gone}\n\
         host3:in5.txt:2: expected the name of wanted file 1, found the end of the file\n"
    );
    assert!(job.stderr.starts_with(&problems), "{}", job.stderr);

    let hosts = Hosts::new(SOUND);
    hosts.write(1, "in1.txt", &f);
    for client in 2..=5 {
        hosts.write(host_of(Rank(client)), &format!("in{client}.txt"), "0 1 f");
    }
    hosts.write(3, "out", "no folder");
    let job = start(hosts);
    assert_eq!(job.status, Some(2), "{}", job.stderr);
    job.assert_says(&["cannot write host3:out: Not a directory (os error 20)\n"]);
    assert_eq!(job.outputs("host2/out").len(), 0);
}

/// Five clients with something for each other, in files of `segments` segments.
fn swarm(segments: usize) -> Vec<Manifest> {
    let [clients, files, segments, owners] =
        [5, 4, segments, 2].map(|number| NonZeroUsize::new(number).expect("it is not 0"));
    let shape = Shape::Random(RandomShape {
        clients,
        files,
        segments,
        owners,
        wants: Wants::All,
        vary: false,
    });
    shape.swarm(&mut Rng::with_seed(6))
}

/// Two ranks a host, by the remote shell, and TCP between the hosts.
fn mpirun_options() -> String {
    format!(
        "--mca plm_rsh_agent {} --mca oob_tcp_if_include eth0 --mca btl_tcp_if_include eth0 \
         --host 10.77.0.1:2,10.77.0.2:2,10.77.0.3:2",
        script("shell.sh")
    )
}

/// The host that Open MPI puts a rank on.
fn host_of(Rank(rank): Rank) -> u32 {
    rank / 2 + 1
}

fn script(name: &str) -> String {
    format!("{}/tests/hosts/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// The trace has all of the threads, a clock for each rank on the right host, left no parts, and
/// shows that every rule was kept.
fn assert_the_trace_is_whole(job: &Outcome, name: &str, clients: usize) {
    let reader = Reader::open(&job.folder.path().join(name)).expect("there is a trace");
    assert!(reader.header().complete);
    let clocks = &reader.header().clocks;
    assert_eq!(clocks.len(), clients + 1);
    for (rank, clock) in clocks.iter().enumerate() {
        assert_eq!(clock.host, clocks[rank / 2 * 2].host, "two ranks a host");
        assert!(clock.uncertainty < 0.1, "{clock:?}");
    }
    let events = reader.map(|event| event.expect("it can be read").1);
    let ended = events.filter(|event| event.deed == Deed::Ended);
    assert_eq!(ended.count(), 2 * clients + 1);
    for host in 1..=3 {
        let parts = job.folder.path().join(format!("host{host}/t.parts"));
        assert!(!parts.exists(), "{}", parts.display());
    }
    job.assert_keeps_the_rules(name);
}

/// What one host's clients served to another's has crossed the first one's link.
fn assert_what_was_transferred_crossed_the_links(job: &Outcome, report: &str) {
    let measured = job.report(report).measured.expect("the run ended");
    let mut crossed = BTreeMap::from([(1, 0), (2, 0), (3, 0)]);
    for (from, row) in (1..).map(Rank).zip(&measured.transfers) {
        for &(to, segments) in row {
            let to = Rank(to);
            if host_of(from) != host_of(to) {
                *crossed.entry(host_of(from)).or_default() += segments;
            }
        }
    }
    for (host, segments) in crossed {
        let sent = traffic(job, host, "Sent ");
        assert!(
            segments > 1000,
            "host{host} had {segments} segments to send"
        );
        assert!(sent > 32 * segments, "{sent} bytes for {segments} segments");
    }
}

/// A number from what `tc` says of a host's link, behind a word.
fn traffic(job: &Outcome, host: u32, word: &str) -> u64 {
    let path = job.folder.path().join(format!("host{host}.traffic"));
    let text = fs::read_to_string(path).expect("the traffic was noted");
    let rest = text.split(word).nth(1).expect("tc counts packets");
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
    digits
        .and_then(|digits| digits.parse().ok())
        .expect("a count is a number")
}

/// Three hosts to be built, `host1` to `host3`, and a folder with one for each. They run in their
/// own.
struct Hosts {
    folder: TempDir,
    link: String,
}

impl Hosts {
    /// Hosts with a folder each.
    fn new(link: &str) -> Hosts {
        let hosts = Hosts::empty(link);
        for host in ["host1", "host2", "host3"] {
            fs::create_dir(hosts.folder.path().join(host)).expect("a folder");
        }
        hosts
    }

    /// Hosts that share a folder.
    fn with_one_folder(link: &str) -> Hosts {
        let hosts = Hosts::empty(link);
        fs::create_dir(hosts.folder.path().join("shared")).expect("a folder");
        for host in ["host1", "host2", "host3"] {
            symlink("shared", hosts.folder.path().join(host)).expect("a link");
        }
        hosts
    }

    fn empty(link: &str) -> Hosts {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("here")).expect("a folder");
        let link = link.to_owned();
        Hosts { folder, link }
    }

    /// Puts a file into a host's folder.
    fn write(&self, host: u32, name: &str, content: &(impl ToString + ?Sized)) {
        let path = self.folder.path().join(format!("host{host}")).join(name);
        fs::write(path, content.to_string()).expect("a file");
    }

    /// What builds the hosts for as long as a command runs on the first one.
    fn command(&self) -> Command {
        let mut command = Command::new("timeout");
        command.args([
            "-k",
            "5",
            "120",
            "unshare",
            "--map-root-user",
            "--net",
            "--mount",
        ]);
        command.args(["--pid", "--fork", "--kill-child", "--mount-proc"]);
        command.arg(script("network.sh"));
        job::prepare(&mut command, self.folder.path());
        command
            .env("HOSTS", self.folder.path())
            .env("LINK", &self.link);
        command
    }

    fn run(self, command: &str) -> Outcome {
        let output = self.command().args(command.split_whitespace()).output();
        job::outcome(self.folder, output.expect("there is unshare"))
    }
}
