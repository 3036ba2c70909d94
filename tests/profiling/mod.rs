//! A library between a job's ranks and their MPI library, which makes MPI keep its promises and no
//! more: see `profiling.c`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::job::{Job, prepare};

/// Puts the library in front of a job's ranks. It does what `deed` says: `synchronous`, `noise:SEED`
/// or `stop:RANK:N`.
pub fn profiled(job: Job, deed: &str) -> Job {
    let library = library().to_str().expect("a readable path");
    let [preload, deed] = [format!("LD_PRELOAD={library}"), format!("PROFILING={deed}")];
    job.behind(&["env", &preload, &deed])
}

/// The library, built when it is first needed by the `mpicc` of the library under test.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let library = folder.join("profiling.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/profiling/profiling.c");
        let mut mpicc = Command::new(env::var("MPICC").unwrap_or_else(|_| "mpicc".into()));
        mpicc
            .args([
                "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o",
            ])
            .args([library.as_os_str(), source.as_ref()]);
        prepare(&mut mpicc, folder);
        let output = mpicc
            .output()
            .expect("the MPI library's mpicc is installed");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        library
    })
}
