//! Jobs under a real `mpirun`, each in a folder of its own.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use lab::check::{CheckOutcome as Verdict, Checked};
use swarm::launch::Mpi;
use swarm::manifest::Manifest;
use swarm::protocol::{FileName, Hashes, Rank, output_name};
use swarm::report::Report;
use tempfile::TempDir;

/// The program under test, which Cargo leaves in the folder above that of the tests.
pub fn program() -> &'static str {
    static PROGRAM: LazyLock<String> = LazyLock::new(|| {
        let program = target().join("bittorrent").into_os_string();
        program.into_string().expect("a readable path")
    });
    &PROGRAM
}

/// The folder of the build that this test is a part of.
fn target() -> PathBuf {
    let test = env::current_exe().expect("a test knows where it is");
    let folder = test.ancestors().nth(2);
    folder.expect("a test is in target/PROFILE/deps").to_owned()
}

/// A folder for what tests build, which stays.
pub fn workshop() -> PathBuf {
    target().join("workshop")
}

/// Where all tests share a recorder.
pub fn kept_recorders() -> PathBuf {
    workshop().join("recorders")
}

/// The options by which gradings share it.
pub fn recorders() -> [String; 2] {
    let folder = kept_recorders().into_os_string().into_string();
    ["--recorders".into(), folder.expect("a readable path")]
}

/// A hash that repeats a letter.
pub fn hash(letter: char) -> String {
    letter.to_string().repeat(32)
}

/// The outputs that follow from the inputs.
pub fn expected(inputs: &[Manifest]) -> BTreeMap<String, String> {
    let owned = inputs.iter().flat_map(|input| &input.owned);
    let contents: BTreeMap<&FileName, &Hashes> =
        owned.map(|file| (&file.name, &file.hashes)).collect();
    let wanted = Rank::clients(inputs.len())
        .zip(inputs)
        .flat_map(|(client, input)| input.wanted.iter().map(move |name| (client, name)));
    let output = |(client, name)| {
        let hashes: &Hashes = contents.get(name)?;
        let lines = hashes.iter().map(|hash| format!("{hash}\n")).collect();
        Some((output_name(client, name), lines))
    };
    wanted.filter_map(output).collect()
}

/// A job to be run.
pub struct Job {
    pub folder: TempDir,
    ranks: usize,
    mpirun_options: Vec<String>,
    /// What each rank runs: a program, and the words before the program's arguments.
    program: Vec<String>,
    is_launched: bool,
    variable: Option<(String, String)>,
    arguments: Vec<String>,
    patience: Duration,
}

/// How a job ended.
pub struct Outcome {
    pub folder: TempDir,
    pub status: Option<i32>,
    /// What killed mpirun where it has no status.
    pub signal: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// A job that goes on.
pub struct Running {
    folder: TempDir,
    child: Child,
}

impl Job {
    /// A job of `ranks` ranks.
    pub fn new(ranks: usize) -> Job {
        Job {
            folder: tempfile::tempdir().expect("a temporary folder"),
            ranks,
            mpirun_options: vec![],
            program: vec![program().into()],
            is_launched: false,
            variable: None,
            arguments: vec![],
            patience: Duration::from_secs(60),
        }
    }

    /// A job whose clients have these inputs.
    pub fn with_inputs<T: ToString>(inputs: &[T]) -> Job {
        let job = Job::new(inputs.len() + 1);
        Rank::clients(inputs.len())
            .zip(inputs)
            .fold(job, |job, (client, input)| {
                job.file(&format!("in{client}.txt"), input)
            })
    }

    /// Puts a file into the job's folder.
    pub fn file(self, name: &str, content: &(impl ToString + ?Sized)) -> Job {
        fs::write(self.folder.path().join(name), content.to_string()).expect("a file");
        self
    }

    /// Options of the program; behind a `:`, what else mpirun is to start.
    pub fn arguments(mut self, arguments: &[&str]) -> Job {
        self.arguments
            .extend(arguments.iter().map(ToString::to_string));
        self
    }

    /// Makes the ranks another program, with this in its environment.
    pub fn program(mut self, program: &str, (name, value): (&str, &str)) -> Job {
        self.program = vec![program.into()];
        self.variable = Some((name.into(), value.into()));
        self
    }

    /// Puts words in front of every rank's program, with which another program starts it.
    pub fn behind(mut self, words: &[&str]) -> Job {
        self.program
            .splice(..0, words.iter().map(ToString::to_string));
        self
    }

    /// Options of mpirun.
    pub fn mpirun_options(mut self, options: &[&str]) -> Job {
        let options = options.iter().map(ToString::to_string);
        self.mpirun_options.extend(options);
        self
    }

    /// Has another program start the one under test, with this in its environment.
    pub fn through(self, starter: &str, variable: (&str, &str)) -> Job {
        let mut job = self.program(starter, variable);
        job.program.push(program().into());
        job
    }

    /// Sets the time in which the job has to end by itself. The default is a minute.
    pub fn patience(mut self, patience: Duration) -> Job {
        self.patience = patience;
        self
    }

