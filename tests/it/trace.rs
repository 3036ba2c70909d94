//! What a run under a real `mpirun` leaves with `--trace`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;
use std::process::Command;

use fastrand::Rng;
use lab::check::{CheckOutcome::Untold, Checked};
use support::job::{self, Job, Outcome, expected, hash};
use support::{generate, profiling};
use swarm::event::{Deed, Event, Thread};
use swarm::protocol::{Rank, Tag};
use swarm::report::Report;
use swarm::trace::{Header, Reader};

/// The trace in a job's folder.
fn trace(job: &Outcome, name: &str) -> (Header, Vec<Event>) {
    let reader = Reader::open(&job.folder.path().join(name)).expect("there is a trace");
    let header = reader.header().clone();
    let events = reader.map(|event| event.expect("it can be read").1);
    (header, events.collect())
}

/// Every message was posted once, and then taken once, and as many of each kind as the report says.
fn assert_agrees(events: &[Event], report: &Report) {
    let measured = report.measured.as_ref().expect("a run that ended");
    let mut underway = HashMap::new();
    let mut posted: BTreeMap<Tag, (u64, u64)> = BTreeMap::new();
    for Event { rank, deed, .. } in events {
        match deed {
            Deed::Posted {
                to,
                number,
                bytes,
                letter,
            } => {
                let flow = (*rank, *to, Thread::reader(letter), *number);
                assert!(underway.insert(flow, letter).is_none(), "{flow:?}");
                let volume = posted.entry(letter.tag()).or_default();
                volume.0 += 1;
                volume.1 += *bytes as u64;
            }
            Deed::Taken {
                from,
                number,
                letter,
                ..
            } => {
                let flow = (*from, *rank, Thread::reader(letter), *number);
                assert_eq!(underway.remove(&flow), Some(letter), "{flow:?}");
            }
            Deed::Begun
            | Deed::Verified { .. }
            | Deed::WrongHash { .. }
            | Deed::Saved { .. }
            | Deed::Left
            | Deed::Ended => {}
        }
    }
    assert!(underway.is_empty(), "{underway:?}");
    let sent = |tag: &Tag| measured.messages.get(&tag.to_string());
    let sent = Tag::ALL.iter().filter_map(|tag| Some((*tag, sent(tag)?)));
    let sent: BTreeMap<_, _> = sent
        .filter(|(_, volume)| volume.messages > 0)
        .map(|(tag, volume)| (tag, (volume.messages, volume.bytes)))
        .collect();
    assert_eq!(posted, sent);
    let count =
        |is: fn(&Deed) -> bool| events.iter().filter(|event| is(&event.deed)).count() as u64;
    let verified = count(|deed| matches!(deed, Deed::Verified { .. }));
    assert_eq!(verified, measured.segments);
    let saved = count(|deed| matches!(deed, Deed::Saved { problem: None, .. }));
    assert_eq!(saved, measured.files);
}

/// Checks that each thread's first event is its beginning, and its last event its end.
fn assert_whole(events: &[Event], clients: usize) {
    let mut threads: BTreeMap<(Rank, Thread), Vec<&Event>> = BTreeMap::new();
    for event in events {
        let who = (event.rank, event.thread);
        threads.entry(who).or_default().push(event);
    }
    let client_threads = |rank| [(rank, Thread::Download), (rank, Thread::Upload)];
    let mut expected = vec![(Rank::TRACKER, Thread::Tracker)];
    expected.extend(Rank::clients(clients).flat_map(client_threads));
    assert!(threads.keys().copied().eq(expected));
    for (who, events) in threads {
        assert_eq!(events[0].deed, Deed::Begun, "{who:?}");
        assert_eq!(
            events.last().map(|event| &event.deed),
            Some(&Deed::Ended),
            "{who:?}"
        );
        assert!(events.is_sorted_by_key(|event| event.time), "{who:?}");
    }
}

