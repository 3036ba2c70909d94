//! The program under a real `mpirun`, with good inputs.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use support::job::{self, Job, expected, hash};
use support::{generate, repository};
use swarm::event::Deed;
use swarm::protocol::{Rank, output_name};
use swarm::report::MissingFile;
use swarm::trace::Reader;

fn every_folder_of_inputs_comes_out_right(arguments: &[&str]) {
    for (folder, inputs) in repository::folders() {
        let folder = folder.to_str().expect("a readable path");
        let job = Job::new(inputs.len() + 1);
        let job = job
            .arguments(&["-i", folder, "-o", "some/where", "--trace", "t.jsonl"])
            .arguments(arguments)
            .run();
        assert_eq!(job.status, Some(0), "{folder}: {}", job.stderr);
        assert!(job.outputs("some/where") == expected(&inputs), "{folder}");
        job.assert_keeps_the_rules("t.jsonl");
        assert_eq!(job.stderr, "");
    }
}

#[test]
fn every_folder_of_inputs_comes_out_right_with_one_request_at_a_time() {
    every_folder_of_inputs_comes_out_right(&["--window", "1"]);
}

/// One of them is the default.
#[test]
fn every_folder_of_inputs_comes_out_right_with_every_published_design() {
    for options in repository::designs().values() {
        every_folder_of_inputs_comes_out_right(options);
    }
}

#[test]
fn random_swarms_come_out_right_with_one_to_three_times_as_many_ranks_as_cores() {
    let cores = thread::available_parallelism()
        .map_or(2, usize::from)
        .clamp(2, 8);
    let mut rng = Rng::with_seed(1);
    for (times, window) in [(1, "1"), (1, "10"), (2, "1"), (2, "7"), (3, "1"), (3, "10")] {
        let mut inputs = generate::inputs(&mut rng, times * cores - 1, 3..=8, 0..=300);
        for input in &mut inputs {
            input.wanted.retain(|name| name.as_str() != "nowhere");
        }
        let job = Job::with_inputs(&inputs)
            .arguments(&["--window", window])
            .run();
        assert_eq!(job.status, Some(0), "{}", job.stderr);
        assert!(
            job.outputs(".") == expected(&inputs),
            "{times} x {cores} ranks"
        );
    }
}

/// One client owns `f` of 2 segments, two want it.
fn small_swarm() -> Job {
    let a = hash('a');
    let inputs = [format!("1 f 2 {a} {a} 0"), "0 1 f".into(), "0 1 f".into()];
    Job::with_inputs(&inputs)
}

#[test]
fn rank_0_prints_what_was_measured_unless_told_to_be_quiet() {
    let job = small_swarm().run();
    let mut lines = job.stdout.lines();
    let header: Vec<&str> = lines.next().expect("a line").split_whitespace().collect();
    assert_eq!(
        header,
        [
            "client", "files", "segments", "served", "refused", "seconds"
        ]
    );
    for client in ["1 0 0 ", "2 1 2 ", "3 1 2 "] {
        let row: Vec<&str> = lines.next().expect("a line").split_whitespace().collect();
        assert!(row.join(" ").starts_with(client), "{}", job.stdout);
    }
    let last = lines.last().expect("a line");
    let summary = "2 downloads of 4 segments by 3 clients in ";
    assert!(last.starts_with(summary), "{}", job.stdout);
    let job = small_swarm().arguments(&["--quiet"]).run();
    assert_eq!(
        (job.status, job.stdout.as_str(), job.stderr.as_str()),
        (Some(0), "", "")
    );
}

#[test]
fn the_report_of_a_run_agrees_with_its_outputs() {
    let mut rng = Rng::with_seed(5);
    let mut inputs = generate::inputs(&mut rng, 5, 4..=6, 0..=90);
    for input in &mut inputs {
        input.wanted.retain(|name| name.as_str() != "nowhere");
    }
    let options = [
        "--report",
        "report.json",
        "--seed",
        "17",
        "--upload-time",
        "100us",
    ];
    let job = Job::with_inputs(&inputs).arguments(&options).run();
    assert_eq!(job.status, Some(0), "{}", job.stderr);
    let report = job.report("report.json");
    assert_eq!((report.schema, report.exit_status), (2, 0));
    assert_eq!((report.plan.clients, report.plan.settings.seed), (5, 17));
    assert_eq!(report.plan.settings.upload_time, Duration::from_micros(100));
    let measured = report.measured.expect("a run that ended");
    let outputs = job.outputs(".");
    assert_eq!(measured.files as usize, outputs.len());
    for client in &measured.clients {
        let prefix = output_name(Rank(client.client), "");
        let written = outputs.iter().filter(|(name, _)| name.starts_with(&prefix));
        let lines: usize = written.map(|(_, content)| content.lines().count()).sum();
        assert_eq!(client.segments as usize, lines);
        let index = client.client as usize - 1;
        let received: u64 = measured
            .transfers
            .iter()
            .flatten()
            .filter(|(to, _)| *to == client.client)
            .map(|(_, segments)| segments)
            .sum();
        assert_eq!(client.segments, received);
        let sent = measured.transfers[index].iter();
        let sent: u64 = sent.map(|(_, segments)| segments).sum();
        assert_eq!(client.served, sent);
    }
    let requests = &measured.messages["SEGMENT_REQUEST"];
    assert_eq!(requests.messages, measured.messages["SEGMENT"].messages);
    assert!(
        requests.bytes > 33 * requests.messages,
        "a hash is 32 bytes, and its length one"
    );
    let served: u64 = measured.clients.iter().map(|client| client.served).sum();
    let most = measured
        .clients
        .iter()
        .map(|client| client.served)
        .max()
        .expect("a client");
    let makespan = measured.makespan.expect("files were completed");
    assert!(
        makespan >= most as f64 * 1e-4,
        "an upload link serves one segment at a time"
    );
    assert_eq!(served, measured.segments);
}

