//! `bittorrent launch`, and what the program says when neither `launch` nor mpirun has started it.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use support::job::{Job, as_root, hash, program, signals};
use swarm::launch::Mpi;
use swarm::protocol::Rank;
use tempfile::TempDir;

/// One client owns `f` of 2 segments, and two want it. One of these wants another file as well.
fn small_swarm() -> Job {
    let a = hash('a');
    let inputs = [format!("1 f 2 {a} {a} 0"), "0 1 f".into(), "0 2 f g".into()];
    Job::with_inputs(&inputs)
}

#[test]
fn a_rank_is_started_for_every_input_and_its_exit_status_is_passed_on() {
    let job = small_swarm()
        .launched()
        .arguments(&["--report=r.json", "-q", "--corrupt", "2,3", "-o", "out"])
        .run();
    assert_eq!(job.status, Some(1), "{}", job.stderr);
    job.assert_says(&["client 3 did not get 'g': nobody has it\n"]);
    let report = job.report("r.json");
    assert_eq!(report.plan.clients, 3);
    assert_eq!(report.plan.corrupt, [Rank(2), Rank(3)]);
    let f = [hash('a'), hash('a')].map(|hash| hash + "\n").concat();
    let outputs = ["client2_f", "client3_f"].map(|name| (name.to_owned(), f.clone()));
    assert_eq!(job.outputs("out"), BTreeMap::from(outputs));
    assert_eq!(job.stdout, "");
}

#[test]
fn inputs_that_are_not_numbered_from_1_without_a_gap_are_refused() {
    let refused = |job: Job, message: &str| job.launched().run().assert_refused(&[message]);
    refused(Job::new(0), "bittorrent: .: there is no in1.txt\n");
    let job = small_swarm().file("in6.txt", "0 0");
    let message = "bittorrent: .: there is in6.txt, but not in4.txt, in5.txt\n";
    refused(job, message);
    let job = small_swarm().arguments(&["-i", "nowhere"]);
    let message = "bittorrent: cannot list the inputs in nowhere: \
                   No such file or directory (os error 2)\n";
    refused(job, message);
    let job = small_swarm().arguments(&["--window", "0"]);
    refused(job, "error: invalid value '0' for '--window <N>'");
}

/// A folder with the inputs of two clients and a program in the place of mpirun. Asked for its
/// version, it names its MPI library; otherwise it runs a script.
fn imposter(version: &str, script: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file");
    write("in1.txt", "0 0");
    write("in2.txt", "0 0");
    let text =
        format!("#!/bin/sh\n[ \"$1\" != --version ] || {{ echo '{version}'; exit; }}\n{script}\n");
    write("mpirun", &text);
    let mode = Permissions::from_mode(0o755);
    fs::set_permissions(folder.path().join("mpirun"), mode).expect("its mode can be set");
    folder
}

/// What an mpirun says that belongs to a library.
fn version_of(mpi: &Mpi) -> String {
    format!("mpirun ({}) 4", mpi.calls_itself.join(", "))
}

/// What an mpirun says that belongs to the library that this program was built with.
fn version() -> String {
    version_of(Mpi::of_this_program())
}

/// A library that is not the one that this program was built with.
fn foreign() -> &'static Mpi {
    let ours = Mpi::of_this_program();
    let others = Mpi::ALL.into_iter().filter(|mpi| *mpi != ours);
    let mut named = others.filter(|mpi| *mpi != Mpi::OTHER);
    named.next().expect("more than one library is known")
}

fn launch(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command
        .arg("launch")
        .args(arguments)
        .current_dir(folder)
        .env_remove("MPIRUN")
        .envs(as_root());
    command
}

fn output(command: &mut Command) -> Output {
    command.output().expect("the program can be run")
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("it prints text")
}

