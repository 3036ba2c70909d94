//! The profiling library, built for the MPI library that a program uses. `profiling/profiling.h` says what it
//! does.

mod rest;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::runs::elf;
use crate::runs::sanitizer::Sanitizers;
use crate::runs::stop::{Stop, Waited};
use crate::seen::calls::Kind;
use swarm::launch::Mpi;
use swarm::shown::Shown;
use swarm::signals::Interrupted;

pub use rest::is_local;

/// The name of the library's file.
const LIBRARY: &str = "profiling.so";

/// What the preprocessor is given to see which functions there are.
const HEADER: (&str, &str) = ("header.c", "#include <mpi.h>\n");

const SOURCES: [(&str, &str); 8] = [
    ("profiling.h", include_str!("profiling/profiling.h")),
    ("handles.h", include_str!("profiling/handles.h")),
    ("disturb.c", include_str!("profiling/disturb.c")),
    ("dirty.c", include_str!("profiling/dirty.c")),
    ("recognise.c", include_str!("profiling/recognise.c")),
    ("record.c", include_str!("profiling/record.c")),
    ("handles.c", include_str!("profiling/handles.c")),
    ("calls.c", include_str!("profiling/calls.c")),
];

/// A program that only starts and ends MPI.
const EMPTY: &str = "#include <mpi.h>\n\
    int main(int argc, char **argv) { MPI_Init(&argc, &argv); return MPI_Finalize(); }\n";

/// What is built for an MPI library.
#[derive(Debug, Clone)]
pub struct Tools {
    /// The profiling library's file.
    pub library: PathBuf,
    /// A program that only starts and ends MPI, and has the sanitizers of the one that is graded.
    pub empty: PathBuf,
}

/// Where things are built.
#[derive(Debug, Clone, Copy)]
pub struct Workshop<'a> {
    /// For this grading alone.
    pub folder: &'a Path,
    /// Where libraries are kept for others who need the same, if they are.
    pub kept: Option<&'a Path>,
    /// When it is to stop.
    pub stop: &'a Stop,
}

/// Builds the profiling library with this `mpicc`, unless it is kept already; afterwards it is. What is kept was built from
/// the same text by the same command. Returns its path.
///
/// # Errors
/// When `mpicc` cannot be run or does not build it, or when it is to stop.
pub fn build(mpicc: &OsStr, workshop: Workshop<'_>) -> Result<PathBuf> {
    let Workshop { folder, kept, stop } = workshop;
    let Some(kept) = kept else {
        return compile_library(mpicc, &sources(mpicc, folder, stop)?, folder, stop);
    };
    let cannot = || format!("cannot make a folder in {}", kept.shown());
    fs::create_dir_all(kept).with_context(cannot)?;
    // Programs that are to load it run elsewhere.
    let place = kept.canonicalize().with_context(cannot)?;
    let sources = sources(mpicc, folder, stop)?;
    let mut hasher = DefaultHasher::new();
    (mpicc, &sources).hash(&mut hasher);
    let place = place.join(format!("{:016x}", hasher.finish()));
    if !place.join(LIBRARY).exists() {
        let apart = tempfile::tempdir_in(kept).with_context(cannot)?;
        compile_library(mpicc, &sources, apart.path(), stop)?;
        // Somebody who builds the same may have been sooner.
        if fs::rename(apart.path(), &place).is_ok() {
            let _ = apart.keep(); // under its new name
        }
    }
    Ok(place.join(LIBRARY))
}

/// The files of the profiling library, each with its text.
fn sources(mpicc: &OsStr, folder: &Path, stop: &Stop) -> Result<Vec<(&'static str, String)>> {
    let header = folder.join(HEADER.0);
    fs::write(&header, HEADER.1).with_context(|| format!("cannot write {}", header.shown()))?;
    let mut preprocessor = Command::new(mpicc);
    let header = run(
        preprocessor.arg("-E").arg(header),
        "the profiling library",
        folder,
        stop,
    )?;
    let ranks = Mpi::all_variables().map(|of| format!("\"{}\", ", of.rank));
    let ranks = format!("#define RANK_VARIABLES {}\n", ranks.collect::<String>());
    let rest = rest::wrappers(&String::from_utf8_lossy(&header));
    let made = [("ranks.h", ranks), ("kinds.h", kinds()), ("rest.c", rest)];
    let written = SOURCES.map(|(name, text)| (name, text.to_owned()));
    Ok(written.into_iter().chain(made).collect())
}

fn compile_library(
    mpicc: &OsStr,
    sources: &[(&'static str, String)],
    folder: &Path,
    stop: &Stop,
) -> Result<PathBuf> {
    let mut files = Vec::new();
    for (name, text) in sources {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.shown()))?;
        if name.ends_with(".c") {
            files.push(path);
        }
    }
    let library = folder.join(LIBRARY);
    let mut compiler = Command::new(mpicc);
    compiler
        .args([
            "-shared",
            "-fPIC",
            "-O2",
            "-Wall",
            "-Wno-deprecated-declarations",
        ])
        .args(files);
    let compiler = compiler.args(["-ldl", "-lpthread"]);
    compile(compiler, "the profiling library", &library, folder, stop)?;
    Ok(library)
}

/// The kinds of calls, for C: `CommDup` is `COMM_DUP` there.
fn kinds() -> String {
    let name = |kind: &Kind| {
        let mut name = String::new();
        for letter in format!("{kind:?}").chars() {
            if letter.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.extend(letter.to_uppercase());
        }
        name
    };
    let kinds = || Kind::ALL.iter();
    let all: String = kinds()
        .map(|kind| format!("{} = {}, ", name(kind), *kind as u16))
        .collect();
    let goes_on: String = kinds()
        .filter(|kind| kind.goes_on())
        .map(|kind| format!(" || (kind) == {}", name(kind)))
        .collect();
    format!("enum kind {{ {all} }};\n#define GOES_ON(kind) (0{goes_on})\n")
}