#[test]
fn a_swarm_changes_as_its_scenario_says() {
    let scenario = r#"
        [[class]]
        name = "seed"
        clients = [1]
        leaves = "after one copy"
        [[class]]
        name = "free rider"
        clients = [3]
        conduct = "free rider"
        [[class]]
        name = "late"
        clients = [4]
        arrives = "500ms"
        [[class]]
        name = "gone"
        clients = [5]
        arrives = "500ms"
        leaves = "0s"
    "#;
    let f = format!(
        "1 f 20 {} 0",
        "abcdefghijklmnopqrst"
            .chars()
            .map(hash)
            .collect::<Vec<_>>()
            .join(" ")
    );
    let inputs = [
        f.clone(),
        f,
        "0 1 f".into(),
        "0 1 f".into(),
        "0 2 f g".into(),
    ];
    let job = Job::with_inputs(&inputs).file("s.toml", scenario);
    let options = ["--scenario", "s.toml", "--peer-selection", "first"];
    let job = job
        .arguments(&options)
        .arguments(&["--report", "r.json", "--trace", "t.jsonl"]);
    let job = job.run();
    assert_eq!((job.status, job.stderr.as_str()), (Some(0), ""));
    job.assert_keeps_the_rules("t.jsonl");
    assert!(job.outputs(".").into_keys().eq(["client3_f", "client4_f"]));

    let reader = Reader::open(&job.folder.path().join("t.jsonl")).expect("a trace");
    let events = reader.map(|event| event.expect("it can be read").1);
    let left = events.filter(|event| event.deed == Deed::Left);
    let left: BTreeSet<Rank> = left.map(|event| event.rank).collect();
    assert!(left.into_iter().eq([1, 5].map(Rank)));
    let report = job.report("r.json");
    let missing = |missing: &MissingFile| (missing.client, missing.reason.clone());
    let missing: Vec<_> = report.missing.iter().map(missing).collect();
    assert_eq!(
        missing,
        [(5, "it left".to_owned()), (5, "it left".to_owned())]
    );
    let measured = report.measured.expect("a run that ended");
    let [seed, _, free_rider, late, gone] = &measured.clients[..] else {
        panic!("expected five clients, found {:?}", measured.clients)
    };
    assert_eq!(
        (seed.served, free_rider.served, gone.downloads.len()),
        (20, 0, 0)
    );
    assert!(late.downloads[0].begun >= 0.5);
    assert_eq!(late.class.as_deref(), Some("late"));
}

#[test]
fn an_older_output_is_replaced_and_no_other_file_is_left() {
    let older = "an older and longer content\n".repeat(100);
    let inputs = [format!("1 f 1 {} 0", hash('a')), "0 1 f".into()];
    let job = Job::with_inputs(&inputs).file("client2_f", &older).run();
    assert_eq!(
        job.outputs("."),
        BTreeMap::from([("client2_f".into(), hash('a') + "\n")])
    );
}

#[test]
fn help_and_version_are_printed_once_with_and_without_mpirun() {
    let usage = "Usage: mpirun -np N bittorrent [OPTIONS]";
    for (option, line) in [("--help", usage), ("-V", "bittorrent ")] {
        let job = Job::new(3).arguments(&[option]).run();
        assert_eq!(job.status, Some(0));
        assert_eq!(job.stdout.matches(line).count(), 1, "{}", job.stdout);
        let alone = Command::new(job::program())
            .arg(option)
            .output()
            .expect("it can be run");
        assert_eq!(String::from_utf8(alone.stdout), Ok(job.stdout));
    }
}
