//! `generate`.

use std::path::PathBuf;

use clap::Args;

use super::seed;
use super::shape::ShapeArguments;
use crate::generate::Generate;

/// Writes a random swarm: in<R>.txt for every client, and out<K>.txt, what there is to get of file<K>
#[derive(Debug, Args)]
#[command(mut_arg("clients", |clients| clients.required(true)))]
#[command(mut_arg("segments", |segments| segments.required(true)))]
#[command(mut_arg("files", |files| files.required_unless_present("flash_crowd")))]
pub(super) struct GenerateArguments {
    /// The folder to write to; created if missing
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    #[command(flatten)]
    shape: ShapeArguments,

    /// What all random choices follow from; left out, it is a different one every time
    #[arg(long, value_name = "N")]
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
