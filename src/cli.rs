//! The command line. These types stop at the edge: what they ask for is a [`Request`].
#![allow(
    rustdoc::invalid_html_tags,
    reason = "the same texts are the help in a terminal"
)]

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{
    ArgMatches, Args, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum,
};
use console::Term;

use crate::exit::Exit;
use crate::generate::{Generate, RandomShape, Shape, Wants};
use crate::launch::{self, Launch};
use crate::policy::order::{self, SegmentOrder};
use crate::policy::selection::{self, PeerSelection};
use crate::policy::{Named, TrackerIndex};
use crate::protocol::Rank;
use crate::runtime::{Options, Style};
use crate::settings::Settings;

/// What the options leave out.
fn explanation() -> String {
    let mut text = String::from(
        "\
Every client R reads in<R>.txt, downloads the files that it wants from the other clients, segment
by segment, and writes client<R>_<NAME> for each. More ranks than cores: mpirun --oversubscribe.

Exit status:
",
    );
    for exit in Exit::ALL {
        text += &format!("  {}  {exit}\n", exit.status());
    }
    text
}

const USAGE: &str = "\
mpirun -np N bittorrent [OPTIONS]
       bittorrent launch [OPTIONS] [-- MPIRUN_OPTIONS...]
       bittorrent generate [OPTIONS] --clients C --segments S DIR";

/// What the command line asks for.
#[derive(Debug, Clone)]
pub enum Request {
    /// To take part in a swarm, as one of the ranks that mpirun started.
    Run(Options),
    /// To start mpirun.
    Launch(Launch),
    /// To write a swarm's inputs.
    Generate(Generate),
}

/// Simulates BitTorrent on MPI: a tracker on rank 0, a client on every other rank
#[derive(Debug, Parser)]
#[command(version, override_usage = USAGE, after_help = explanation())]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(flatten)]
    swarm: SwarmArguments,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Launch(LaunchArguments),
    Generate(GenerateArguments),
}

/// Starts a swarm: mpirun, with one rank for each in<R>.txt and one for the tracker
///
/// The options are those of the ranks, besides --mpirun. Open MPI is told if there are more ranks
/// than cores, and if it runs as root.
#[derive(Debug, Args)]
struct LaunchArguments {
    #[command(flatten)]
    swarm: SwarmArguments,

    /// The mpirun to use, where it is not the one that is found
    #[arg(long, value_name = "PATH", env = "MPIRUN", hide_env_values = true)]
    mpirun: Option<OsString>,

    /// Options of mpirun: -- --hostfile hosts
    #[arg(last = true, value_name = "MPIRUN_OPTIONS")]
    mpirun_options: Vec<OsString>,
}

