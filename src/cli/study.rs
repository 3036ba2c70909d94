//! `study`.

use std::any::TypeId;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, Command, FromArgMatches};

use super::common::duration;
use super::simulate::SimulateArguments;
use lab::simulate::Simulate;
use lab::study::{NOT_FOR_STUDIES, Refused, Setting, Studies};

const EXAMPLES: &str = "\
Examples:
  How much is there to do, and then do it:
      bittorrent study inputs/studies/order.toml --dry-run
      bittorrent study inputs/studies/order.toml -o results
  All studies of the repository, with a page about them:
      bittorrent study inputs/studies/*.toml -o results --page results.md
  One of them on all cores of several machines:
      mpirun --hostfile hosts bittorrent study inputs/studies/order.toml -o results";

/// Simulates a grid of options, several times each, and shows what came out
///
/// A study is a file that names options of `simulate`, values for some of them, how often each
/// combination runs, and pictures. Each study gets a folder of its name, with results.csv, index.html
/// and the pictures. A study that was interrupted goes on. Under mpirun all ranks simulate, each one run at a
/// time, and rank 0 deals the runs and writes what comes out.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct StudyArguments {
    /// The studies
    #[arg(value_name = "FILE.toml", required = true)]
    files: Vec<PathBuf>,

    /// Where each study gets a folder of its name; created if missing
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output_dir: PathBuf,

    /// Only say how much there is to do
    #[arg(long)]
    dry_run: bool,

    /// Begin anew, whatever there is of the results
    #[arg(long)]
    force: bool,

    /// Also write a page about all of them to this file, in Markdown
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,

    /// Under mpirun: end when a rank is not heard of for this long, or MPI does not start or end; 0: never
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    stall_timeout: Duration,
}

impl StudyArguments {
    /// What is to be studied.
    pub(super) fn studies(self) -> Studies {
        Studies {
            files: self.files,
            output_dir: self.output_dir,
            dry_run: self.dry_run,
            force: self.force,
            page: self.page,
            stall_timeout: (!self.stall_timeout.is_zero()).then_some(self.stall_timeout),
        }
    }
}

/// The run that these options of `simulate` ask for. Paths in them are relative to `folder`.
///
/// # Errors
/// When they cannot be used, as on the command line.
pub fn simulation(settings: &[Setting], folder: &Path) -> Result<Simulate, Refused> {
    let command = Command::new("simulate").no_binary_name(true);
    let mut command = SimulateArguments::augment_args(command);
    let is_path = |name: &str| {
        let mut options = command.get_arguments();
        let option = options.find(|option| option.get_long() == Some(name));
        option.is_some_and(|option| option.get_value_parser().type_id() == TypeId::of::<PathBuf>())
    };
    let words = settings.iter().map(|setting| match &setting.value {
        Some(path) if is_path(&setting.name) => {
            let mut word = std::ffi::OsString::from(format!("--{}=", setting.name));
            word.push(folder.join(path));
            word
        }
        _ => setting.argument().into(),
    });
    let words: Vec<_> = words.collect();
    let matches = command.try_get_matches_from_mut(words);
    matches
        .and_then(|matches| SimulateArguments::from_arg_matches(&matches))
        .and_then(SimulateArguments::simulate)
        .map_err(|error| refused(&error, &command))
}

/// What clap says, without the help that is for a command line.
fn refused(error: &clap::Error, command: &Command) -> Refused {
    let option = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) => argument.strip_prefix("--"),
        _ => None,
    };
    let option = option.and_then(|option| option.split([' ', '=', '[']).next());
    let why = match (error.kind(), option) {
        (ErrorKind::UnknownArgument, Some(option)) => {
            let names = command.get_arguments().filter_map(clap::Arg::get_long);
            let names = names.filter(|name| !NOT_FOR_STUDIES.contains(name));
            let names = names.map(|name| format!("'{name}'")).collect::<Vec<_>>();
            format!(
                "simulate has no option '{option}'; it has {}",
                names.join(", ")
            )
        }
        _ => {
            let text = error.render().to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text);
            let lines = text.lines().take_while(|line| !line.trim().is_empty());
            lines.map(str::trim).collect::<Vec<_>>().join(" ")
        }
    };
    Refused {
        option: option.map(str::to_owned),
        why,
    }
}