    /// Has `launch` count the ranks and call mpirun.
    pub fn launched(mut self) -> Job {
        self.is_launched = true;
        self
    }

    /// The command that starts it, and ends it when it takes too long.
    fn command(&self) -> Command {
        let mut command = Command::new("timeout");
        command.args(["-k", "5", &self.patience.as_secs().to_string()]);
        if self.is_launched {
            command.args([program(), "launch"]);
        } else {
            command
                .args(mpirun())
                .args(&self.mpirun_options)
                .args(["-np", &self.ranks.to_string()])
                .args(&self.program);
        }
        command.args(&self.arguments).envs(self.variable.clone());
        prepare(&mut command, self.folder.path());
        command
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it does not end by itself.
    pub fn run(self) -> Outcome {
        let output = self.command().output().expect("mpirun is installed");
        outcome(self.folder, output)
    }

    /// The same for a job that is ended while its ranks do something together: Open MPI's mpirun may hang over that
    /// when they have ended.
    ///
    /// # Panics
    /// When it does not end by itself for another reason.
    pub fn run_to_any_end(self) -> Outcome {
        let output = self.command().output().expect("mpirun is installed");
        let job = any_outcome(self.folder, output);
        assert!(
            !job.is_hung() || job.is_lost(),
            "it hung\n{}\n{}",
            job.stdout,
            job.stderr
        );
        job
    }

    /// Runs a shell script in the job's folder instead; `"$@"` is the job.
    pub fn run_in_script(self, script: &str) -> Outcome {
        let mut command = Command::new("sh");
        command
            .args(["-c", script, "sh"])
            .arg("timeout")
            .args(self.command().get_args());
        prepare(&mut command, self.folder.path());
        let output = command.output().expect("there is a shell");
        outcome(self.folder, output)
    }

    /// Starts it.
    pub fn start(self) -> Running {
        let child = self.command().spawn().expect("mpirun is installed");
        Running {
            folder: self.folder,
            child,
        }
    }
}

/// What starts ranks, more than there are cores if need be.
fn mpirun() -> Vec<String> {
    let (mpirun, mpi) = mpi();
    let oversubscribe = mpi.oversubscribe.map(String::from);
    [mpirun].into_iter().chain(oversubscribe).collect()
}

/// `$MPIRUN`, or else `mpirun`, and whose that is.
pub fn mpi() -> (String, &'static Mpi) {
    let mpirun = env::var("MPIRUN").unwrap_or_else(|_| "mpirun".into());
    let mpi = Mpi::of_mpirun(mpirun.as_ref()).expect("mpirun is installed");
    (mpirun, mpi)
}

/// The environment in which the mpirun of any library runs as root.
pub fn as_root() -> impl Iterator<Item = (&'static str, &'static str)> {
    let names = Mpi::ALL.iter().flat_map(|mpi| mpi.as_root);
    names.map(|name| (*name, "1"))
}

/// How messages are carried by Open MPI where there is no fast network. It finds that out by itself, but looks for each
/// such network first, which takes as long as all the rest of its start.
const CARRIER: (&str, &str) = ("OMPI_MCA_pml", "ob1");

/// The signals that end a command, as `kill` has them. HUP is not among them where `nohup` has it ignored.
pub fn signals() -> Vec<String> {
    let names = swarm::signals::ending().map(swarm::signals::name);
    names
        .map(|name| name.trim_start_matches("SIG").to_owned())
        .collect()
}

/// What every command here needs. That is a place of its own for mpirun's files, too: two that
/// start at once can otherwise both want to create the folder that they share, and one of them
/// fails.
pub fn prepare(command: &mut Command, folder: &Path) {
    if env::var_os(CARRIER.0).is_none() {
        command.env(CARRIER.0, CARRIER.1);
    }
    command
        .env("TMPDIR", folder)
        .envs(as_root())
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
}

/// What came of a job in a folder.
///
/// # Panics
/// When it did not end by itself.
pub fn outcome(folder: TempDir, output: Output) -> Outcome {
    let job = any_outcome(folder, output);
    assert!(!job.is_hung(), "it hung\n{}\n{}", job.stdout, job.stderr);
    job
}

/// The same of a job that may have hung.
fn any_outcome(folder: TempDir, output: Output) -> Outcome {
    let [stdout, stderr] = [output.stdout, output.stderr]
        .map(|text| String::from_utf8(text).expect("the program prints text"));
    let (status, signal) = (output.status.code(), output.status.signal());
    Outcome {
        folder,
        status,
        signal,
        stdout,
        stderr,
    }
}

impl Running {
    /// Waits until a file is there.
    pub fn wait_for(&mut self, name: &str) {
        self.wait_for_bytes(name, 0);
    }

    /// Waits until a file in the job's folder has `bytes` bytes or more.
    pub fn wait_for_bytes(&mut self, name: &str, bytes: u64) {
        let path = self.folder.path().join(name);
        while !fs::metadata(&path).is_ok_and(|file| file.len() >= bytes) {
            let ended = self.child.try_wait().expect("its status can be asked for");
            assert_eq!(ended, None, "it ended before {name} had {bytes} bytes");
            thread::yield_now();
        }
    }