#[test]
fn mpirun_gets_the_ranks_the_users_options_and_the_swarms() {
    let folder = imposter(&version(), "printf '%s\\n' \"$@\"; exit 7");
    let arguments = [
        "--quiet",
        "--window=3",
        "--seed",
        "5",
        "--mpirun",
        "./mpirun",
    ];
    let mut command = launch(folder.path(), &arguments);
    command.args(["--", "--host", "a:9", "-x", "NAME=a b"]);
    let output = output(&mut command);
    assert_eq!(output.status.code(), Some(7));
    let passed: Vec<&str> = text(&output.stdout).lines().collect();
    assert_eq!(
        passed,
        [
            "-np",
            "3",
            "--host",
            "a:9",
            "-x",
            "NAME=a b",
            program(),
            "--window=3",
            "--seed=5",
            "--quiet"
        ]
    );
}

/// As Makefiles have them in a variable.
#[test]
fn an_mpirun_may_have_options_behind_it() {
    let folder = imposter(&version(), "printf '%s\\n' \"$@\"");
    let here = folder.path();
    let with_options = "./mpirun  --bind-to none";
    for command in [
        launch(here, &["-q"]).env("MPIRUN", with_options),
        &mut launch(here, &["-q", "--mpirun", with_options]),
    ] {
        let output = output(command.args(["--", "-x", "A"]));
        let passed: Vec<&str> = text(&output.stdout).lines().collect();
        let options = ["--bind-to", "none", "-x", "A", program()];
        assert!(passed.windows(5).any(|it| it == options), "{passed:?}");
    }
    fs::copy(here.join("mpirun"), here.join("my mpirun")).expect("a copy");
    let named = output(&mut launch(here, &["-q", "--mpirun", "./my mpirun"]));
    assert!(named.status.success(), "{}", text(&named.stderr));
}

#[test]
fn the_checkers_mpirun_may_have_options_behind_it() {
    let folder = imposter(&version(), "printf '%s\\n' \"$@\" >\"$0.heard\"");
    let here = folder.path();
    let with_options = "./mpirun --bind-to none";
    let checker = Path::new(env!("CARGO_MANIFEST_DIR")).join("checker.sh");
    for is_named in [true, false] {
        let mut command = Command::new(&checker);
        command
            .args(["--tests", ".", "--binary", program()])
            .current_dir(here);
        match is_named {
            true => command.args(["--mpirun", with_options]),
            false => command.env("MPIRUN", with_options),
        };
        let output = output(&mut command);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let heard = fs::read_to_string(here.join("mpirun.heard")).expect("it was run");
        assert!(heard.contains("--bind-to\nnone\n-np\n3\n"), "{heard}");
    }
}

#[test]
fn the_users_number_of_ranks_counts() {
    let folder = imposter(&version(), "printf '%s\\n' \"$@\"");
    let output = output(&mut launch(
        folder.path(),
        &["--mpirun", "./mpirun", "--", "-np", "1"],
    ));
    let passed: Vec<&str> = text(&output.stdout).lines().collect();
    assert_eq!(passed[..2], ["-np", "1"]);
    assert_eq!(passed.iter().filter(|&&it| it == "-np").count(), 1);
    let said = text(&output.stderr);
    assert!(!said.contains("added"), "one rank has a core: {said}");
}

/// It waits for a signal, and ends then with a status of its own. Where a test is started in the background, a shell
/// could not take each of them.
const WAITING: &str = "exec env --default-signal=INT,HUP sh -c \
    'end() { kill $!; exit 1; }; trap end INT TERM HUP; sleep 1000 & echo started; wait'";

