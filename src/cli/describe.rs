//! The command line's own description, for those who install the program: completions for shells and
//! pages of the manual.

use std::fs;
use std::io;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{CommandFactory, Subcommand};
use clap_complete::Shell;

use super::Arguments;

/// What is described.
#[derive(Debug, Clone, Subcommand)]
pub enum Description {
    /// Prints what makes a shell complete the command line
    #[command(hide = true)]
    Completions {
        /// Which shell
        shell: Shell,
    },

    /// Writes the manual's pages into a folder
    #[command(hide = true)]
    Manual {
        /// The folder; created if missing
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

impl Description {
    /// Prints or writes it.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn give(&self) -> Result<()> {
        let mut command = Arguments::command();
        match self {
            Description::Completions { shell } => {
                clap_complete::generate(*shell, &mut command, "bittorrent", &mut io::stdout());
                Ok(())
            }
            Description::Manual { folder } => fs::create_dir_all(folder)
                .and_then(|()| clap_mangen::generate_to(command, folder))
                .with_context(|| format!("cannot write the manual to {}", folder.display())),
        }
    }
}
