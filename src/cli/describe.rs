//! The command line's own description, for those who install the program: completions for shells and
//! pages of the manual.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Command, CommandFactory, Subcommand};
use clap_complete::Shell;
use clap_mangen::Man;
use swarm::output::{self, Claims};
use swarm::say;
use swarm::shown::Shown as _;

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
    /// When the folder cannot be written to, or nothing can be printed.
    pub fn give(&self) -> Result<()> {
        let command = Arguments::command();
        match self {
            Description::Completions { shell } => {
                // Into memory first, for it panics where it cannot write.
                let mut script = Vec::new();
                let mut command = shown(&command);
                clap_complete::generate(*shell, &mut command, "bittorrent", &mut script);
                say::exactly(String::from_utf8_lossy(&script))?;
            }
            Description::Manual { folder } => {
                let mut claims = Claims::default();
                claims.folder("the manual", folder)?;
                let _held = claims.hold("the manual", folder)?;
                let mut command = command.disable_help_subcommand(true);
                command.build();
                let pages = pages(command)?;
                let pages = pages
                    .into_iter()
                    .map(|(name, text)| (folder.join(name), text));
                let pages: Vec<_> = pages.collect();
                if let Some((path, _)) = pages.iter().find(|(path, _)| path.is_dir()) {
                    bail!(
                        "cannot write {}: it is a folder: name another one for the manual",
                        path.shown()
                    );
                }
                for (path, text) in pages {
                    output::write(&path, &text)?;
                }
                claims.new_folders().keep();
            }
        }
        Ok(())
    }
}

/// A command as it is shown: what is hidden is not offered. Not every shell's script looks after that.
fn shown(command: &Command) -> Command {
    let name = command.get_name().to_owned();
    let about = command.get_about().cloned().unwrap_or_default();
    let version = command.get_version().map(str::to_owned);
    let arguments = command.get_arguments().filter(|it| !it.is_hide_set());
    let subcommands = command.get_subcommands().filter(|it| !it.is_hide_set());
    Command::new(name)
        .about(about)
        .args(arguments.cloned())
        .groups(command.get_groups().cloned())
        .subcommands(subcommands.map(shown))
        .version(version.unwrap_or_default())
}

/// The manual's pages of a command and of its subcommands, each with the name of its file.
fn pages(command: Command) -> Result<Vec<(String, Vec<u8>)>> {
    let mut pages = Vec::new();
    let shown = command.get_subcommands().filter(|it| !it.is_hide_set());
    for subcommand in shown.cloned() {
        pages.extend(self::pages(subcommand)?);
    }
    let page = Man::new(command);
    let mut text = Vec::new();
    page.render(&mut text)?;
    pages.push((page.get_filename(), text));
    Ok(pages)
}