/// A random swarm is traced in this way, and comes out right.
fn is_traced(name: &str, arguments: &[&str], condition: impl Fn(Job) -> Job) {
    let mut rng = Rng::with_seed(11);
    let mut inputs = generate::inputs(&mut rng, 4, 4..=6, 0..=300);
    for input in &mut inputs {
        input.wanted.retain(|name| name.as_str() != "nowhere");
    }
    let job = condition(Job::with_inputs(&inputs))
        .arguments(&["-q", "-o", "out", "--report", "r.json", "--trace", name])
        .arguments(arguments)
        .run();
    assert_eq!(job.status, Some(0), "{}", job.stderr);
    assert!(job.outputs("out") == expected(&inputs));
    let parts = format!("{name}.parts");
    assert!(!job.folder.path().join(parts).exists());
    let (header, events) = trace(&job, name);
    let report = job.report("r.json");
    assert!(header.complete);
    assert_eq!((header.clients, &header.plan), (4, &report.plan));
    let ranks: Vec<u32> = header.clocks.iter().map(|clock| clock.rank).collect();
    assert_eq!(ranks, [0, 1, 2, 3, 4]);
    assert_agrees(&events, &report);
    assert_whole(&events, 4);
}

#[test]
fn every_message_of_a_run_is_in_its_trace() {
    is_traced("t.jsonl", &[], |job| job);
}

#[test]
fn a_trace_may_be_compressed_and_launch_passes_the_option_on() {
    is_traced("t.jsonl.zst", &[], Job::launched);
    is_traced(
        "t.zst",
        &["--tracker-grants", "--tracker-index", "segments"],
        |job| job,
    );
}

#[test]
fn sends_that_wait_for_their_reader_make_no_difference() {
    let synchronous = |job| profiling::profiled(job, "synchronous");
    is_traced("t.jsonl", &["--peer-selection", "two-choices"], synchronous);
}

#[test]
fn wrong_hashes_are_in_the_trace() {
    let owner = format!("1 f 3 {} {} {} 0", hash('a'), hash('b'), hash('c'));
    let job = Job::with_inputs(&[owner.clone(), owner, "0 1 f".into()]);
    let job = job.arguments(&["--corrupt", "1", "--trace", "t"]).run();
    assert_eq!(job.status, Some(0), "{}", job.stderr);
    let (_, events) = trace(&job, "t");
    let wrong = events.iter().filter_map(|event| match &event.deed {
        Deed::WrongHash { from, .. } => Some((event.rank, *from)),
        Deed::Begun
        | Deed::Posted { .. }
        | Deed::Taken { .. }
        | Deed::Verified { .. }
        | Deed::Saved { .. }
        | Deed::Left
        | Deed::Ended => None,
    });
    let wrong: BTreeSet<_> = wrong.collect();
    assert_eq!(wrong, BTreeSet::from([(Rank(3), Rank(1))]));
}

#[test]
fn a_run_that_is_refused_has_a_trace_and_replaces_an_older_one() {
    let job = Job::with_inputs(&["0 0", "nonsense"]).file("t", "an older trace");
    fs::create_dir(job.folder.path().join("t.parts")).unwrap();
    let job = job
        .file("t.parts/7.upload", "what an older run has left")
        .arguments(&["--trace", "t"])
        .run();
    assert_eq!(job.status, Some(2), "{}", job.stderr);
    assert!(!job.folder.path().join("t.parts").exists());
    let (header, events) = trace(&job, "t");
    assert!(header.complete);
    let mut tags: Vec<Tag> = events.iter().filter_map(|event| tag(&event.deed)).collect();
    tags.sort_unstable();
    assert_eq!(tags, [[Tag::Init; 4], [Tag::InitAck; 4]].concat());
    let checked = Checked::new(&job.folder.path().join("t"), None).expect("a trace");
    assert_eq!(checked.outcome(), Untold, "{checked}");
}

#[test]
fn a_client_that_is_killed_leaves_a_trace() {
    let segments = 400_000;
    let large = (hash('x') + "\n").repeat(segments);
    let owner = format!("2 f 1 {} large {segments} {large} 0", hash('a'));
    let wanting = "0 2 f large".to_owned();
    let mut job = Job::with_inputs(&[owner, wanting.clone(), wanting])
        .arguments(&["--trace", "t"])
        .start();
    job.wait_for("client2_f");
    job.signal(3, "KILL");
    let job = job.end();
    assert_ne!(job.status, Some(0));
    assert!(!job.folder.path().join("t").exists());
    for name in ["t", "t.parts"] {
        let (header, events) = trace(&job, name);
        assert!(!header.complete);
        let at_work: BTreeSet<Rank> = events.iter().map(|event| event.rank).collect();
        assert!(at_work.len() > 2, "{at_work:?}");
        let checked = Checked::new(&job.folder.path().join(name), None).expect("a trace");
        assert_eq!(checked.outcome(), Untold, "{checked}");
    }
}

