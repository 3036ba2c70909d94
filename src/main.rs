//! `mpirun -np N bittorrent`: the tracker on rank 0, a client on every other rank.

use std::process::ExitCode;

use bittorrent::cli::Arguments;
use bittorrent::runtime;
use clap::Parser;

fn main() -> ExitCode {
    match Arguments::try_parse() {
        Ok(arguments) => runtime::run(&arguments.into()).into(),
        Err(error) => {
            error.exit();
        }
    }
}
