//! What programs do that they should not, under `bittorrent grade`: it reaches nothing with `--isolate`, and leaves
//! nothing in any case.

use std::env;
use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::thread;

use support::job;
use swarm::launch::Mpi;
use tempfile::TempDir;

/// What `grade` said of a program.
struct Said {
    status: Option<i32>,
    /// The sheet, and what else was printed.
    text: String,
    /// The page, with all that a wrong run printed.
    page: String,
}

impl Said {
    /// Whether this system lets nobody make name spaces. Where CI requires them, that is an error.
    fn is_forbidden(&self) -> bool {
        let is_forbidden = self.status == Some(2)
            && self.text.contains("--isolate: this system does not")
            && env::var_os("REQUIRE_HOSTS").is_none();
        if is_forbidden {
            eprintln!("skipped: {}", self.text);
        }
        is_forbidden
    }

    /// What a program says that it has reached.
    fn reached(&self) -> Vec<&str> {
        let (_, reached) = (self.page.split_once("reached:"))
            .unwrap_or_else(|| panic!("it says nothing: {}", self.text));
        let (reached, _) = reached.split_once(';').expect("a whole line");
        reached.split_whitespace().collect()
    }
}

/// Builds a program of the gallery in a folder.
fn build(source: &str, defines: &[String], folder: &Path) -> PathBuf {
    let program = folder.join(source);
    let gallery = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gallery");
    let mut mpicc = Command::new(env::var("MPICC").unwrap_or_else(|_| "mpicc".into()));
    mpicc
        .args(["-g", "-pthread", "-Wall", "-Wextra", "-Werror"])
        .args(defines.iter().map(|define| format!("-D{define}")))
        .arg("-o")
        .args([&program, &gallery.join(source).with_extension("c")]);
    job::prepare(&mut mpicc, folder);
    let output = mpicc.output().expect("the MPI library's mpicc is there");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{source} {defines:?}: {errors}");
    program
}

/// Two clients, of which one owns a file of three segments and the other wants it.
fn small_test(folder: &Path) -> PathBuf {
    let test = folder.join("small");
    fs::create_dir(&test).expect("a folder");
    let hashes = ['a', 'b', 'c'].map(job::hash).join("\n");
    for (name, text) in [
        ("in1.txt", format!("1\nfile1 3\n{hashes}\n0\n")),
        ("in2.txt", "0\n1\nfile1\n".to_owned()),
    ] {
        fs::write(test.join(name), text).expect("a file");
    }
    test
}

/// Grades a program on a small test, in one run. The words in front start the grader.
fn grade(in_front: &[&str], program: &Path, options: &[&str], folder: &Path) -> Said {
    let place = tempfile::tempdir().expect("a temporary folder");
    let test = small_test(place.path());
    let words = [&["timeout", "-k", "5", "120"], in_front].concat();
    let has_limit = options.contains(&"--time-limit");
    let limit: &[&str] = if has_limit {
        &[]
    } else {
        &["--time-limit", "10s"]
    };
    let mut command = Command::new(words[0]);
    command
        .args(&words[1..])
        .args([
            job::program(),
            "grade",
            "--seed",
            "1",
            "--quiet",
            "--generated",
            "0",
        ])
        .args(["--runs", "1", "--page", "p.html", "--tests"])
        .arg(test)
        .args(job::recorders())
        .args(limit)
        .args(options)
        .arg(program);
    job::prepare(&mut command, folder);
    command.env("SECRET_TOKEN", "1");
    let output = command.output().expect("timeout is installed");
    let [sheet, problem] =
        [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("plain words"));
    Said {
        status: output.status.code(),
        text: sheet + &problem,
        page: fs::read_to_string(folder.join("p.html")).unwrap_or_default(),
    }
}

/// What a program may try to reach, and what it leaves.
struct Reachable {
    folder: TempDir,
    name: String,
    key: String,
    /// They listen as long as this is there.
    _sockets: (UnixListener, UnixListener, TcpListener),
    defines: Vec<String>,
}

/// A key of shared memory that nobody else uses. The number of the test is added.
const KEY: u32 = 0x00be_a570;

