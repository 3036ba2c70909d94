//! Runs in which something goes wrong, under a real `mpirun`: they end by themselves, nothing
//! wrong or partial is written, and what is complete stays.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use support::job::{Job, Outcome, hash};

/// One client owns `f` of 3 segments, and `others` want it.
fn small_swarm(others: usize) -> Job {
    let [a, b, c] = ['a', 'b', 'c'].map(hash);
    let mut inputs = vec![format!("1 f 3 {a} {b} {c} 0")];
    inputs.resize(others + 1, "0 1 f".into());
    Job::with_inputs(&inputs)
}

fn f() -> String {
    ['a', 'b', 'c'].map(|letter| hash(letter) + "\n").concat()
}

#[test]
fn a_wanted_file_that_nobody_has_is_reported_and_everything_else_arrives() {
    let inputs = [
        format!("1 f 1 {} 1 nowhere", hash('a')),
        "0 3 lost f nowhere".into(),
    ];
    let job = Job::with_inputs(&inputs)
        .arguments(&["--report", "r.json"])
        .run();
    assert_eq!(job.status, Some(1));
    assert_eq!(
        job.outputs("."),
        BTreeMap::from([("client2_f".into(), hash('a') + "\n")])
    );
    job.assert_says(&[
        "client 1 did not get 'nowhere': nobody has it\n",
        "client 2 did not get 'lost': nobody has it\n",
        "client 2 did not get 'nowhere': nobody has it\n",
    ]);
    let report = job.report("r.json");
    assert_eq!(report.exit_status, 1);
    let missing = report
        .missing
        .iter()
        .map(|file| (file.client, file.file.as_str()));
    assert_eq!(
        missing.collect::<Vec<_>>(),
        [(1, "nowhere"), (2, "lost"), (2, "nowhere")]
    );
    assert_eq!(report.measured.expect("it ended").files, 1);
}

#[test]
fn an_output_folder_that_cannot_be_made_is_refused_once_and_who_writes_nothing_needs_none() {
    let job = small_swarm(2).arguments(&["-o", "in1.txt/out"]).run();
    job.assert_refused(&["cannot write in1.txt/out: Not a directory (os error 20)\n"]);
    let job = Job::with_inputs(&["0 0"]).arguments(&["-o", "in1.txt/out"]);
    assert_eq!(job.run().status, Some(0));
}

#[test]
fn an_output_that_cannot_be_written_is_reported_and_the_others_are_written() {
    let job = small_swarm(2);
    fs::create_dir(job.folder.path().join("client2_f")).unwrap();
    let job = job.run();
    assert_eq!(job.status, Some(3), "{}", job.stderr);
    let why = "cannot write ./client2_f: Is a directory (os error 21)";
    job.assert_says(&[&format!("client 2 did not get 'f': {why}\n")]);
    assert_eq!(
        job.outputs("."),
        BTreeMap::from([("client3_f".into(), f())])
    );
}

/// A file system of 64 KiB takes the small file and not the large one. It is mounted in a name
/// space of the job. Where that is not permitted, the test says so and passes.
#[test]
fn a_full_disk_is_reported_and_leaves_nothing_partial() {
    let unshare = "unshare --mount --map-root-user";
    let permitted = format!("{unshare} sh -c 'mount -t tmpfs none /mnt'");
    if !Command::new("sh")
        .args(["-c", &permitted])
        .status()
        .unwrap()
        .success()
    {
        eprintln!("skipped: this user may not mount a small file system");
        return;
    }
    let large = format!("big 3000 {}", (hash('x') + "\n").repeat(3000));
    let inputs = [
        format!("2 f 1 {} {large} 0", hash('a')),
        "0 3 f big g".into(),
    ];
    let inputs = [
        inputs[0].clone(),
        inputs[1].clone(),
        format!("1 g 1 {} 0", hash('b')),
    ];
    let job = Job::with_inputs(&inputs)
        .arguments(&["-o", "small"])
        .run_in_script(&format!(
            "mkdir small && exec {unshare} sh -c '\
         mount -t tmpfs -o size=64k none small || exit 9; \
         \"$@\"; status=$?; ls -A small >listing; exit $status' sh \"$@\""
        ));
    assert_eq!(job.status, Some(3), "{}", job.stderr);
    let why = "cannot write small/client2_big: No space left on device (os error 28)";
    job.assert_says(&[&format!("client 2 did not get 'big': {why}\n")]);
    let listing = fs::read_to_string(job.folder.path().join("listing")).unwrap();
    assert_eq!(listing, "client2_f\nclient2_g\n");
}

