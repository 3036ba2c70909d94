//! Where a command is started, and what comes while it runs: a batch system's variables, somebody else's
//! standard input, signals.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};

use support::job::{Job, as_root, hash, prepare, program, signals};
use swarm::launch::Mpi;
use tempfile::TempDir;

/// The variables of a shell that `srun --pty` has started on one host, or of one of several tasks.
const STEP: [(&str, &str); 9] = [
    ("SLURM_JOB_ID", "7"),
    ("SLURM_JOBID", "7"),
    ("SLURM_STEP_ID", "0"),
    ("SLURM_PROCID", "2"),
    ("SLURM_NTASKS", "4"),
    ("SLURM_STEP_NUM_TASKS", "4"),
    ("SLURM_NNODES", "1"),
    ("SLURM_NODELIST", "nowhere"),
    ("SLURM_TASKS_PER_NODE", "1"),
];

const STUDY: &str = "title = 't'\nclaim = 'c'\nsource = 's'\npictures = []\n\
    options = { flash-crowd = true, segments = 5 }\n\
    grids = [{ repetitions = 1, axes.clients = [2] }]\n";

/// A small swarm, a study, and a trace.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name, text: String| fs::write(folder.path().join(name), text).expect("a file");
    write("in1.txt", format!("1 f 1 {} 0", hash('a')));
    write("in2.txt", "0 1 f".into());
    write("study.toml", STUDY.into());
    let traced = "simulate -q -i . --trace t.jsonl --seed 1";
    assert!(run(&mut command(folder.path(), traced)).status.success());
    folder
}

fn command(folder: &Path, line: &str) -> Command {
    let mut command = Command::new(program());
    command.args(line.split(' '));
    prepare(&mut command, folder);
    command
}

fn run(command: &mut Command) -> Output {
    command.output().expect("the program can be run")
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("it prints text")
}

#[test]
fn every_command_does_its_work_whoever_has_started_it() {
    let folder = folder();
    for line in [
        "--version",
        "simulate --help",
        "simulate -i . --seed 1",
        "study study.toml -o out --force",
        "generate new --flash-crowd --clients 2 --segments 2 --seed 1 --force",
        "check t.jsonl",
        "show t.jsonl",
        "completions bash",
        "manual man",
        "grade nothing --tests .",
        "launch -i nowhere",
    ] {
        let usual = run(&mut command(folder.path(), line));
        assert!(!usual.stdout.is_empty() || !usual.stderr.is_empty() || line == "manual man");
        for variables in [&STEP[..], &[("PMIX_RANK", "3")]] {
            let mut command = command(folder.path(), line);
            let output = run(command.envs(variables.iter().copied()));
            assert_eq!(output.status, usual.status, "{line}");
            assert_eq!(output.stdout.is_empty(), usual.stdout.is_empty(), "{line}");
            assert_eq!(output.stderr.is_empty(), usual.stderr.is_empty(), "{line}");
        }
    }
}

