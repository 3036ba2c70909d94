//! What needs MPI: which library this program was built with, the start of its mpirun, and what a user
//! is told who has started the program without one.

use std::env;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, ensure};

use super::attend::attend;
use super::{Launch, Machine, Mpi, Mpirun, environment};
use crate::inputs;
use crate::say;
use crate::shown::Shown;

impl Mpi {
    /// The library that this program was built with.
    pub fn of_this_program() -> &'static Mpi {
        mpi::environment::library_version()
            .map_or(Mpi::OTHER, |version| Mpi::from_version(&version))
    }
}

impl Launch {
    /// Runs mpirun, with a rank for each input and one for the tracker. Returns the exit status: mpirun's, or that
    /// of whatever was interrupted.
    ///
    /// # Errors
    /// When it cannot, in words for the user.
    pub fn run(&self) -> Result<ExitCode> {
        ensure!(
            !environment::is_under_mpirun(),
            "launch calls mpirun itself: it is to be started without"
        );
        let folder = &self.input_dir;
        let inputs = inputs::clients(folder)
            .with_context(|| format!("cannot list the inputs in {}", folder.shown()))?;
        let clients = inputs::count(&inputs).with_context(|| folder.shown())?;
        let (asked, options) = (self.mpirun.as_deref(), self.mpirun_options.clone());
        let mpirun = Mpirun::find(asked, Mpi::of_this_program(), options)?;
        let ranks = mpirun.ranks().unwrap_or(clients + 1);
        let additions = mpirun.additions(ranks, Machine::this(mpirun.mpi));
        if !self.quiet {
            for reason in &additions.reasons {
                say::problem(format_args!("bittorrent: {reason}"));
            }
        }
        let program = env::current_exe().context("cannot find out where this program is")?;
        let mut command = Command::new(&mpirun.path);
        for name in &additions.removed {
            command.env_remove(name);
        }
        command
            .envs(additions.variables.iter().map(|name| (name, "1")))
            .args(additions.options)
            .args(
                mpirun
                    .ranks()
                    .is_none()
                    .then(|| ["-np".into(), ranks.to_string()])
                    .into_iter()
                    .flatten(),
            )
            .args(&mpirun.options)
            .arg(&program)
            .args(&self.options)
            // No rank reads it, and mpirun would take what is for the commands behind this one.
            .stdin(Stdio::null());
        attend(command, mpirun.mpi, (ranks, &program))
    }
}

/// Tells a user why a rank is alone that was started together with others.
pub fn lost_ranks() -> Option<String> {
    let ranks = environment::ranks().filter(|&ranks| ranks > 1)?;
    Some(format!(
        "this is one of {ranks} ranks, but the MPI library that it was built with, {}, finds no \
         other: either their mpirun is another library's, or the library is broken, as \
         MPICH 4.2.0 of Ubuntu 24.04 is",
        Mpi::of_this_program().name
    ))
}

/// Tells a user who has started one rank alone how to start a swarm.
pub fn lone_rank(input_dir: &Path) -> String {
    if let Some(why) = lost_ranks() {
        return why;
    }
    let mut text = String::from(
        "a swarm takes at least 2 ranks, a tracker and a client. Either of these starts them:

    bittorrent launch [OPTIONS]          one rank for each in<R>.txt, and one for the tracker
    mpirun -np N bittorrent [OPTIONS]    N ranks",
    );
    if let Some(clients) = inputs::clients(input_dir)
        .ok()
        .and_then(|inputs| inputs::count(&inputs).ok())
    {
        let folder = input_dir.shown();
        text += &format!("\n\nFor the inputs in {folder}, N is {}.", clients + 1);
    }
    text
}
