//! `generate`.

use std::path::PathBuf;

use clap::Args;

use super::heading::SWARM;
use super::seed;
use super::shape::ShapeArguments;
use lab::generate::Generate;

const EXAMPLES: &str = "\
Examples:
  Four clients want the files of the others, and every file has two owners:
      bittorrent generate swarm --clients 4 --files 4 --segments 100 --owners 2
  One client owns a file, and 15 others want it; the same again with the same seed:
      bittorrent generate crowd --flash-crowd --clients 16 --segments 100 --seed 7";

/// Writes a random swarm: the clients' inputs, and the files that they are to end up with
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
#[command(mut_arg("clients", |clients| clients.required(true)))]
#[command(mut_arg("segments", |segments| segments.required(true)))]
#[command(mut_arg("files", |files| files.required_unless_present("flash_crowd")))]
pub(super) struct GenerateArguments {
    /// The folder to write to; created if missing
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    #[command(flatten)]
    shape: ShapeArguments,

    /// All random choices follow from this number [default: another one every time]
    #[arg(long, help_heading = SWARM, value_name = "N")]
    seed: Option<u64>,

    /// Replace the swarm that is there
    #[arg(long)]
    force: bool,
}

impl GenerateArguments {
    /// What is to be generated.
    ///
    /// # Errors
    /// When there cannot be such a swarm.
    pub(super) fn generate(self) -> Result<Generate, clap::Error> {
        let shape = self.shape.shape()?;
        Ok(Generate {
            folder: self.folder,
            shape: shape.expect("its options are required"),
            seed: seed(self.seed),
            replace: self.force,
        })
    }
}
