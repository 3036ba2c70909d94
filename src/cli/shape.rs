//! The options that say what a swarm is like that is to be made up.

use std::num::NonZeroUsize;

use clap::Args;

use super::common::number;
use super::conflict;
use super::heading::SWARM;
use lab::generate::{RandomShape, Shape, Wants};
use swarm::limits::{MOST_CLIENTS, MOST_FILES, MOST_SEGMENTS};

/// Which of them have to be there, each subcommand says.
#[derive(Debug, Args)]
#[command(next_help_heading = SWARM)]
pub(super) struct ShapeArguments {
    /// How many clients there are
    #[arg(long, value_name = "C", value_parser = number(MOST_CLIENTS))]
    clients: Option<NonZeroUsize>,

    /// How many files there are
    #[arg(long, value_name = "F", value_parser = number(MOST_FILES))]
    files: Option<NonZeroUsize>,

    /// How many segments each file has
    #[arg(long, value_name = "S", value_parser = number(MOST_SEGMENTS))]
    segments: Option<NonZeroUsize>,

    /// How many clients own each file
    #[arg(long, value_name = "K", default_value = "1", value_parser = number(MOST_CLIENTS))]
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
}

impl ShapeArguments {
    /// What they ask for; nothing, if they are not there.
    ///
    /// # Errors
    /// When there cannot be such a swarm.
    pub(super) fn shape(self) -> Result<Option<Shape>, clap::Error> {
        let Some((clients, segments)) = self.clients.zip(self.segments) else {
            return Ok(None);
        };
        let Some(leechers) = clients.get().checked_sub(self.owners.get()) else {
            let why = format!(
                "--owners {} is more than the {clients} clients there are",
                self.owners
            );
            return Err(conflict(why));
        };
        Ok(Some(match self.files {
            Some(files) => Shape::Random(RandomShape {
                clients,
                files,
                segments,
                owners: self.owners,
                wants: self.wants,
                vary: self.vary,
            }),
            None => Shape::FlashCrowd {
                seeds: self.owners,
                leechers,
                segments,
            },
        }))
    }
}

fn wants(text: &str) -> Result<Wants, String> {
    match text.parse() {
        Ok(number) if number <= MOST_FILES => Ok(Wants::Some(number)),
        Err(_) if text == "all" => Ok(Wants::All),
        Ok(_) | Err(_) => Err(format!(
            "expected 'all' or a number of files, 0 to {MOST_FILES}"
        )),
    }
}
