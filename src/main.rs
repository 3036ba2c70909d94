//! `mpirun -np N bittorrent`: the tracker on rank 0, a client on every other rank.

use std::process::ExitCode;

use bittorrent::cli::Arguments;
use bittorrent::exit::Exit;
use bittorrent::runtime;

fn main() -> ExitCode {
    match Arguments::options() {
        Ok(options) => runtime::run(&options).into(),
        // Help, the version or bad options are the same on every rank: one of them says so.
        Err(_) if !runtime::is_first() => Exit::Complete.into(),
        Err(message) if message.use_stderr() => {
            eprint!("{message}");
            Exit::Refused.into()
        }
        Err(message) => {
            print!("{message}");
            Exit::Complete.into()
        }
    }
}
