//! `generate`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::{conflict, seed};
use crate::generate::{Generate, RandomShape, Shape, Wants};

/// Writes a random swarm: in<R>.txt for every client, and out<K>.txt, what there is to get of file<K>
#[derive(Debug, Args)]
pub(super) struct GenerateArguments {
    /// The folder to write to; created if missing
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// How many clients there are
    #[arg(long, value_name = "C")]
    clients: NonZeroUsize,

    /// How many files there are
    #[arg(long, value_name = "F", required_unless_present = "flash_crowd")]
    files: Option<NonZeroUsize>,

    /// How many segments each file has
    #[arg(long, value_name = "S")]
    segments: NonZeroUsize,

    /// How many clients own each file
    #[arg(long, value_name = "K", default_value = "1")]
    owners: NonZeroUsize,

    /// How many files each client wants, of those that it does not own
    #[arg(long, value_name = "all|N", default_value = "all", value_parser = wants)]
    wants: Wants,

    /// Draw lengths, owners and wants, with these numbers as the most
    #[arg(long)]
    vary: bool,

    /// One file, owned by the first client (the first K) and wanted by all others
    #[arg(long, conflicts_with_all = ["files", "wants", "vary"])]
    flash_crowd: bool,

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
        let Some(leechers) = self.clients.get().checked_sub(self.owners.get()) else {
            let why = format!(
                "--owners {} is more than the {} clients there are",
                self.owners, self.clients
            );
            return Err(conflict(why));
        };
        let shape = match self.files {
            Some(files) => Shape::Random(RandomShape {
                clients: self.clients,
                files,
                segments: self.segments,
                owners: self.owners,
                wants: self.wants,
                vary: self.vary,
            }),
            None => Shape::FlashCrowd {
                seeds: self.owners,
                leechers,
                segments: self.segments,
            },
        };
        Ok(Generate {
            folder: self.folder,
            shape,
            seed: seed(self.seed),
            replace: self.force,
        })
    }
}

fn wants(text: &str) -> Result<Wants, String> {
    match text.parse() {
        Ok(number) => Ok(Wants::Some(number)),
        Err(_) if text == "all" => Ok(Wants::All),
        Err(_) => Err("expected 'all' or a number of files".into()),
    }
}
