//! A library between a job's ranks and their MPI library, which makes MPI keep its promises and no
//! more: see `src/judge/runs/profiling/profiling.h`.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use judge::runs::profiling::{Workshop, build};
use judge::runs::stop::Stop;

use crate::job::{Job, kept_recorders};

/// Puts the library in front of a job's ranks. It does what `deed` says: `synchronous`,
/// `noise:SEED` or `stop:RANK:N`.
pub fn profiled(job: Job, deed: &str) -> Job {
    let library = library().to_str().expect("a readable path");
    let [preload, deed] = [format!("LD_PRELOAD={library}"), format!("PROFILING={deed}")];
    job.behind(&["env", &preload, &deed])
}

/// The library, built when it is first needed by the `mpicc` of the library under test. Gradings take the same one.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let workshop = Workshop {
            folder: folder.path(),
            kept: Some(&kept_recorders()),
            stop: &Stop::default(),
        };
        let mpicc = env::var_os("MPICC").unwrap_or_else(|| "mpicc".into());
        build(&mpicc, workshop).expect("the MPI library's mpicc is installed")
    })
}