#[test]
fn a_run_that_stalls_leaves_a_trace_of_all_that_happened() {
    let job =
        Job::with_inputs(&["0 0", "0 0"]).arguments(&["--stall-timeout", "3s", "--trace", "t"]);
    let pipe = job.folder.path().join("in2.txt"); // nobody ever writes into it
    fs::remove_file(&pipe).unwrap();
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let job = job.run();
    assert_eq!(job.status, Some(4), "{}", job.stderr);
    let (header, events) = trace(&job, "t");
    assert!(!header.complete);
    let happened: Vec<_> = events
        .iter()
        .map(|event| (event.rank.0, event.thread, tag(&event.deed)))
        .collect();
    let (init, tracker, download) = (Some(Tag::Init), Thread::Tracker, Thread::Download);
    for what in [(1, download, init), (0, tracker, init), (0, tracker, None)] {
        assert_eq!(
            happened.iter().filter(|it| **it == what).count(),
            1,
            "{happened:?}"
        );
    }
}

fn tag(deed: &Deed) -> Option<Tag> {
    match deed {
        Deed::Posted { letter, .. } | Deed::Taken { letter, .. } => Some(letter.tag()),
        Deed::Begun
        | Deed::Verified { .. }
        | Deed::WrongHash { .. }
        | Deed::Saved { .. }
        | Deed::Left
        | Deed::Ended => None,
    }
}

#[test]
fn a_trace_that_cannot_be_begun_is_refused() {
    let job = || Job::with_inputs(&["0 0"]);
    let refused = job().arguments(&["--trace", "nowhere/t"]).run();
    refused.assert_refused(&["bittorrent: --trace: there is no folder nowhere\n"]);
    let blocked = job()
        .file("t.parts", "no folder")
        .arguments(&["--trace", "t"]);
    let blocked = blocked.run();
    blocked
        .assert_refused(&["bittorrent: rank 0: cannot write t.parts: File exists (os error 17)\n"]);
}

/// A file system of 256 KiB takes the beginnings of the parts and no more. It is mounted in a name
/// space of the job. Where that is not permitted, the test says so and passes.
#[test]
fn a_full_disk_ends_the_recording_and_not_the_run() {
    let unshare = "unshare --mount --map-root-user";
    let permitted = format!("{unshare} sh -c 'mount -t tmpfs none /mnt'");
    let permitted = Command::new("sh").args(["-c", &permitted]).status();
    if !permitted.unwrap().success() {
        eprintln!("skipped: this user may not mount a small file system");
        return;
    }
    let large = format!("1 f 20000 {} 0", (hash('x') + "\n").repeat(20_000));
    let job = Job::with_inputs(&[large, "0 1 f".into()])
        .arguments(&["--trace", "small/t"])
        .run_in_script(&format!(
            "mkdir small && exec {unshare} sh -c '\
         mount -t tmpfs -o size=256k none small || exit 9; exec \"$@\"' sh \"$@\""
        ));
    assert_eq!(job.status, Some(3), "{}", job.stderr);
    let full = "No space left on device (os error 28)";
    for message in [
        "warning: rank 1 stops recording: cannot write small/t.parts/1.",
        &format!("bittorrent: cannot write small/t: {full}; the parts are in small/t.parts\n"),
    ] {
        assert!(job.stderr.contains(message), "{}", job.stderr);
    }
    assert_eq!(job.outputs(".").len(), 1);
}

/// Runs `check` on a file.
fn check(trace: &Path, options: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(job::program());
    let output = command.arg("check").args(options).arg(trace).output();
    let output = output.expect("the program can be run");
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("text"));
    (output.status.code(), stdout, stderr)
}

#[test]
fn what_gzip_has_compressed_is_told_from_a_damaged_trace() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("t.jsonl.gz");
    fs::write(&path, b"\x1f\x8b\x08\x00\x00\x00\x00\x00").expect("a file");
    let (status, _, stderr) = check(&path, &[]);
    assert_eq!(status, Some(2), "{stderr}");
    assert!(
        stderr.contains("found what gzip has compressed"),
        "{stderr}"
    );
}