/// Slurm's process that starts ranks is played by a shell. The MPI library finds no other rank, and each of them
/// would carry out all of the study.
#[test]
fn a_study_whose_ranks_srun_has_started_is_not_carried_out_by_each_of_them() {
    let folder = folder();
    let shell = fs::canonicalize("/bin/sh").expect("there is a shell");
    fs::copy(shell, folder.path().join("slurmstepd")).expect("it can be copied");
    let line = format!("{} study study.toml -o out", program());
    let start = |starter: &str| {
        let mut command = Command::new(starter);
        command.args(["-c", &format!("{line}; exit $?")]);
        prepare(&mut command, folder.path());
        run(command.envs(STEP))
    };
    let output = start("./slurmstepd");
    assert!(!output.status.success() && !output.stderr.is_empty());
    assert!(!folder.path().join("out").exists());
    let output = start("sh");
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn a_swarm_is_launched_from_a_shell_of_slurms() {
    let inputs = [
        format!("1 f 1 {} 0", hash('a')),
        "0 1 f".into(),
        "0 1 f".into(),
    ];
    let variables = STEP
        .map(|(name, value)| format!("{name}={value}"))
        .join(" ");
    let job = Job::with_inputs(&inputs)
        .launched()
        .arguments(&["-o", "out"]);
    let job = job.run_in_script(&format!("exec env {variables} \"$@\""));
    assert_eq!(job.status, Some(0), "{}", job.stderr);
    assert_eq!(job.outputs("out").len(), 2);
    job.assert_says(&["bittorrent: Slurm's variables removed, for this is a step of srun"]);
}

/// A folder with a swarm's inputs, and a script in the place of mpirun.
fn imposter(script: &str) -> TempDir {
    let folder = folder();
    let version = Mpi::of_this_program().calls_itself.join(", ");
    let text = format!(
        "#!/bin/sh\n[ \"$1\" != --version ] || {{ echo 'mpirun ({version}) 4'; exit; }}\n{script}\n"
    );
    let path = folder.path().join("mpirun");
    fs::write(&path, text).expect("a file");
    fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("its mode can be set");
    folder
}

#[test]
fn mpirun_gets_slurms_variables_unless_it_could_do_nothing_with_them() {
    let folder = imposter("env | grep -c ^SLURM");
    let count = |variables: &[(&str, &str)]| {
        let mut command = command(folder.path(), "launch -q --mpirun ./mpirun");
        let output = run(command.envs(variables.iter().copied()));
        text(&output.stdout).trim().to_owned()
    };
    assert_eq!(count(&STEP), "0");
    let batch: Vec<_> = STEP
        .into_iter()
        .filter(|it| it.0 != "SLURM_STEP_ID")
        .collect();
    assert_eq!(count(&batch), batch.len().to_string());
}

#[test]
fn launch_leaves_standard_input_to_the_commands_behind_it() {
    let folder = imposter("cat >/dev/null");
    let loop_of_four = "printf '1\\n2\\n3\\n4\\n' | while read x; do \
                        echo \"swarm $x\"; \"$0\" launch -q --mpirun ./mpirun; done";
    let mut command = Command::new("sh");
    command.args(["-c", loop_of_four, program()]);
    prepare(&mut command, folder.path());
    let output = run(&mut command);
    assert_eq!(text(&output.stdout), "swarm 1\nswarm 2\nswarm 3\nswarm 4\n");
}

fn pipe(folder: &Path) -> PathBuf {
    let pipe = folder.join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("there is a mkfifo").success());
    pipe
}

/// Waits until so many bytes were written to a pipe.
fn await_bytes(pipe: &Path, bytes: usize) {
    let mut reader = Command::new("timeout");
    // Open for both, so that it does not end with the first who writes.
    let read = format!("exec head -c {bytes} <>\"$0\"");
    reader.args(["120", "sh", "-c", &read]).arg(pipe);
    let read = reader.output().expect("it can be run");
    assert_eq!(read.stdout.len(), bytes, "nobody writes to the pipe");
}

fn send(signal: &str, child: &Child) {
    let process = child.id().to_string();
    let sent = Command::new("kill").args(["-s", signal, &process]).status();
    assert!(sent.expect("there is a kill").success());
}

/// Each waits for somebody who writes to a pipe or reads from it, so that it is known to be there.
#[test]
fn a_signal_ends_every_command_with_one_status_and_leaves_nothing() {
    let folder = folder();
    let pipe = pipe(folder.path());
    fs::create_dir_all(folder.path().join("piped/study")).expect("a folder");
    for link in ["piped/study/index.html", "piped/bittorrent.1"] {
        symlink(&pipe, folder.path().join(link)).expect("a link");
    }
    for (line, reads) in [
        ("check pipe", true),
        ("show pipe -o page", true),
        ("grade in1.txt --tests . --points pipe", true),
        ("simulate -i . --report pipe -q", false),
        ("study study.toml -o out --page pipe", false),
        ("grade in1.txt --tests . --report pipe", false),
        ("grade in1.txt --tests . --page pipe", false),
        ("simulate -i . --trace pipe -q", false),
        ("show t.jsonl -o pipe", false),
        ("show t.jsonl -o page --perfetto pipe", false),
        ("study study.toml -o piped", false),
        ("manual piped", false),
    ] {
        for signal in &signals() {
            let temporary = tempfile::tempdir().expect("a temporary folder");
            let mut command = command(folder.path(), line);
            let child = command
                .env("TMPDIR", temporary.path())
                .stderr(std::process::Stdio::piped())
                .spawn()
                .expect("it can be run");
            // Opening waits for the other end.
            let end = if reads {
                File::options().write(true).open(&pipe)
            } else {
                wait_for_signals(&child);
                send(signal, &child);
                File::open("/dev/null")
            };
            if reads {
                send(signal, &child);
            }
            let output = child.wait_with_output().expect("it ends");
            drop(end);
            assert_eq!(output.status.code(), Some(4), "{line} {signal}");
            let said = text(&output.stderr);
            let has_words = said == format!("bittorrent: SIG{signal} came\n");
            assert!(has_words, "{line} {signal}: {said}");
            let left = fs::read_dir(temporary.path()).expect("a folder").count();
            assert_eq!(left, 0, "{line} {signal}");
        }
    }
}