fn compile(
    compiler: &mut Command,
    what: &str,
    output: &Path,
    folder: &Path,
    stop: &Stop,
) -> Result<()> {
    run(compiler.arg("-o").arg(output), what, folder, stop).map(drop)
}

/// Runs a compiler that builds this. Returns what it printed.
fn run(compiler: &mut Command, what: &str, folder: &Path, stop: &Stop) -> Result<Vec<u8>> {
    let shown = compiler.get_program().shown();
    let cannot = || format!("cannot run {shown}");
    let file = || tempfile::tempfile_in(folder).context("cannot create a temporary file");
    let (printed, errors) = (file()?, file()?);
    let mut child = compiler
        .env("TMPDIR", folder)
        .stdin(Stdio::null())
        .stdout(printed.try_clone()?)
        .stderr(errors.try_clone()?)
        .process_group(0)
        .spawn()
        .with_context(cannot)?;
    let waited = stop.wait(&child, None);
    // Before `wait`: until then nothing else gets its number.
    let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    let status = child.wait().with_context(cannot)?;
    if waited.with_context(cannot)? == Waited::Stopped {
        return Err(Interrupted.into());
    }
    let errors = content(errors)?;
    let errors = String::from_utf8_lossy(&errors);
    let errors = errors.trim_end();
    ensure!(status.success(), "{shown} does not build {what}: {errors}");
    Ok(content(printed)?)
}

/// What was written to a file.
fn content(mut file: File) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut content)?;
    Ok(content)
}

/// Builds the tools for programs that use `library`, such as `libmpi.so.40`, and were built with these sanitizers, with
/// the first `mpicc` that is for that library. `asked` is the `mpicc` that the user wants.
///
/// # Errors
/// When there is no such `mpicc`, in words that say what there is; or when it is to stop.
pub fn tools(
    asked: Option<&OsStr>,
    library: &str,
    sanitizers: &Sanitizers,
    workshop: Workshop<'_>,
) -> Result<Tools> {
    let Workshop { folder, stop, .. } = workshop;
    let names = asked.map(|mpicc| vec![mpicc.to_owned()]);
    let mut tried = Vec::new();
    for mpicc in names.unwrap_or_else(Mpi::compilers) {
        let empty = folder.join("empty");
        let source = folder.join("empty.c");
        fs::write(&source, EMPTY).with_context(|| format!("cannot write {}", source.shown()))?;
        let compile_empty = |options: &[String]| {
            let mut compiler = Command::new(&mpicc);
            let compiler = compiler.args(options).arg(&source);
            compile(compiler, "an empty MPI program", &empty, folder, stop)
        };
        let other = match compile_empty(&[]) {
            Err(error) if asked.is_some() || error.is::<Interrupted>() => return Err(error),
            Err(_) => continue,
            Ok(()) => elf::mpi_library(&empty)?.0,
        };
        if other == library {
            let library = build(&mpicc, workshop)?;
            if !sanitizers.is_empty() {
                let option = sanitizers.option();
                let nothing = format!("no verdict: nothing to compare with is built with {option}");
                compile_empty(&[option]).context(nothing)?;
            }
            return Ok(Tools { library, empty });
        }
        tried.push(format!("{} is for {other}", mpicc.shown()));
    }
    if tried.is_empty() {
        bail!("there is no mpicc to build the profiling library with: install it");
    }
    bail!(
        "the program uses {library}, and {}: name that library's with $MPICC",
        tried.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_built_once_for_all_who_keep_theirs_in_one_folder() {
        let [kept, one, other] = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let mpicc = std::env::var_os("MPICC").unwrap_or_else(|| "mpicc".into());
        // The same folder as seen from here.
        let here = std::env::current_dir().unwrap();
        let up: PathBuf = here.components().skip(1).map(|_| "..").collect();
        let relative = up.join(kept.path().strip_prefix("/").unwrap());
        let built = [(&one, kept.path()), (&other, &relative)].map(|(folder, kept)| {
            let workshop = Workshop {
                folder: folder.path(),
                kept: Some(kept),
                stop: &Stop::default(),
            };
            let library = build(&mpicc, workshop).unwrap();
            (fs::metadata(&library).unwrap().modified().unwrap(), library)
        });
        assert_eq!(built[0], built[1]);
        assert_eq!(fs::read_dir(kept.path()).unwrap().count(), 1);
    }

    #[test]
    fn every_function_that_may_move_a_message_is_in_the_library_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let mpicc = std::env::var_os("MPICC").unwrap_or_else(|| "mpicc".into());
        let workshop = Workshop {
            folder: folder.path(),
            kept: None,
            stop: &Stop::default(),
        };
        let library = build(&mpicc, workshop).unwrap();
        let defined = elf::defined(&library).unwrap();
        for name in [
            "Send",
            "Put",
            "Win_create",
            "Ialltoallw",
            "Comm_spawn",
            "File_open",
        ] {
            assert!(defined.contains(&format!("MPI_{name}")), "{name}");
        }
        for name in [
            "Comm_size",
            "Get_count",
            "Wtime",
            "Type_commit",
            "T_finalize",
            "Pcontrol",
        ] {
            assert!(!defined.contains(&format!("MPI_{name}")), "{name}");
        }
    }
}