#[test]
fn check_says_which_rule_is_broken_and_where() {
    let job = Job::with_inputs(&[format!("1 f 1 {} 0", hash('a')), "0 1 f".into()])
        .arguments(&["--trace", "t"])
        .run();
    let path = job.folder.path().join("t");
    let (status, stdout, stderr) = check(&path, &[]);
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    assert!(
        stdout.ends_with(" events of 2 clients: every rule holds\n"),
        "{stdout}"
    );

    // The seed refuses the only segment that there is to be had.
    let text = fs::read_to_string(&path).expect("a trace");
    let ack = format!("{{\"Ack\":\"{}\"}}", hash('a'));
    assert_eq!(text.matches(&ack).count(), 2, "posted and taken: {text}");
    fs::write(&path, text.replace(&ack, "\"Nack\"")).expect("a file");
    let (status, stdout, _) = check(&path, &[]);
    assert_eq!(status, Some(1));
    let offence = "rank 1 refused segment 1 of 'f' to rank 2, which it owns";
    assert!(stdout.contains(offence), "{stdout}");
    let (status, stdout, _) = check(&path, &["--json"]);
    let report: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(
        (status, &report["outcome"]),
        (Some(1), &"a rule is broken".into())
    );
    let r9 = &report["rules"][8];
    assert_eq!(
        (&r9["rule"], &r9["verdict"]),
        (&"R9".into(), &"broken".into())
    );
    assert_eq!(r9["offence"], offence);

    fs::write(&path, "").expect("a file");
    let (status, _, stderr) = check(&path, &[]);
    assert_eq!(status, Some(2));
    assert!(stderr.starts_with("bittorrent: "), "{stderr}");
}

#[test]
fn check_holds_a_run_against_the_inputs() {
    let owner = |letter| format!("1 f 1 {} 0", hash(letter));
    let job = Job::with_inputs(&[owner('a'), "0 2 f nowhere".into()])
        .arguments(&["--trace", "t"])
        .run();
    assert_eq!(job.status, Some(1), "{}", job.stderr);
    let folder = job.folder.path();
    let inputs = folder.to_str().expect("a readable path");
    let checked = || check(&folder.join("t"), &["--inputs", inputs]);
    let (status, stdout, stderr) = checked();
    assert_eq!((status, stderr.as_str()), (Some(0), ""), "{stdout}");
    let other = format!("2 f 1 {0} g 1 {0} 0", hash('a'));
    for (name, input, offence) in [
        (
            "in1.txt",
            owner('b'),
            "rank 1 sent an INIT that is not its input's: segment 1 of 'f' differs",
        ),
        (
            "in1.txt",
            "0 0".into(),
            "rank 1 sent an INIT that is not its input's: 'f' is not in the input",
        ),
        (
            "in1.txt",
            other,
            "rank 1 sent an INIT that is not its input's: 'g' is not in it",
        ),
        (
            "in1.txt",
            "nonsense".into(),
            "rank 1 sent an INIT that is not its input's: that one cannot be used",
        ),
        (
            "in2.txt",
            "0 1 f".into(),
            "rank 2 asked for 'nowhere', which its input does not want",
        ),
        (
            "in2.txt",
            "0 3 f nowhere g".into(),
            "rank 2 sent ALL_COMPLETE and never asked for 'g', which its input wants",
        ),
    ] {
        let path = folder.join(name);
        let before = fs::read_to_string(&path).expect("an input");
        fs::write(&path, input).expect("a file");
        let (status, stdout, _) = checked();
        assert_eq!(status, Some(1), "{stdout}");
        let broken: Vec<&str> = stdout
            .lines()
            .filter(|line| line.contains("broken,"))
            .collect();
        assert!(
            matches!(broken[..], [line] if line.contains(offence)),
            "{stdout}"
        );
        fs::write(&path, before).expect("a file");
    }
    fs::remove_file(folder.join("in2.txt")).expect("an input");
    let (status, _, stderr) = checked();
    assert_eq!(status, Some(2));
    assert!(
        stderr.contains("expected in2.txt, found no such input"),
        "{stderr}"
    );
}
