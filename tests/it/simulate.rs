//! `bittorrent simulate`, and the simulation under it. No mpirun is needed.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use fastrand::Rng;
use lab::check::{CheckOutcome as Verdict, Checked};
use lab::twin::{Advance, Links, Machines, Simulation};
use support::job::{self, Job, Outcome, expected, program};
use support::world::{Faults, Run, Saved, rules};
use support::{generate, repository};
use swarm::event::{Deed, Event, Thread};
use swarm::manifest::Manifest;
use swarm::protocol::{Rank, Tag};
use swarm::report::{Plan, Report};
use swarm::scenario::Cast;
use swarm::settings::Settings;
use swarm::trace::{Header, Reader};

/// Simulates in a job's folder.
fn simulate(job: Job, arguments: &[&str]) -> Outcome {
    let mut command = Command::new(program());
    command.arg("simulate").args(arguments);
    job::prepare(&mut command, job.folder.path());
    let output = command.output().expect("the program can be run");
    job::outcome(job.folder, output)
}

/// Simulates one seed and one leecher of a file of `segments` segments.
fn simulate_pair(segments: usize, arguments: &[&str]) -> Outcome {
    let segments = segments.to_string();
    let shape = ["--flash-crowd", "--clients", "2", "--segments", &segments];
    simulate(Job::new(0), &[&shape, arguments].concat())
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

fn trace(job: &Outcome, name: &str) -> (Header, Vec<Event>) {
    let reader = Reader::open(&job.folder.path().join(name)).expect("there is a trace");
    let header = reader.header().clone();
    let events = reader.map(|event| event.expect("it can be read").1);
    (header, events.collect())
}

#[test]
fn a_run_ends_when_the_last_thing_happens_and_not_with_the_last_timer() {
    for more in [
        &[][..],
        &["--tracker-index", "segments", "--latency", "1us..9ms"],
    ] {
        let crowd = [
            "--flash-crowd",
            "--clients",
            "10",
            "--segments",
            "100",
            "--upload-time",
            "5ms",
            "--seed",
            "1",
            "--trace",
            "t.jsonl",
        ];
        let job = simulate(Job::new(0), &[&crowd, more].concat());
        let (_, events) = trace(&job, "t.jsonl");
        let last = events.last().expect("there are events").time;
        let line = job.stdout.lines().last().expect("a closing line");
        let expected = format!("in {:.3} s of virtual time", last.as_secs_f64());
        assert!(line.ends_with(&expected), "{line}, not {expected}");
    }
}

/// The number of messages of each kind, and their length together.
fn posted(events: &[Event]) -> BTreeMap<String, (u64, u64)> {
    let mut posted: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for event in events {
        if let Deed::Posted { bytes, letter, .. } = &event.deed {
            let volume = posted.entry(letter.tag().to_string()).or_default();
            volume.0 += 1;
            volume.1 += *bytes as u64;
        }
    }
    posted
}

#[test]
fn every_folder_of_inputs_comes_out_right_with_every_published_design() {
    for (folder, inputs) in repository::folders() {
        let folder = folder.to_str().expect("a readable path");
        for design in repository::designs().into_values() {
            let options = ["-i", folder, "-o", "some/where", "--report", "r.json"];
            let trace_too = ["--trace", "t.jsonl", "--upload-time", "1ms"];
            let run = simulate(Job::new(0), &[&options[..], &trace_too, &design].concat());
            assert_eq!(run.status, Some(0), "{folder}: {}", run.stderr);
            assert_eq!(run.stderr, "");
            assert!(run.outputs("some/where") == expected(&inputs), "{folder}");

            let path = run.folder.path().join("t.jsonl");
            let checked = Checked::new(&path, Some(Path::new(folder))).expect("a trace");
            assert_eq!(checked.outcome(), Verdict::Holds, "{checked}");

            let (header, events) = trace(&run, "t.jsonl");
            let report = run.report("r.json");
            assert!(header.complete);
            assert_eq!((header.clients, &header.plan), (inputs.len(), &report.plan));
            let clocks = header
                .clocks
                .iter()
                .map(|clock| (clock.rank, &clock.host[..]));
            assert!(clocks.eq((0..=inputs.len() as u32).map(|rank| (rank, "twin"))));
            agree(&report, &events);
        }
    }
}

fn agree(report: &Report, events: &[Event]) {
    let measured = report.measured.as_ref().expect("a run that ended");
    let volumes = measured.messages.iter();
    let reported: BTreeMap<String, (u64, u64)> = volumes
        .map(|(tag, volume)| (tag.clone(), (volume.messages, volume.bytes)))
        .collect();
    assert_eq!(posted(events), reported);
    let count =
        |is: fn(&Deed) -> bool| events.iter().filter(|event| is(&event.deed)).count() as u64;
    assert_eq!(
        count(|deed| matches!(deed, Deed::Verified { .. })),
        measured.segments
    );
    let heard = |tag| {
        let took = move |event: &&Event| matches!(&event.deed, Deed::Taken { letter, .. } if letter.tag() == tag);
        events.iter().filter(took).map(|event| event.time)
    };
    let first = heard(Tag::SwarmRequest).min();
    let last = heard(Tag::FileComplete).max();
    let makespan = first
        .zip(last)
        .map(|(first, last)| (last - first).as_secs_f64());
    assert_eq!(measured.makespan, makespan);
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_another_run() {
    let run = |seed| {
        let arguments = "--clients 9 --files 5 --segments 40 --owners 2 --peer-selection random \
             --segment-order random --latency 10us..2ms --upload-time 1ms -o out --report r.json \
             --trace t.jsonl.zst --seed";
        let run = simulate(Job::new(0), &[&words(arguments)[..], &[seed]].concat());
        assert_eq!(run.status, Some(0), "{}", run.stderr);
        let read = |name| fs::read(run.folder.path().join(name)).expect("a file");
        (
            read("r.json"),
            read("t.jsonl.zst"),
            run.outputs("out"),
            run.stdout.clone(),
        )
    };
    let [one, same, other] = ["7", "7", "8"].map(run);
    assert!(one == same);
    assert!(one.0 != other.0 && one.1 != other.1 && one.2 != other.2);
}

#[test]
fn latencies_differ_and_no_message_of_a_flow_overtakes_another() {
    let arguments = "--flash-crowd --clients 8 --segments 60 --latency 1us..10ms --seed 3 \
         --trace t.jsonl";
    let run = simulate(Job::new(0), &words(arguments));
    assert_eq!(run.status, Some(0), "{}", run.stderr);
    run.assert_keeps_the_rules("t.jsonl");
    let mut underway = HashMap::new();
    let mut latencies = Vec::new();
    for event in trace(&run, "t.jsonl").1 {
        match event.deed {
            Deed::Posted {
                to, number, letter, ..
            } => {
                let flow = (event.rank, to, Thread::reader(&letter), number);
                underway.insert(flow, (event.time, letter));
            }
            Deed::Taken {
                from,
                number,
                letter,
                ..
            } => {
                let flow = (from, event.rank, Thread::reader(&letter), number);
                let (posted, sent) = underway.remove(&flow).expect("it was posted");
                assert_eq!(sent, letter, "{flow:?}");
                latencies.push(event.time - posted);
            }
            Deed::Begun
            | Deed::Verified { .. }
            | Deed::WrongHash { .. }
            | Deed::Saved { .. }
            | Deed::Left
            | Deed::Ended => {}
        }
    }
    assert!(underway.is_empty());
    let [most, long, least] = [10_000, 8000, 1].map(Duration::from_micros);
    assert!(latencies.iter().all(|time| (least..=most).contains(time)));
    let long = latencies.iter().filter(|time| **time > long).count();
    assert!(long * 20 > latencies.len() && long * 2 < latencies.len());
}

#[test]
fn a_leecher_takes_the_upload_time_of_every_segment_and_a_few_latencies() {
    let options = "--upload-time 5ms --latency 50us --report r.json";
    let run = simulate_pair(40, &words(options));
    assert_eq!(run.status, Some(0), "{}", run.stderr);
    let makespan = run
        .report("r.json")
        .measured
        .and_then(|measured| measured.makespan);
    let beyond = makespan.expect("a file was completed") - 0.2;
    // SWARM, the first request, the last segment and FILE_COMPLETE; and UPDATE and SWARM three
    // times, with a request behind, while the link may be empty.
    let latency = 50e-6;
    assert!(
        (4.0 * latency - 1e-9..20.0 * latency).contains(&beyond),
        "{beyond}"
    );
}

#[test]
fn the_tracker_serves_one_message_after_another() {
    let said = |options| {
        let run = simulate_pair(1, &words(options));
        assert_eq!(run.status, Some(0), "{}", run.stderr);
        let closing = run.stdout.lines().last().map(str::to_owned);
        closing.expect("a closing line")
    };
    let line = "1 download of 1 segment by 2 clients in ";
    // Two INIT at once, then SWARM_REQUEST and ALL_COMPLETE, FILE_COMPLETE and ALL_COMPLETE.
    let slow = said("--latency 0us --tracker-time 10ms");
    assert_eq!(slow, format!("{line}0.060 s of virtual time"));
    // INIT, INIT_ACK, SWARM_REQUEST, SWARM, SEGMENT_REQUEST, SEGMENT, ALL_COMPLETE, STOP.
    let far = said("--latency 10ms");
    assert_eq!(far, format!("{line}0.080 s of virtual time"));
}

#[test]
fn outputs_are_written_where_they_are_wanted_and_nowhere_else() {
    let run = simulate_pair(3, &["-q"]);
    assert_eq!(
        (run.status, &run.stdout[..], &run.stderr[..]),
        (Some(0), "", "")
    );
    assert_eq!(
        fs::read_dir(run.folder.path()).expect("a folder").count(),
        0
    );
    let run = simulate_pair(3, &["-o", "new/folder", "--seed", "1"]);
    let output = run.outputs("new/folder");
    assert_eq!(output.into_keys().collect::<Vec<_>>(), ["client2_file1"]);
    assert!(run.stdout.starts_with(" client    files"), "{}", run.stdout);

    let job = Job::new(0).file("taken", "");
    let crowd = words("--flash-crowd --clients 2 --segments 3 -o taken --report r.json");
    simulate(job, &crowd).assert_refused(&["bittorrent: --output-dir: cannot write to taken: "]);
    let job = Job::new(0);
    fs::create_dir_all(job.folder.path().join("out/client2_file1")).expect("a folder");
    let crowd = words("--flash-crowd --clients 2 --segments 3 -o out --report r.json");
    let run = simulate(job, &crowd);
    assert_eq!(run.status, Some(3));
    run.assert_says(&["client 2 did not get 'file1': cannot write out/client2_file1: "]);
    assert_eq!(run.report("r.json").missing.len(), 1);
}

#[test]
fn a_corrupt_client_and_a_file_that_nobody_has_cost_what_they_cost_in_a_real_run() {
    let job = |inputs: &[&str]| Job::with_inputs(inputs);
    let f = format!("1\nf 1\n{}\n0", job::hash('a'));
    let run = simulate(
        job(&["0\n2\nf\nnowhere", &f, &f]),
        &words("-i . -o . --corrupt 2"),
    );
    assert_eq!(run.status, Some(1));
    assert_eq!(
        run.stderr,
        "client 1 did not get 'nowhere': nobody has it\n"
    );
    assert_eq!(run.outputs(".").len(), 1);
    let run = simulate(job(&["0 1 f", &f]), &words("-i . -o . --corrupt 2"));
    assert_eq!(run.status, Some(1));
    run.assert_says(&["client 1 did not get 'f': nobody who should have it sends it"]);
}

#[test]
fn what_cannot_be_simulated_is_refused_with_every_reason() {
    let good = format!("1\nf 1\n{}\n0", job::hash('a'));
    let other = format!("1\nf 1\n{}\n0", job::hash('b'));
    let inputs = |texts: &[&str]| Job::with_inputs(texts);
    let here = [
        "-i", ".", "-o", ".", "--report", "r.json", "--trace", "t.jsonl",
    ];
    let bad = simulate(inputs(&["1\nf 2\n", "x", &good]), &here);
    bad.assert_refused(&["in1.txt:3: expected the hash of segment 1", "in2.txt:1: "]);
    assert_eq!(bad.report("r.json").exit_status, 2);
    assert_eq!(posted(&trace(&bad, "t.jsonl").1)["INIT_ACK"].0, 3);
    let checked = Checked::new(&bad.folder.path().join("t.jsonl"), None).expect("a trace");
    assert_eq!(checked.outcome(), Verdict::Untold, "{checked}");
    let torn = simulate(inputs(&[&good, &other]), &here);
    torn.assert_refused(&["clients 1 and 2 both own 'f'"]);

    simulate(Job::new(0), &here).assert_refused(&[".: there is no in1.txt"]);
    let gap = inputs(&[&good]).file("in3.txt", &good);
    simulate(gap, &here).assert_refused(&["there is in3.txt, but not in2.txt"]);
    let crowd = "--flash-crowd --clients 2 --segments 3";
    for (arguments, reason) in [
        ("", "simulate [OPTIONS] -i DIR\n"),
        ("--clients 2", "--segments"),
        ("--clients 2 --segments 3", "--files"),
        ("-i . --clients 2", "cannot be used with"),
        ("-i . --vary", "cannot be used with"),
        ("-i nowhere", "cannot list the inputs in nowhere"),
    ] {
        let run = simulate(Job::new(0), &words(arguments));
        assert_eq!(run.status, Some(2), "{}", run.stderr);
        assert!(run.stderr.contains(reason), "{}", run.stderr);
    }
    for (arguments, reason) in [
        ("--corrupt 3", "--corrupt 3: the last client has rank 2"),
        ("--report no/r.json", "--report: there is no folder no"),
        ("--trace no/t.jsonl", "--trace: there is no folder no"),
        (
            "--owners 3",
            "--owners 3 is more than the 2 clients there are",
        ),
        (
            "--segment-order rarest-first",
            "--tracker-index segments tells",
        ),
        ("--latency 2ms..1ms", "expected the shorter time first"),
        ("--oracle", "--upload-time"),
        (
            "--oracle --upload-time 0",
            "--oracle needs an --upload-time",
        ),
        (
            "--oracle --upload-time 5ms --members 1",
            "cannot be used with",
        ),
        (
            "--oracle --upload-time 5ms --trace t.jsonl",
            "cannot be used with",
        ),
    ] {
        let run = simulate(Job::new(0), &[words(crowd), words(arguments)].concat());
        run.assert_refused(&[reason]);
    }
}

#[test]
fn the_oracle_takes_as_long_as_the_bound_says_and_each_segment_one_message() {
    for (clients, rounds) in [(2, 30), (10, 33), (100, 36)] {
        let arguments = format!(
            "--oracle --flash-crowd --clients {clients} --segments 30 --upload-time 5ms --latency 0ms \
             --report r.json"
        );
        let run = simulate(Job::new(0), &words(&arguments));
        assert_eq!(run.status, Some(0), "{}", run.stderr);
        let report = run.report("r.json");
        assert!(report.oracle);
        let measured = report.measured.unwrap();
        assert_eq!(measured.makespan, Some(f64::from(rounds) * 0.005));
        assert_eq!(measured.optimality, Some(1.0));
        assert_eq!(measured.messages_per_segment, Some(1.0));
        assert_eq!(measured.segments, (clients - 1) * 30);
    }
}

#[test]
fn moments_tell_how_far_the_swarm_is() {
    for design in ["", "--oracle"] {
        let arguments = format!(
            "{design} --flash-crowd --clients 4 --segments 3 --upload-time 5ms --latency 0ms \
             --moments 1ms,9ms,1min --report r.json"
        );
        let run = simulate(Job::new(0), &words(&arguments));
        assert_eq!(run.status, Some(0), "{}", run.stderr);
        let moments = run.report("r.json").measured.unwrap().moments;
        let [begun, going_on, over] = moments[..] else {
            panic!("{design}: {moments:?}")
        };
        let first = (begun.rarest, begun.links_busy, begun.clients_done);
        assert_eq!(first, (Some(1), 1, 1), "{design}: {begun:?}");
        assert_eq!(going_on.time, 0.009);
        assert!(going_on.links_busy > 1, "{design}: {going_on:?}");
        let last = (over.rarest, over.links_busy, over.clients_done);
        assert_eq!(last, (Some(4), 0, 4), "{design}: {over:?}");
    }
}

/// A crowd of 40 in a scenario of the repository.
fn crowd_in(scenario: &str) -> Outcome {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("inputs/scenarios");
    let path = path.join(scenario);
    let scenario = ["--scenario", path.to_str().expect("a readable path")];
    let crowd =
        words("--flash-crowd --clients 40 --segments 40 --window 2 --upload-time 5ms --seed 1");
    let files = words("-o . --report r.json --trace t.jsonl");
    simulate(Job::new(0), &[crowd, files, scenario.into()].concat())
}

#[test]
fn a_crowd_goes_on_when_its_seed_leaves_after_one_copy() {
    let run = crowd_in("flash-crowd.toml");
    assert_eq!((run.status, run.stderr.as_str()), (Some(0), ""));
    run.assert_keeps_the_rules("t.jsonl");
    assert_eq!(run.outputs(".").len(), 39);

    let (_, events) = trace(&run, "t.jsonl");
    let left = events.iter().filter(|event| event.deed == Deed::Left);
    assert_eq!(left.map(|event| event.rank).collect::<Vec<_>>(), [Rank(1)]);
    let report = run.report("r.json");
    assert_eq!(report.plan.cast.iter().count(), 1 + 16 + 7);
    let measured = report.measured.expect("a run that ended");
    assert_eq!(measured.lower_bound, None, "nobody knows it here");
    let class = |name: &str| &measured.classes[name];
    let sizes = ["seed", "latecomers", "slow"].map(|name| class(name).clients);
    assert_eq!(sizes, [1, 16, 7]);
    assert!((40..160).contains(&class("seed").served));
    assert!(class("slow").served > 0);
    let of = |client: u32| &measured.clients[client as usize - 1];
    assert_eq!(of(1).class.as_deref(), Some("seed"));
    for role in report.plan.cast.iter() {
        let begun = of(role.client.0)
            .downloads
            .first()
            .map(|download| Duration::from_secs_f64(download.begun));
        assert!(
            begun.is_none_or(|begun| begun == role.part.arrival),
            "{role:?}"
        );
    }
}

#[test]
fn who_vanishes_goes_without_its_file_and_everybody_else_gets_it() {
    let run = crowd_in("passers-by.toml");
    assert_eq!((run.status, run.stderr.as_str()), (Some(0), ""));
    run.assert_keeps_the_rules("t.jsonl");
    let report = run.report("r.json");
    assert!(report.missing.len() > 2);
    let line = format!(
        "gone without: {} files, by clients that left\n",
        report.missing.len()
    );
    assert!(run.stdout.contains(&line), "{}", run.stdout);
    let measured = report.measured.expect("a run that ended");
    for missing in &report.missing {
        let class = &measured.clients[missing.client as usize - 1].class;
        assert_eq!(class.as_deref(), Some("passers-by"));
        assert_eq!(missing.reason, "it left");
    }
    assert_eq!(run.outputs(".").len(), 39 - report.missing.len());
}

#[test]
fn a_file_that_is_gone_with_its_only_seed_is_missing_for_those_who_stay() {
    let f = format!("1\nf 2\n{}\n{}\n0", job::hash('a'), job::hash('b'));
    let gone = "[[class]]\nname = \"seed\"\nclients = [1]\nleaves = \"1ms\"";
    let late = "\n[[class]]\nname = \"late\"\nclients = [2]\narrives = \"2ms\"";
    let job = Job::with_inputs(&[&f, "0 1 f"]).file("s.toml", &format!("{gone}{late}"));
    let run = simulate(job, &words("-i . -o . --scenario s.toml --trace t.jsonl"));
    assert_eq!(run.status, Some(1));
    run.assert_says(&["client 2 did not get 'f': nobody who should have it sends it"]);
    run.assert_keeps_the_rules("t.jsonl");

    let job = Job::with_inputs(&[&f, "0 1 f"]).file("s.toml", "[[class]]\nname = 7");
    simulate(job, &words("-i . --scenario s.toml")).assert_refused(&[
        "bittorrent: s.toml:2:8: invalid type: integer `7`, expected a string\n",
    ]);
}

/// A swarm that takes long, of which something is said before it begins.
#[test]
fn a_signal_ends_it_in_good_order() {
    for signal in job::signals() {
        is_ended_in_good_order_by(&signal);
    }
}

fn is_ended_in_good_order_by(signal: &str) {
    let mut inputs = generate::crowd(1, 40, 20_000);
    let file = inputs[0].owned[0].name.clone();
    inputs[0].wanted.push(file);
    let job = Job::with_inputs(&inputs);
    let mut command = Command::new(program());
    let options = "simulate -i . --upload-time 1ms --report r.json --trace t.jsonl --window 1";
    command.args(words(options));
    job::prepare(&mut command, job.folder.path());
    let mut child = command.spawn().expect("the program can be run");
    let mut said = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut line = String::new();
    said.read_line(&mut line).expect("it says something");
    assert!(
        line.starts_with("warning: client 1 both owns and wants"),
        "{line}"
    );
    let process = child.id().to_string();
    let sent = Command::new("kill").args(["-s", signal, &process]).status();
    assert!(sent.expect("there is a kill").success());
    line.clear();
    said.read_line(&mut line).expect("it says why it ends");
    assert!(
        line.starts_with(&format!("bittorrent: SIG{signal} came; clients 2, 3, 4, ")),
        "{line}"
    );
    let run = job::outcome(job.folder, child.wait_with_output().expect("it ends"));
    assert_eq!(run.status, Some(4));
    let report = run.report("r.json");
    assert_eq!((report.exit_status, report.measured), (4, None));
    assert!(line.contains(&report.problems[0]), "{line}");
    let checked = Checked::new(&run.folder.path().join("t.jsonl"), None).expect("a trace");
    assert_eq!(checked.outcome(), Verdict::Untold, "{checked}");
}

/// A random swarm, run to its end in virtual time.
fn run(seed: u64) -> Run {
    let mut rng = Rng::with_seed(seed);
    let clients = rng.usize(1..=8);
    let inputs: Vec<Manifest> = generate::inputs(&mut rng, clients, 0..=4, 0..=32);
    let settings = Settings {
        upload_time: Duration::from_millis(rng.u64(0..=2) * 5),
        seed,
        ..Settings::default()
    };
    let plan = Plan {
        settings,
        clients,
        corrupt: vec![],
        cast: Cast::default(),
    };
    let least = Duration::from_micros(rng.u64(..100));
    let latency = least..=least + Duration::from_micros(rng.u64(..20_000) * rng.u64(0..=1));
    let tracker_time = Duration::from_micros(rng.u64(..1000) * rng.u64(0..=1));
    let read = inputs.iter().cloned().map(Ok).collect();
    let machines = Machines::new(&plan, read, Saved::default(), true);
    let links = Links::new(latency, settings.rng(Rank::TRACKER));
    let mut simulation = Simulation::new(machines, links, tracker_time);
    while simulation.advance(1000, Duration::MAX).expect("it goes on") != Advance::Over {}
    let is_over = simulation.machines.is_over();
    let events = simulation.machines.events().collect();
    let finished = simulation.machines.finish();
    Run {
        measured: finished.measured.expect("no input is refused"),
        inputs,
        settings,
        faults: Faults::default(),
        events,
        outputs: finished.outputs.0,
        tracker: finished.tracker,
        is_over,
        undelivered: 0,
    }
}

#[test]
fn random_swarms_in_virtual_time_keep_every_rule() {
    for seed in 0..500 {
        let run = run(seed);
        let times = run.events.iter().map(|event| event.time);
        assert!(times.is_sorted(), "time goes back, seed {seed}");
        rules::check(&run);
    }
}