/// Writes a random swarm: in<R>.txt for every client, and out<K>.txt, what there is to get of file<K>
#[derive(Debug, Args)]
struct GenerateArguments {
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
    fn request(self) -> Result<Generate, clap::Error> {
        let Some(leechers) = self.clients.get().checked_sub(self.owners.get()) else {
            let why = format!(
                "--owners {} is more than the {} clients there are",
                self.owners, self.clients
            );
            return Err(Arguments::command().error(ErrorKind::ValueValidation, why));
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

/// One that fits on a line, if the user names none.
fn seed(named: Option<u64>) -> u64 {
    named.unwrap_or_else(|| fastrand::u32(..).into())
}

#[derive(Debug, Args)]
struct SwarmArguments {
    /// Where the clients find in<R>.txt
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    input_dir: PathBuf,

    /// Where the clients write client<R>_<NAME>; created if missing
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output_dir: PathBuf,

    /// After how many segments of a file a client asks the tracker for the swarm anew
    #[arg(long, value_name = "N", default_value_t = Settings::default().update_interval)]
    update_interval: NonZeroUsize,

    /// How many segment requests a client has in flight at most; 1 is the assignment's one by one
    #[arg(long, value_name = "N", default_value_t = Settings::default().window)]
    window: NonZeroUsize,

    /// What the tracker knows of a swarm, and tells its members
    #[arg(long, value_name = "INDEX", default_value = TrackerIndex::ALL[0].name, value_parser = by_name(TrackerIndex::ALL))]
    tracker_index: &'static Named<TrackerIndex>,

    /// Whom a client asks for a segment
    #[arg(long, value_name = "POLICY", default_value = selection::ALL[0].name, value_parser = by_name(selection::ALL))]
    peer_selection: &'static PeerSelection,

    /// Which segment of a file it asks for next
    #[arg(long, value_name = "POLICY", default_value = order::ALL[0].name, value_parser = by_name(order::ALL))]
    segment_order: &'static SegmentOrder,

    /// The tracker grants every segment before it is asked for, and is told when it came
    #[arg(long)]
    tracker_grants: bool,

    /// How long serving a segment occupies a client's upload link (5ms, 1s)
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = duration)]
    upload_time: Duration,

    /// How many segments wait for a client's upload link or are on it, at most; 0 is no limit
    #[arg(long, value_name = "K", default_value_t = Settings::default().upload_slots.map_or(0, NonZeroUsize::get))]
    upload_slots: usize,

    /// What all random choices follow from; left out, it is a different one every time
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Clients that answer every request with a wrong hash: an experiment on the others
    #[arg(long, value_name = "R[,R...]", value_delimiter = ',', value_parser = client_rank)]
    corrupt: Vec<Rank>,

    /// How long no client may be heard of before the run is ended (60, 90s, 5min); 0 is for ever
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    stall_timeout: Duration,

    /// Write what was measured to this file, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// When to show how far the downloads are
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    progress: Progress,

    /// How wide the terminal is that launch has found
    #[arg(long, hide = true)]
    terminal_width: Option<u16>,

    /// Print nothing but problems
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Progress {
    /// On a terminal, which mpirun hides from its ranks: launch tells them
    Auto,
    /// Also where there is no terminal, by a line every few seconds
    Always,
    /// Not at all
    Never,
}

/// What the command line of this process asks for.
///
/// # Errors
/// When it cannot be used; or when help or the version was asked for, as clap has it.
pub fn request() -> Result<Request, clap::Error> {
    // mpirun may give its ranks a terminal, and write what they print there into a file.
    let is_hidden = launch::rank().is_some();
    let color = if is_hidden {
        ColorChoice::Never
    } else {
        ColorChoice::Auto
    };
    let mut command = Arguments::command().color(color);
    let matches = command.try_get_matches_from_mut(std::env::args_os())?;
    let arguments =
        Arguments::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    Ok(match arguments.command {
        None => Request::Run(arguments.swarm.options()?),
        Some(Command::Generate(generate)) => Request::Generate(generate.request()?),
        Some(Command::Launch(launch)) => {
            let (_, matches) = matches.subcommand().expect("there is a subcommand");
            let progress = launch.swarm.progress;
            let options = launch.swarm.options()?;
            let mut of_ranks = as_written(matches);
            of_ranks.extend(on_terminal(progress, options.quiet));
            Request::Launch(Launch {
                input_dir: options.input_dir,
                mpirun: launch.mpirun.filter(|path| !path.is_empty()),
                mpirun_options: launch.mpirun_options,
                options: of_ranks,
                quiet: options.quiet,
            })
        }
    })
}

/// What the ranks are to know of the terminal that this process has, and they have not.
fn on_terminal(progress: Progress, is_quiet: bool) -> Vec<OsString> {
    let terminal = Term::stderr();
    let columns = terminal.is_term().then(|| terminal.size().1);
    let is_shown = match progress {
        Progress::Auto => columns.is_some() && !is_quiet,
        Progress::Always => true,
        Progress::Never => false,
    };
    let columns = columns.filter(|_| is_shown);
    let shown = is_shown.then(|| "--progress=always".into());
    let width = columns.map(|columns| format!("--terminal-width={columns}").into());
    shown.into_iter().chain(width).collect()
}

/// The swarm's options of a command line, as they were written there.
fn as_written(matches: &ArgMatches) -> Vec<OsString> {
    let mut options = Vec::new();
    for argument in SwarmArguments::augment_args(clap::Command::new("swarm")).get_arguments() {
        let id = argument.get_id().as_str();
        if id == "progress" || matches.value_source(id) != Some(ValueSource::CommandLine) {
            continue;
        }
        let name = argument.get_long().expect("every option has a long name");
        if argument.get_action().takes_values() {
            for value in matches.get_raw(id).into_iter().flatten() {
                let mut option = OsString::from(format!("--{name}="));
                option.push(value);
                options.push(option);
            }
        } else {
            options.push(format!("--{name}").into());
        }
    }
    options
}

impl SwarmArguments {
    fn options(self) -> Result<Options, clap::Error> {
        let stall_timeout = self.stall_timeout;
        let options = Options {
            input_dir: self.input_dir,
            output_dir: self.output_dir,
            settings: Settings {
                update_interval: self.update_interval,
                window: self.window,
                tracker_index: self.tracker_index,
                peer_selection: self.peer_selection,
                segment_order: self.segment_order,
                tracker_grants: self.tracker_grants,
                upload_time: self.upload_time,
                upload_slots: NonZeroUsize::new(self.upload_slots),
                seed: seed(self.seed),
            },
            corrupt: self.corrupt,
            stall_timeout: (!stall_timeout.is_zero()).then_some(stall_timeout),
            report: self.report,
            progress: match (self.progress, self.terminal_width) {
                (Progress::Always, Some(columns)) => Some(Style::Live(columns)),
                (Progress::Always, None) => Some(Style::Lines),
                (Progress::Auto | Progress::Never, _) => None,
            },
            quiet: self.quiet,
        };
        let conflict = |why| Err(Arguments::command().error(ErrorKind::ArgumentConflict, why));
        if !options.settings.are_consistent() {
            let order = options.settings.segment_order;
            return conflict(format!(
                "--segment-order {order} goes by what the members hold, \
                 which only --tracker-index segments tells"
            ));
        }
        // Every segment that is served is heard of, but nothing is while one is on its way.
        if options
            .stall_timeout
            .is_some_and(|patience| patience < 2 * options.settings.upload_time)
        {
            return conflict("--stall-timeout has to be at least twice --upload-time".into());
        }
        Ok(options)
    }
}

/// One of a list, by its name.
fn by_name<T: Sync>(all: &'static [Named<T>]) -> impl TypedValueParser<Value = &'static Named<T>> {
    let names = all
        .iter()
        .map(|named| PossibleValue::new(named.name).help(named.about));
    PossibleValuesParser::new(names)
        .map(|name| Named::find(all, &name).expect("only these names are possible"))
}

fn client_rank(text: &str) -> Result<Rank, String> {
    match text.parse() {
        Ok(rank) if rank != Rank::TRACKER.0 => Ok(Rank(rank)),
        _ => Err("expected the rank of a client, 1 or more".into()),
    }
}

/// A time with a unit, or in seconds.
fn duration(text: &str) -> Result<Duration, humantime::DurationError> {
    match text.parse() {
        Ok(seconds) => Ok(Duration::from_secs(seconds)),
        Err(_) => humantime::parse_duration(text),
    }
}