/// Two clients are in the middle of a file when one of them gets a signal. The other may get all of
/// it before the job ends. Every output that is there then is whole.
fn interrupted(signal: &str, arguments: &[&str]) -> Outcome {
    let segments = 100_000;
    let large = (hash('x') + "\n").repeat(segments);
    let owner = format!("2 f 1 {} large {segments} {large} 0", hash('a'));
    let wanting = "0 2 f large".to_owned();
    let inputs = [owner, wanting.clone(), wanting];
    let mut job = Job::with_inputs(&inputs).arguments(arguments).start();
    job.wait_for("client2_f");
    job.signal(3, signal);
    let job = job.end();
    for (name, content) in job.outputs(".") {
        let whole = match name.as_str() {
            "client2_f" | "client3_f" => content == hash('a') + "\n",
            "client2_large" => content == large,
            _ => false,
        };
        assert!(whole, "{name}");
    }
    job
}

#[test]
fn a_client_that_is_killed_ends_the_run_at_once() {
    let job = interrupted("KILL", &["--stall-timeout", "0"]);
    // What mpirun makes of it, Open MPI's and MPICH's.
    match job.status {
        Some(137) => job.assert_says(&["rank 3"]),
        Some(9) => assert!(job.stdout.contains("BAD TERMINATION"), "{}", job.stdout),
        status => panic!("{status:?}: {}", job.stderr),
    }
}

#[test]
fn a_client_that_stops_ends_the_run_after_the_stall_timeout() {
    let job = interrupted("STOP", &["--stall-timeout", "4"]);
    assert_eq!(job.status, Some(4), "{}", job.stderr);
    job.assert_says(&[
        "no client was heard of for 4s (--stall-timeout); client",
        "3 ha",
        "not finished; rank 3 is stopped\n",
    ]);
}

#[test]
fn a_client_that_never_registers_ends_the_run_after_the_stall_timeout() {
    let job = small_swarm(1).arguments(&["--stall-timeout", "3s", "--report", "r.json"]);
    let pipe = job.folder.path().join("in2.txt"); // nobody ever writes into it
    fs::remove_file(&pipe).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let job = job.run();
    assert_eq!(job.status, Some(4), "{}", job.stderr);
    job.assert_says(&[
        "rank 0, thread watch: no client was heard of for 3s (--stall-timeout); \
         client 2 has not finished\n",
    ]);
    let report = job.report("r.json");
    assert_eq!((report.exit_status, report.measured), (4, None));
    let [problem] = &report.problems[..] else {
        panic!("{:?}", report.problems);
    };
    assert!(problem.ends_with("client 2 has not finished"), "{problem}");
}

/// Where MPI takes longer to start than that, as almost everywhere, rank 0 says so and means it.
#[test]
fn who_says_that_mpi_did_not_start_ends_the_run() {
    let job = small_swarm(1).arguments(&["--stall-timeout", "1ms"]).run();
    if job.stderr.contains("MPI did not start within 1ms") {
        assert!(matches!(job.status, Some(4 | 9)), "{:?}", job.status);
    }
}

#[test]
fn a_slow_upload_link_is_no_stall() {
    let job = small_swarm(2)
        .arguments(&["--stall-timeout", "3s", "--upload-time", "1400ms"])
        .run();
    assert_eq!(job.status, Some(0), "{}", job.stderr);
    assert_eq!(job.outputs(".").len(), 2);
}

#[test]
fn a_report_that_cannot_be_written_is_refused_or_an_output_that_cannot_be_written() {
    let job = small_swarm(1);
    fs::create_dir(job.folder.path().join("r.json")).unwrap();
    let job = job.arguments(&["--report", "r.json"]).run();
    let why = "cannot write r.json: Is a directory (os error 21)\n";
    job.assert_refused(&[&format!("bittorrent: --report: {why}")]);
    let job = small_swarm(1).arguments(&["--report", "/dev/full"]).run();
    assert_eq!(job.status, Some(3), "{}", job.stderr);
    let why = "cannot write /dev/full: No space left on device (os error 28)\n";
    job.assert_says(&[&format!("bittorrent: {why}")]);
    assert_eq!(job.outputs(".").len(), 1);
}

#[test]
fn wrong_hashes_are_never_written_and_one_honest_owner_is_enough() {
    let owner = format!("1 f 3 {} {} {} 0", hash('a'), hash('b'), hash('c'));
    let wanting = "0 1 f".to_owned();
    let inputs = [
        owner.clone(),
        owner.clone(),
        owner,
        wanting.clone(),
        wanting,
    ];
    let job = Job::with_inputs(&inputs)
        .arguments(&["--corrupt", "1,3,5"])
        .run();
    assert_eq!(job.status, Some(0), "{}", job.stderr);
    let outputs = ["client4_f", "client5_f"].map(|name| (name.to_owned(), f()));
    assert_eq!(job.outputs("."), BTreeMap::from(outputs));
}

#[test]
fn a_file_that_only_corrupt_clients_have_is_reported_and_not_written() {
    let job = small_swarm(1).arguments(&["--corrupt", "1"]).run();
    assert_eq!(job.status, Some(1), "{}", job.stderr);
    job.assert_says(&["client 2 did not get 'f': nobody who should have it sends it\n"]);
    assert_eq!(job.outputs("."), BTreeMap::new());
}
