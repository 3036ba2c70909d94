//! `mpirun -np N bittorrent`: the tracker on rank 0, a client on every other rank.

use std::process::ExitCode;

use bittorrent::cli::{self, Request};
use bittorrent::exit::Exit;
use bittorrent::{launch, runtime};

fn main() -> ExitCode {
    let exit = match cli::request() {
        Ok(Request::Run(options)) => runtime::run(&options),
        // The rest is for one process: where mpirun started several, the first one.
        _ if !launch::is_first() => Exit::Complete,
        Ok(Request::Launch(launch)) => match launch.start() {
            Err(error) => refused(&error),
        },
        Ok(Request::Generate(generate)) => match generate.run() {
            Ok(done) => {
                println!("{done}");
                Exit::Complete
            }
            Err(error) => refused(&error),
        },
        Err(message) => {
            let _ = message.print(); // whoever closed its output does not want it
            if message.use_stderr() {
                Exit::Refused
            } else {
                Exit::Complete
            }
        }
    };
    exit.into()
}

fn refused(error: &anyhow::Error) -> Exit {
    eprintln!("bittorrent: {error:#}");
    Exit::Refused
}
