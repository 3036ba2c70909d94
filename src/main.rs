//! `mpirun -np N bittorrent`: the tracker on rank 0, a client on every other rank.

use std::process::ExitCode;

use anyhow::Result;
use bittorrent::cli::{self, Request};
use swarm::exit::Exit;
use swarm::launch;

fn main() -> ExitCode {
    let request = cli::request();
    // All but a swarm is for one process: where mpirun started several, for the first.
    if !matches!(request, Ok(Request::Run(_))) && !launch::is_first() {
        return Exit::Complete.into();
    }
    match request {
        Ok(request) => serve(request).unwrap_or_else(|error| {
            eprintln!("bittorrent: {error:#}");
            Exit::Refused.into()
        }),
        Err(message) => {
            let _ = message.print(); // whoever closed its output does not want it
            if message.use_stderr() {
                Exit::Refused.into()
            } else {
                Exit::Complete.into()
            }
        }
    }
}

fn serve(request: Request) -> Result<ExitCode> {
    match request {
        #[cfg(feature = "mpi")]
        Request::Run(options) => return Ok(swarm::runtime::run(&options).into()),
        #[cfg(feature = "mpi")]
        Request::Launch(launch) => match launch.start()? {},
        #[cfg(not(feature = "mpi"))]
        Request::Run(_) | Request::Launch(_) => anyhow::bail!(
            "this bittorrent was built without MPI, and cannot take part in a swarm; \
             'bittorrent simulate' runs one without it"
        ),
        Request::Simulate(simulate) => return Ok(simulate.run()?.into()),
        Request::Study(studies) => return Ok(studies.run(cli::simulation)?.into()),
        Request::Check(check) => return Ok(check.run()?.into()),
        Request::Grade(grade) => return Ok(grade.run()?.into()),
        Request::GradeSubmission => judge::command::grade_submission()?,
        Request::Show(show) => println!("{}", show.run()?),
        Request::Generate(generate) => println!("{}", generate.run()?),
        Request::Describe(description) => description.give()?,
    }
    Ok(Exit::Complete.into())
}