impl Reachable {
    /// What only the test with this number names so.
    fn new(number: u32) -> Reachable {
        let folder = tempfile::Builder::new()
            .prefix("e")
            .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
            .expect("a temporary folder");
        // As root the program runs as nobody, who could write here, too.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("ours");
        let name = format!("escape-{}-{number}", process::id());
        let key = (KEY + number).to_string();
        let path = folder.path().join("socket");
        let secret = folder.path().join("secret");
        fs::write(&secret, "secret").expect("a file");
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("ours");
        let address = SocketAddr::from_abstract_name(&name).expect("a short name");
        let sockets = (
            UnixListener::bind(&path).expect("a short path"),
            UnixListener::bind_addr(&address).expect("a name of its own"),
            TcpListener::bind("127.0.0.1:0").expect("a free port"),
        );
        // As D-Bus has it: whoever sees it may connect.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("ours");
        let port = sockets.2.local_addr().expect("it is bound").port();
        let text = |name: &str, text: &str| format!("{name}=\"{text}\"");
        let shown = |path: &Path| path.to_str().expect("a readable path").to_owned();
        let defines = vec![
            text("OUTSIDE", &shown(&folder.path().join("outside"))),
            text("SECRET", &shown(&secret)),
            text("SOCKET", &shown(&path)),
            text("ABSTRACT", &name),
            text("NAME", &name),
            format!("PORT={port}"),
            format!("KEY={key}"),
            format!("GRADER={}", process::id()),
        ];
        Reachable {
            folder,
            name,
            key,
            _sockets: sockets,
            defines,
        }
    }

    /// What is left of a program, which is removed.
    fn left(&self) -> Vec<String> {
        let places = ["/tmp", "/var/tmp", "/dev/shm"].map(|it| Path::new(it).join(&self.name));
        let left = places.iter().filter(|path| fs::remove_file(path).is_ok());
        let mut left: Vec<String> = left.map(|path| path.display().to_string()).collect();
        let memory = fs::read_to_string("/proc/sysvipc/shm").expect("Linux has that");
        let has_key = |line: &str| line.split_whitespace().next() == Some(&*self.key);
        if memory.lines().any(has_key) {
            let mut remove = Command::new("ipcrm");
            let removed = remove.args(["-M", &self.key]).status();
            assert!(removed.expect("it is part of util-linux").success());
            left.push("memory".into());
        }
        left
    }
}

impl Drop for Reachable {
    fn drop(&mut self) {
        self.left();
    }
}

const ONE_NOISY_RUN: [&str; 2] = ["--conditions", "noise"];

#[test]
fn nothing_is_reached_from_name_spaces_of_its_own_and_nothing_stays() {
    let reachable = Reachable::new(1);
    let folder = reachable.folder.path();
    let program = build("escapes", &reachable.defines, folder);
    // Elsewhere, so that what lies beside the program is seen.
    let work = tempfile::tempdir().expect("a temporary folder");
    let isolated = [&ONE_NOISY_RUN[..], &["--isolate"]].concat();

    let said = grade(&[], &program, &isolated, work.path());
    if said.is_forbidden() {
        return;
    }
    // Only root can be somebody else.
    let is_root = rustix::process::geteuid().is_root();
    let may_be_reached: &[&str] = if is_root { &[] } else { &["secret"] };
    for reached in said.reached() {
        assert!(may_be_reached.contains(&reached), "{:?}", said.reached());
    }
    assert_eq!(reachable.left(), [""; 0]);

    // The same is there to be reached.
    let said = grade(&[], &program, &ONE_NOISY_RUN, work.path());
    let reached = said.reached();
    for expected in [
        "outside",
        "secret",
        "socket",
        "abstract",
        "port",
        "environment",
        "grader",
        "privileges",
    ] {
        assert!(reached.contains(&expected), "{expected}: {}", said.text);
    }
    let left = reachable.left();
    for expected in ["/tmp/", "/var/tmp/", "/dev/shm/", "memory"] {
        assert!(
            left.iter().any(|left| left.starts_with(expected)),
            "{expected}: {left:?}"
        );
    }
}

/// In name spaces of the test's own, in which the user is root and has a file system with a blank in its name.
#[test]
fn a_file_system_with_a_blank_in_its_name_is_for_reading_only_too() {
    let mut reachable = Reachable::new(2);
    let folder = reachable.folder.path();
    let place = folder.join("a 1");
    fs::create_dir(&place).expect("a folder");
    reachable.defines[0] = format!("OUTSIDE=\"{}\"", place.join("outside").display());
    let program = build("escapes", &reachable.defines, folder);
    // Elsewhere, so that what lies beside the program is seen.
    let work = tempfile::tempdir().expect("a temporary folder");
    let mount = format!(
        "mount -t tmpfs -o mode=1777 tmpfs '{}' && exec \"$@\"",
        place.display()
    );
    let in_front = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        &mount,
        "sh",
    ];
    let isolated = [&ONE_NOISY_RUN[..], &["--isolate"]].concat();
    let said = grade(&in_front, &program, &isolated, work.path());
    let is_no_root = said.text.contains("unshare") && said.page.is_empty();
    if said.is_forbidden() || is_no_root && env::var_os("REQUIRE_HOSTS").is_none() {
        eprintln!("skipped: {}", said.text);
        return;
    }
    let has_written = said.reached().iter().any(|it| it.starts_with("outside"));
    assert!(!has_written, "{:?}", said.reached());
}