/// A launch whose mpirun has said that it has started.
fn started(folder: &Path) -> Child {
    let mut command = launch(folder, &["-q", "--mpirun", "./mpirun"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program can be run");
    let mut started = [0; 8];
    let stdout = child.stdout.as_mut().expect("a pipe");
    stdout.read_exact(&mut started).expect("it has started");
    child
}

fn send(signal: &str, process: u32) {
    let process = process.to_string();
    let sent = Command::new("kill").args(["-s", signal, &process]).status();
    assert!(sent.expect("there is a kill").success());
}

#[test]
fn an_interrupted_launch_says_by_which_signal_and_has_the_status_of_every_interrupted_command() {
    let folder = imposter(&version(), WAITING);
    for signal in &signals() {
        let child = started(folder.path());
        send(signal, child.id());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(4), "{signal}");
        assert_eq!(
            text(&output.stderr),
            format!("bittorrent: SIG{signal} came\n")
        );
    }
}

/// It notes each signal that is to end it, and ends at SIGCONT.
const NOTING: &str = "exec env --default-signal=INT,HUP sh -c \
    'for it in INT TERM HUP; do trap \"echo $it >>heard\" $it; done; trap \"exit 1\" CONT; \
    sleep 1000 & trap \"kill $!\" EXIT; echo started; while :; do wait; done'";

/// At a second signal an mpirun leaves its ranks, and its folder.
#[test]
fn a_wish_to_end_reaches_mpirun_once_however_often_it_comes() {
    let folder = imposter(&version(), NOTING);
    let child = started(folder.path());
    send("TERM", child.id());
    while fs::read_to_string(folder.path().join("heard")).is_err() {
        std::thread::yield_now();
    }
    for signal in ["TERM", "INT", "HUP", "INT", "CONT"] {
        send(signal, child.id());
    }
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(text(&output.stderr), "bittorrent: SIGTERM came\n");
    let heard = fs::read_to_string(folder.path().join("heard")).expect("it heard one");
    assert_eq!(heard, "TERM\n");
}

/// Open MPI's may hang at its end. Here it never asks for the ends of its ranks.
#[test]
fn an_mpirun_that_does_not_end_behind_its_ranks_is_killed() {
    let rule = "-".repeat(74);
    let boxed = "mpirun detected that one or more processes exited with non-zero status, thus causing the job to be \
         terminated. The first process to do so was: Process name: [[1,1],0] Exit code: 4";
    // Only Open MPI's box of words is read.
    let is_read = Mpi::of_this_program() == Mpi::OPEN_MPI;
    for (said, status) in [
        ("", 5),
        (
            &*format!("printf '%s\\n' '{rule}' '{boxed}' '{rule}' >&2"),
            if is_read { 4 } else { 5 },
        ),
    ] {
        let script = format!(
            "{said}\nfor rank in 1 2 3; do '{}' --version >&2 & done; exec sleep 1000",
            program()
        );
        let folder = imposter(&version(), &script);
        let output = output(&mut launch(folder.path(), &["-q", "--mpirun", "./mpirun"]));
        let said = text(&output.stderr);
        let why = "bittorrent: all ranks have ended, and ./mpirun has not: it was killed\n";
        assert!(said.ends_with(why), "{said}");
        assert_eq!(output.status.code(), Some(status), "{said}");
    }
}

/// Open MPI's status 1 is also that of a rank with a file that could not be had; but of a rank it tells.
#[test]
fn an_mpirun_that_starts_no_rank_is_no_run_that_lacks_a_file() {
    if Mpi::of_this_program() != Mpi::OPEN_MPI {
        return;
    }
    let folder = imposter(&version(), "echo 'no such option' >&2; exit 1");
    let output = output(&mut launch(folder.path(), &["-q", "--mpirun", "./mpirun"]));
    let said = text(&output.stderr);
    assert_eq!(
        said,
        "no such option\nbittorrent: ./mpirun has failed, and no rank was seen\n"
    );
    assert_eq!(output.status.code(), Some(2), "{said}");
}

/// `stty tostop` stops whoever writes to the terminal from the background.
#[test]
fn a_terminal_stops_no_mpirun() {
    let folder = imposter(&version(), "echo printed; echo said >&2");
    let script = format!(
        "stty tostop; exec timeout -s KILL 60 '{}' launch -q --mpirun ./mpirun",
        program()
    );
    let mut command = Command::new("script");
    command
        .args(["-qec", &script, "/dev/null"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .envs(as_root());
    let output = output(&mut command);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    for line in ["printed", "said"] {
        assert!(text(&output.stdout).contains(line));
    }
}

#[test]
fn what_mpirun_prints_cannot_be_lost_silently() {
    let folder = imposter(&version(), "echo printed");
    let full = fs::File::options().write(true).open("/dev/full");
    let mut command = launch(folder.path(), &["-q", "--mpirun", "./mpirun"]);
    let output = output(command.stdout(full.expect("a device")));
    let why = "bittorrent: cannot print: No space left on device (os error 28)\n";
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(3), why));
}

#[test]
fn an_mpirun_that_dies_is_named_with_its_signal() {
    let folder = imposter(&version(), "kill -s KILL $$");
    let output = output(&mut launch(folder.path(), &["-q", "--mpirun", "./mpirun"]));
    assert_eq!(output.status.code(), Some(137));
    assert_eq!(
        text(&output.stderr),
        "bittorrent: ./mpirun has died: SIGKILL\n"
    );
}

/// What mpirun starts in the background, and does not wait for, may keep its standard error open.
#[test]
fn nobody_is_waited_for_but_mpirun() {
    let folder = imposter(
        &version(),
        "sleep 1000 >process & echo $! >number; echo last >&2; exit 3",
    );
    let output = output(&mut launch(folder.path(), &["-q", "--mpirun", "./mpirun"]));
    let process = fs::read_to_string(folder.path().join("number")).expect("it was started");
    let ended = Command::new("kill").arg(process.trim()).status();
    assert!(ended.expect("there is a kill").success(), "it still ran");
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(text(&output.stderr), "last\n");
}

#[test]
fn mpirun_does_not_say_again_what_the_ranks_have_said() {
    let job = Job::with_inputs(&["0 0", "nonsense"]).launched().run();
    job.assert_refused(&["in2.txt:1: expected the number of owned files, found 'nonsense'\n"]);
    for noise in ["-----", "non-zero", "Exit code"] {
        assert!(!job.stderr.contains(noise), "{}", job.stderr);
    }
}

#[test]
fn mpirun_is_named_by_its_option_by_the_environment_or_found_in_the_path() {
    let folder = imposter(&version(), "echo started");
    let here = folder.path();
    let path = format!("{}:/usr/bin:/bin", here.display());
    for command in [
        launch(here, &["--mpirun", "./mpirun"]).env("MPIRUN", "/nowhere"),
        launch(here, &[]).env("MPIRUN", "./mpirun"),
        launch(here, &[]).env("MPIRUN", "").env("PATH", &path),
    ] {
        let output = output(command);
        assert_eq!(
            text(&output.stdout),
            "started\n",
            "{}",
            text(&output.stderr)
        );
    }
}

#[test]
fn an_mpirun_that_is_not_there_or_belongs_to_another_library_is_refused() {
    let refused = |command: &mut Command, message: &str| {
        let output = output(command);
        assert_eq!(output.status.code(), Some(2));
        let stderr = text(&output.stderr);
        assert!(stderr.starts_with(message), "{stderr}");
        assert!(output.stdout.is_empty());
    };
    let folder = imposter(&version_of(foreign()), "echo started");
    refused(
        launch(folder.path(), &[]).env("PATH", folder.path()),
        "bittorrent: mpirun is ",
    );
    refused(
        &mut launch(folder.path(), &["--mpirun", "./mpirun"]),
        "bittorrent: ./mpirun is ",
    );
    refused(
        &mut launch(folder.path(), &["--mpirun", "./nothing"]),
        "bittorrent: cannot run ./nothing: No such file or directory (os error 2)\n",
    );
    refused(
        launch(folder.path(), &[]).env("PATH", "/nowhere"),
        "bittorrent: there is no mpirun; ",
    );
}

#[test]
fn launch_under_mpirun_is_refused_once() {
    let job = small_swarm();
    let folder = job
        .folder
        .path()
        .to_str()
        .expect("a readable path")
        .to_owned();
    let job = job.arguments(&["launch", "-i", &folder]).run();
    job.assert_refused(&["bittorrent: launch calls mpirun itself: it is to be started without\n"]);
}

/// Somebody may have set one of mpirun's variables, or a shell have it from elsewhere.
#[test]
fn who_only_looks_like_a_rank_hears_what_is_wrong() {
    let folder = imposter(&version(), "");
    for of in Mpi::all_variables() {
        for arguments in [
            &["launch", "-i", "nowhere"][..],
            &["--bogus"],
            &["launch", "--bogus"],
        ] {
            let mut command = Command::new(program());
            command.current_dir(folder.path()).args(arguments);
            let output = output(command.env(of.rank, "2"));
            assert_eq!(output.status.code(), Some(2), "{arguments:?}");
            assert!(!output.stderr.is_empty(), "{}: {arguments:?}", of.rank);
        }
    }
}

#[test]
fn without_mpirun_both_ways_to_start_a_swarm_are_explained() {
    let folder = imposter(&version(), "");
    let output = output(Command::new(program()).current_dir(folder.path()));
    assert_eq!(output.status.code(), Some(2));
    let stderr = text(&output.stderr);
    for line in [
        "    bittorrent launch [OPTIONS] ",
        "    mpirun -np N bittorrent [OPTIONS] ",
        "For the inputs in ., N is 3.\n",
    ] {
        assert!(stderr.contains(line), "{stderr}");
    }
    assert!(output.stdout.is_empty());
}

#[test]
fn ranks_that_do_not_find_each_other_are_told_why() {
    let alone = |rank: &str| {
        let names = foreign().variables.as_ref().expect("its ranks have some");
        let variables = [(names.rank, rank), (names.ranks, "3")];
        let output = output(Command::new(program()).envs(variables));
        assert_eq!(output.status.code(), Some(2));
        text(&output.stderr).to_owned()
    };
    assert!(alone("0").starts_with("bittorrent: this is one of 3 ranks, but "));
    assert_eq!(alone("1"), "");
}

/// One client has 30 segments for another, and serving one takes 100 ms.
fn long_swarm(arguments: &[&str]) -> Job {
    let a = hash('a');
    let inputs = [
        format!("1 f 30 {} 0", [a.as_str(); 30].join(" ")),
        "0 1 f".into(),
    ];
    Job::with_inputs(&inputs)
        .arguments(&["--upload-time", "100ms"])
        .arguments(arguments)
}

#[test]
fn progress_is_shown_on_a_terminal_in_one_line_that_goes_again() {
    // Gives the job a terminal, and prints what comes to it.
    let script = "exec script -qec \"stty cols 80; $*\" /dev/null";
    let shown = |arguments: &[&str]| {
        let job = long_swarm(arguments).launched().run_in_script(script);
        assert_eq!(job.status, Some(0), "{}", job.stdout);
        job.stdout
    };
    let text = shown(&[]);
    let drawn: Vec<&str> = text.split("\r\u{1b}[K").collect();
    let [before, lines @ .., after] = &drawn[..] else {
        panic!("{text}")
    };
    assert!(!lines.is_empty(), "{text}");
    for line in lines {
        assert!(line.contains(" of 30 segments, 0 of 1 files, "), "{line:?}");
        assert!(line.len() <= 80 && !line.contains('\n'), "{line:?}");
    }
    assert!(
        !before.contains("segments,") && !after.contains("segments,"),
        "{text}"
    );
    assert!(after.contains("1 download of "), "{after}");
    for hidden in ["--progress=never", "--quiet"] {
        let text = shown(&[hidden]);
        assert!(!text.contains("segments,"), "{text}");
    }
}

#[test]
fn where_there_is_no_terminal_progress_is_text_and_only_on_demand() {
    let job = long_swarm(&[]).launched().run();
    assert!(!job.stderr.contains("segments,"), "{}", job.stderr);
    for job in [
        long_swarm(&["--progress", "always"]),
        long_swarm(&["--progress", "always"]).launched(),
    ] {
        let job = job.run();
        assert!(
            job.stderr.contains(" of 30 segments, 0 of 1 files, "),
            "{}",
            job.stderr
        );
        assert!(!job.stderr.contains(['\r', '\u{1b}']), "{:?}", job.stderr);
    }
}