    /// Waits until a rank is there, and sends it a signal.
    pub fn signal(&mut self, rank: u32, signal: &str) {
        let process = loop {
            let ended = self.child.try_wait().expect("its status can be asked for");
            assert_eq!(ended, None, "it ended before there was rank {rank}");
            if let Some(process) = self.process(rank) {
                break process;
            }
            thread::yield_now();
        };
        let status = Command::new("kill").args(["-s", signal, &process]).status();
        assert!(status.expect("there is a kill").success());
    }

    /// Sends a signal to mpirun. `timeout`, which has started it, would pass it on twice.
    pub fn signal_mpirun(&mut self, signal: &str) {
        let starter = self.child.id();
        let children = format!("/proc/{starter}/task/{starter}/children");
        let children = fs::read_to_string(children).expect("this test needs /proc");
        let process = children.split_whitespace().next().expect("mpirun runs");
        let status = Command::new("kill").args(["-s", signal, process]).status();
        assert!(status.expect("there is a kill").success());
    }

    /// The process number of a rank, once it runs the program.
    fn process(&self, rank: u32) -> Option<String> {
        let is_rank = |variable: &[u8]| {
            Mpi::all_variables()
                .any(|names| variable == format!("{}={rank}", names.rank).as_bytes())
        };
        let is_it = |process: &Path| -> Option<bool> {
            let running = fs::read_link(process.join("exe")).ok()?;
            let folder = fs::read_link(process.join("cwd")).ok()?;
            let environment = fs::read(process.join("environ")).ok()?;
            let mut variables = environment.split(|byte| *byte == 0);
            let right_place = folder == self.folder.path() && running == Path::new(program());
            Some(right_place && variables.any(is_rank))
        };
        fs::read_dir("/proc")
            .expect("this test needs /proc")
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|process| is_it(process) == Some(true))
            .and_then(|process| {
                process
                    .file_name()
                    .and_then(OsStr::to_str)
                    .map(str::to_owned)
            })
    }

    /// Waits until it ends.
    ///
    /// # Panics
    /// When it does not end by itself.
    pub fn end(self) -> Outcome {
        outcome(
            self.folder,
            self.child.wait_with_output().expect("it can be waited for"),
        )
    }
}

impl Outcome {
    /// Whether it was ended for want of patience; by a kill where nothing less did it.
    fn is_hung(&self) -> bool {
        self.status == Some(124) || self.signal == Some(9)
    }

    /// Whether the job is over and only mpirun was lost. Open MPI 4.1's says how the ranks ended, and may wait after
    /// that for a lock of its own, or for a rank that is gone.
    pub fn is_lost(&self) -> bool {
        let signs = [
            "PMIX ERROR: UNREACHABLE",
            "(PMIx_server_finalize+",
            "Exit code: ",
        ];
        self.status.is_none_or(|status| status == 124)
            && signs.iter().any(|sign| self.stderr.contains(sign))
    }

    /// The clients' files in a folder of the job, by name; temporary ones, too.
    pub fn outputs(&self, folder: &str) -> BTreeMap<String, String> {
        let folder = self.folder.path().join(folder);
        let listed = fs::read_dir(folder).map_or_else(|_| Vec::new(), Iterator::collect);
        listed
            .into_iter()
            .map(|entry| entry.expect("the folder can be listed").path())
            .filter(|path| path.is_file())
            .map(|path| (name_of(&path), path))
            .filter(|(name, _)| name.contains("client"))
            .map(|(name, path)| (name, fs::read_to_string(&path).expect("a text file")))
            .collect()
    }

    /// The report that it was to write.
    pub fn report(&self, name: &str) -> Report {
        let text = fs::read_to_string(self.folder.path().join(name)).expect("a report");
        serde_json::from_str(&text).expect("a report is what it is documented to be")
    }

    /// Nothing was started, for these reasons, each said once.
    pub fn assert_refused(&self, reasons: &[&str]) {
        assert_eq!(self.status, Some(2), "{}", self.stderr);
        self.assert_says(reasons);
        assert_eq!(self.stdout, "");
        assert_eq!(self.outputs("."), BTreeMap::new());
    }

    /// The run kept every rule, as its trace shows.
    pub fn assert_keeps_the_rules(&self, trace: &str) {
        let checked = Checked::new(&self.folder.path().join(trace), None).expect("a trace");
        assert_eq!(checked.outcome(), Verdict::Holds, "{checked}");
    }

    /// Each of these is in the messages, once.
    pub fn assert_says(&self, messages: &[&str]) {
        for message in messages {
            let times = self.stderr.matches(message).count();
            assert_eq!(
                times, 1,
                "expected '{message}' once, found: {}",
                self.stderr
            );
        }
    }
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .expect("a path has a last part")
        .to_string_lossy()
        .into_owned()
}