/// What the sheet says of a deed.
struct Deed {
    name: &'static str,
    options: &'static [&'static str],
    status: i32,
    /// Words of the sheet.
    said: &'static [&'static str],
}

const DEEDS: [Deed; 8] = [
    // Pipes, links, a huge file, 12,000 small ones and a deep tree of folders: nothing that the assignment forbids.
    Deed {
        name: "clutter",
        options: &[],
        status: 0,
        said: &["nothing is wrong"],
    },
    Deed {
        name: "away",
        options: &[],
        status: 1,
        said: &["wrong[outputs]", "client 2 wrote no client2_file1"],
    },
    Deed {
        name: "comet",
        options: &[],
        status: 1,
        said: &[
            "wrong[processes]",
            "a process was still there after all ranks had ended: /",
        ],
    },
    // Who did it is not seen. In one run that is no evidence.
    Deed {
        name: "kill-mpirun",
        options: &[],
        status: 0,
        said: &["nothing is wrong", "mpirun was killed by a signal"],
    },
    Deed {
        name: "stop-mpirun",
        options: &[],
        status: 1,
        said: &["wrong[hang]"],
    },
    Deed {
        name: "loud",
        options: &["--time-limit", "40s"], // 300 MB go through mpirun, and others work here, too
        status: 0,
        said: &["nothing is wrong"],
    },
    Deed {
        name: "names",
        options: &[],
        status: 1,
        said: &["wrong[outputs]"],
    },
    Deed {
        name: "kill-all",
        options: &["--isolate"],
        status: 1,
        said: &["wrong[crash]"],
    },
];

#[test]
fn every_deed_is_told_and_leaves_nothing() {
    let place = tempfile::Builder::new()
        .prefix("d")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
        .expect("a temporary folder");
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).expect("ours");
    let built = build("deeds", &[], place.path());
    // What hangs or is left behind is waited for, which takes long and nothing else.
    thread::scope(|scope| {
        for deeds in DEEDS.chunks(DEEDS.len() / 2) {
            scope.spawn(|| are_told(deeds, &built));
        }
    });
}

fn are_told(deeds: &[Deed], built: &Path) {
    for deed in deeds {
        // MPICH's mpirun has a process between itself and the ranks, and this one is killed or stopped.
        let is_to_others = ["kill", "stop"]
            .iter()
            .any(|word| deed.name.starts_with(word));
        if is_to_others && job::mpi().1 != Mpi::OPEN_MPI {
            continue;
        }
        let program = built.with_file_name(deed.name);
        fs::hard_link(built, &program).expect("another name");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = [&ONE_NOISY_RUN[..], deed.options].concat();
        let said = grade(&[], &program, &options, folder.path());
        if said.is_forbidden() {
            continue;
        }
        let (name, text) = (deed.name, &said.text);
        assert_eq!(said.status, Some(deed.status), "{name}: {text}");
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in deed.said {
            assert!(words.contains(part), "{name}, {part}: {text}");
        }
        assert_eq!(
            words.matches("wrong[").count(),
            usize::from(deed.status == 1),
            "{name}: {text}"
        );
        let steers = |letter: char| letter.is_control() && letter != '\n';
        assert!(!text.contains(steers), "{name}: {text:?}");
        let is_more = said.page.contains("<script>alert(") || said.page.contains("<img src=x");
        assert!(
            !is_more && !said.page.contains('\x1b'),
            "{name}: what it wrote is more than text"
        );
        let left = fs::read_dir(folder.path()).expect("it is there");
        let left: Vec<_> = left
            .map(|entry| entry.expect("it is there").file_name())
            .collect();
        assert_eq!(left, ["p.html"], "{name}");
        assert_eq!(processes_of(&program), [""; 0], "{name}");
    }
}

/// The processes that run a program.
fn processes_of(program: &Path) -> Vec<String> {
    let processes = fs::read_dir("/proc").expect("Linux has that").flatten();
    let runs_it = |path: &PathBuf| fs::read_link(path.join("exe")).is_ok_and(|it| it == program);
    let processes = processes.map(|entry| entry.path()).filter(runs_it);
    processes.map(|path| path.display().to_string()).collect()
}