/// A pipe that nobody reads is in the place of the second file of client 2, or of what is written behind the clients'
/// files. When there is the first file, signals are noted, and the command is in that pipe or on its way there.
#[test]
fn a_command_that_waits_for_a_reader_at_its_end_can_be_ended() {
    for line in [
        "simulate -q -i . -o out",
        "launch -q -i . -o out",
        "launch -q -i . -o out --report r.json --trace t2.jsonl",
    ] {
        for signal in &signals() {
            let folder = folder();
            let here = folder.path();
            let a = hash('a');
            fs::write(here.join("in1.txt"), format!("2 f 1 {a} g 1 {a} 0")).expect("a file");
            fs::write(here.join("in2.txt"), "0 2 f g").expect("a file");
            fs::create_dir(here.join("out")).expect("a folder");
            let made = Command::new("mkfifo")
                .arg(here.join("out/client2_g"))
                .status();
            assert!(made.expect("there is a mkfifo").success());
            let mut command = command(here, line);
            let child = command.envs(as_root()).spawn().expect("it can be run");
            while !here.join("out/client2_f").is_file() {
                std::thread::yield_now();
            }
            send(signal, &child);
            let output = child.wait_with_output().expect("it ends");
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(4), "{line} {signal}: {said}");
            assert!(
                said.contains(&format!("SIG{signal} came")),
                "{line}: {said}"
            );
            let left = fs::metadata(here.join("out/client2_g")).expect("it is there");
            assert!(left.file_type().is_fifo(), "{line} {signal}");
        }
    }
}

/// Waits until a process takes signals; nobody opens its pipe, so that it stays where it is.
fn wait_for_signals(child: &Child) {
    let path = format!("/proc/{}/status", child.id());
    let takes = || {
        let status = fs::read_to_string(&path).expect("this test needs /proc");
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let mask = u64::from_str_radix(mask.expect("a mask").trim(), 16).expect("a number");
        [1, 2, 15]
            .iter()
            .all(|signal| mask >> (signal - 1) & 1 == 1)
    };
    while !takes() {
        std::thread::yield_now();
    }
}

/// The compiler of the tools, and then mpirun with what is compared with, each in the place of one that takes long.
#[test]
fn an_interrupted_grading_ends_at_once_and_says_that_nothing_was_graded_yet() {
    let folder = imposter("echo >pipe; exec sleep 1000");
    let here = folder.path();
    let pipe = pipe(here);
    let at = |name: &str| here.join(name).display().to_string();
    for (name, text) in [
        (
            "empty.c",
            "#include <mpi.h>\nint main(void) { return MPI_Init(0, 0); }\n".into(),
        ),
        (
            "mpicc",
            format!("#!/bin/sh\necho >{}\nsleep 1000\n", at("pipe")),
        ),
        (
            "mpirun",
            fs::read_to_string(at("mpirun"))
                .expect("it is there")
                .replace("pipe", &at("pipe")),
        ),
    ] {
        fs::write(here.join(name), text).expect("a file");
    }
    fs::set_permissions(at("mpicc"), Permissions::from_mode(0o755)).expect("its mode can be set");
    let test = Path::new(env!("CARGO_MANIFEST_DIR")).join("inputs/test1");
    std::os::unix::fs::symlink(test, here.join("test")).expect("a link");
    let mpicc = std::env::var("MPICC").unwrap_or_else(|_| "mpicc".into());
    let mut compiler = Command::new(mpicc);
    compiler.args(["-o", "empty", "empty.c"]).current_dir(here);
    assert!(compiler.status().expect("there is a compiler").success());
    for variable in ["MPICC", "MPIRUN"] {
        let mut command = command(here, "grade ./empty --tests test --generated 0 -q");
        command.env(variable, at(&variable.to_lowercase()));
        let child = command.spawn().expect("it can be run");
        await_bytes(&pipe, 1);
        send("TERM", &child);
        let output = child.wait_with_output().expect("it ends");
        let said = text(&output.stderr);
        assert_eq!(
            said, "bittorrent: nothing was graded yet: SIGTERM came\n",
            "{variable}"
        );
        assert_eq!(output.status.code(), Some(4), "{variable}");
        assert!(output.stdout.is_empty(), "{variable}");
    }
}

