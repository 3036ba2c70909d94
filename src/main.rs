//! `mpirun -np N bittorrent`: the tracker on rank 0, a client on every other rank.

#[cfg(feature = "mpi")]
mod crew;

use std::env;
use std::process::ExitCode;

use anyhow::{Error, Result};
use bittorrent::cli::{self, Request};
use lab::study::Threads;
use swarm::exit::Exit;
use swarm::launch;
use swarm::output::NotWritten;
use swarm::say::{self, NotSaid};
use swarm::signals::{self, Interrupted};

fn main() -> ExitCode {
    let served = signals_taken().and_then(|()| match cli::request() {
        Ok(request) => serve(request),
        Err(message) => explain(&message),
    });
    served.unwrap_or_else(|error| {
        say::problem(format_args!("bittorrent: {error:#}"));
        status(&error).into()
    })
}

/// Before anything else: a signal may come at any time. Those of a rank are its launcher's. It names no command, or is
/// not the first that carries one out.
fn signals_taken() -> Result<()> {
    signals::outlive_full_files()?;
    let command = env::args_os().nth(1);
    let is_rank = command.is_none_or(|it| it.as_encoded_bytes().starts_with(b"-"));
    if is_rank || !launch::is_first() {
        return Ok(());
    }
    signals::end_at_once() // until the command says otherwise
}

fn serve(request: Request) -> Result<ExitCode> {
    match request {
        #[cfg(feature = "mpi")]
        Request::Run(options) => return Ok(swarm::runtime::run(&options).into()),
        #[cfg(feature = "mpi")]
        // One of the ranks says that it is not to be started so, and has its time to say it: mpirun ends all
        // when any rank ends with another status than 0.
        Request::Launch(_) if !launch::is_first() => return Ok(Exit::Complete.into()),
        #[cfg(feature = "mpi")]
        Request::Launch(launch) => return launch.run(),
        #[cfg(not(feature = "mpi"))]
        Request::Run(_) | Request::Launch(_) => anyhow::bail!(
            "this bittorrent was built without MPI, and cannot take part in a swarm; \
             'bittorrent simulate' runs one without it"
        ),
        Request::Simulate(simulate) => return Ok(simulate.run()?.into()),
        Request::Study(studies) if studies.dry_run && !launch::is_first() => {}
        #[cfg(feature = "mpi")]
        Request::Study(studies) if !studies.dry_run && launch::is_one_of_several() => {
            return Ok(crew::carry_out(&studies)?.into());
        }
        Request::Study(studies) => {
            let runs = studies.read(cli::simulation)?;
            return Ok(studies.run(&runs, &mut Threads(&runs))?.into());
        }
        Request::Check(check) => return Ok(check.run()?.into()),
        Request::Grade(grade) => return Ok(grade.run()?.into()),
        Request::GradeSubmission => judge::command::grade_submission()?,
        Request::Show(show) => say::line(show.run()?)?,
        Request::Generate(generate) => say::line(generate.run()?)?,
        Request::Describe(description) => description.give()?,
    }
    Ok(Exit::Complete.into())
}

/// Prints the help that was asked for, or what is wrong with the command line. Of the ranks of a swarm, the
/// first does.
fn explain(message: &clap::Error) -> Result<ExitCode> {
    if !launch::is_first() {
        return Ok(Exit::Complete.into()); // mpirun is not to end the first before it has said it
    }
    let printed = say::said(message.print());
    if message.use_stderr() {
        return Ok(Exit::Refused.into()); // nobody can be told if that was not printed
    }
    printed?;
    Ok(Exit::Complete.into())
}

/// What the exit status says of an error.
fn status(error: &Error) -> Exit {
    signals::exit_status(if error.is::<NotWritten>() || error.is::<NotSaid>() {
        Exit::NotWritten
    } else if error.is::<Interrupted>() {
        Exit::Stalled
    } else {
        Exit::Refused
    })
}