/// A program that tells when it runs, and stops where nobody listens any more.
const TELLS: &str = r#"
#include <mpi.h>
#include <fcntl.h>
#include <unistd.h>
int main(int argc, char **argv) {
    int pipe = open(PIPE, O_WRONLY);
    (void)!write(pipe, "x", 1);
    close(pipe);
    MPI_Init(&argc, &argv);
    return MPI_Finalize();
}
"#;

#[test]
fn an_interrupted_grading_leaves_the_sheet_of_what_there_was() {
    let folder = folder();
    let here = folder.path();
    let pipe = pipe(here);
    let source = format!("#define PIPE \"{}\"\n{TELLS}", pipe.display());
    let test = Path::new(env!("CARGO_MANIFEST_DIR")).join("inputs/test1");
    std::os::unix::fs::symlink(test, here.join("test")).expect("a link");
    fs::write(here.join("tells.c"), source).expect("a file");
    let mpicc = std::env::var("MPICC").unwrap_or_else(|_| "mpicc".into());
    let mut compiler = Command::new(mpicc);
    compiler.args(["-o", "tells", "tells.c"]).current_dir(here);
    assert!(compiler.status().expect("there is a compiler").success());
    let temporary = tempfile::Builder::new()
        .prefix("g")
        .tempdir()
        .expect("a temporary folder");
    let line = "grade ./tells --tests test --generated 0 --runs 50 --conditions as-it-is \
                -q --report r.json --page p.html";
    let mut command = command(here, line);
    let child = command
        .env("TMPDIR", temporary.path())
        .spawn()
        .expect("it can be run");
    // Two runs of four ranks each: the first is judged.
    await_bytes(&pipe, 8);
    send("TERM", &child);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(4), "{}", text(&output.stderr));
    let sheet = text(&output.stdout);
    assert!(sheet.contains("note: interrupted after "), "{sheet}");
    assert!(
        sheet.contains("wrong[outputs]") && !sheet.contains("marks: "),
        "{sheet}"
    );
    let report = fs::read_to_string(here.join("r.json")).expect("a report");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    assert!(
        report["interrupted"]["runs"].as_u64() >= Some(1),
        "{report}"
    );
    assert_eq!(report["marks"]["of"], 0.0);
    assert!(here.join("p.html").is_file());
    assert_eq!(fs::read_dir(temporary.path()).expect("a folder").count(), 0);
}

/// How much memory is free stands in /proc. Where it is hidden, nothing is refused for want of memory.
#[test]
fn without_proc_a_swarm_is_made_up_and_simulated_all_the_same() {
    let hidden = |rest: &str| {
        let script = format!("mount -t tmpfs none /proc && {rest}");
        let mut command = Command::new("unshare");
        command.args(["--mount", "--map-root-user", "sh", "-c", &script]);
        command
    };
    if !hidden("true").status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: this user may not hide /proc");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder can be made");
    let program = env!("CARGO_BIN_EXE_bittorrent");
    let run = hidden(&format!(
        "{program} generate s --flash-crowd --clients 3 --segments 4 --seed 1 && \
         {program} simulate -i s --seed 1 --report r.json"
    ))
    .current_dir(folder.path())
    .output()
    .expect("unshare has just worked");
    assert!(run.status.success(), "{run:?}");
    assert!(folder.path().join("r.json").is_file());
}
