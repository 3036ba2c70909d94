//! The command line. These types stop at the edge: what they ask for is a [`Request`].
#![allow(
    rustdoc::invalid_html_tags,
    reason = "the same texts are the help in a terminal"
)]

mod check;
mod common;
mod describe;
mod generate;
mod grade;
mod launch;
mod run;
mod shape;
mod show;
mod simulate;
mod study;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};

use judge::command::Grade;
use lab::check::Check;
use lab::generate::Generate;
use lab::picture::Show;
use lab::simulate::Simulate;
use lab::study::Studies;
use swarm::exit::Exit;
use swarm::launch::Launch;
use swarm::options::Options;
use swarm::shown::on_a_line;

pub use describe::Description;
pub use study::simulation;

/// What the options leave out.
const EXPLANATION: &str = "\
Client R reads in<R>.txt, downloads the files that it wants from the other clients, segment by \
segment, and writes each to client<R>_<NAME>.";

const EXAMPLES: &str = "\
Examples:
  Start the swarm in a folder, with one rank for each in<R>.txt and one for the tracker:
      bittorrent launch -i inputs/test1 -o out
  The same without launch:
      mpirun --oversubscribe -np 4 bittorrent -i inputs/test1 -o out
  Record the run, check it against the rules, and draw it:
      bittorrent launch -i inputs/test1 -o out --trace t.jsonl
      bittorrent check t.jsonl
      bittorrent show t.jsonl
  Simulate a crowd of 100 clients that want one file, without MPI:
      bittorrent simulate --flash-crowd --clients 100 --segments 100 --upload-time 5ms";

/// What only `--help` has room for.
fn long_explanation() -> String {
    let statuses = Exit::ALL.map(|exit| format!("  {}  {exit}\n", exit.status()));
    let statuses = statuses.concat();
    format!("{EXPLANATION}\n\n{EXAMPLES}\n\nExit status:\n{statuses}")
}

const USAGE: &str = "\
mpirun -np N bittorrent [OPTIONS]
       bittorrent COMMAND [OPTIONS]";

/// Under which headings the help has the options; `docs/options.md` has them under the same.
mod heading {
    /// Which swarm it is, and where its files are.
    pub(super) const SWARM: &str = "Swarm";
    /// What designs of the protocol differ in.
    pub(super) const DESIGN: &str = "Design";
    /// What the clients have to cope with, and what chance decides.
    pub(super) const EXPERIMENT: &str = "Experiment";
    /// What is told of the run.
    pub(super) const OUTPUT: &str = "Output";
}

/// What the command line asks for.
#[derive(Debug, Clone)]
pub enum Request {
    /// To take part in a swarm, as one of the ranks that mpirun started.
    Run(Options),
    /// To start mpirun.
    Launch(Launch),
    /// To run a swarm in this process.
    Simulate(Simulate),
    /// To run many swarms in this process, and to show what came out.
    Study(Studies),
    /// To write a swarm's inputs.
    Generate(Generate),
    /// To judge a run by its trace.
    Check(Check),
    /// To draw a run from its trace.
    Show(Show),
    /// To judge somebody's program for the assignment.
    Grade(Grade),
    /// To judge one submission of many, as `grade --all` asks for it.
    GradeSubmission,
    /// To describe the command line to a shell or to a reader.
    Describe(Description),
}

/// Simulates BitTorrent on MPI: a tracker on rank 0, a client on every other rank
#[derive(Debug, Parser)]
#[command(version, override_usage = USAGE)]
#[command(after_help = EXPLANATION, after_long_help = long_explanation())]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(flatten)]
    swarm: run::SwarmArguments,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Launch(launch::LaunchArguments),
    Simulate(simulate::SimulateArguments),
    Study(study::StudyArguments),
    Generate(generate::GenerateArguments),
    Check(check::CheckArguments),
    Show(show::ShowArguments),
    Grade(grade::GradeArguments),
    /// Grades the submission that standard input says, for grade --all
    #[command(hide = true)]
    GradeSubmission,
    #[command(flatten)]
    Describe(Description),
}

/// What the command line of this process asks for.
///
/// # Errors
/// When it cannot be used; or when help or the version was asked for, as clap has it.
pub fn request() -> Result<Request, clap::Error> {
    // mpirun may give its ranks a terminal, and write what they print there into a file.
    let is_hidden = swarm::launch::rank().is_some();
    let color = match is_hidden {
        true => ColorChoice::Never,
        false => ColorChoice::Auto,
    };
    // By itself it finds no width where a terminal does not say how high it is.
    let width = swarm::terminal::of_reader();
    let command = Arguments::command().color(color).term_width(width.into());
    let mut command = numbered(fitted(command, width.into()));
    let matches = command.try_get_matches_from_mut(std::env::args_os());
    let matches = matches.map_err(without_wrong_tip).map_err(harmless)?;
    let asked = Arguments::from_arg_matches(&matches);
    let asked = asked.and_then(|arguments| asked_for(arguments, &matches));
    // With the usage of the command that it is about.
    asked.map_err(|error| {
        let subcommand = matches.subcommand_name();
        match subcommand.and_then(|name| command.find_subcommand_mut(name)) {
            Some(subcommand) => error.format(subcommand),
            None => error.format(&mut command),
        }
    })
}

fn asked_for(arguments: Arguments, matches: &ArgMatches) -> Result<Request, clap::Error> {
    Ok(match arguments.command {
        None => Request::Run(arguments.swarm.options()?),
        Some(Command::Launch(launch)) => {
            let (_, matches) = matches.subcommand().expect("there is a subcommand");
            Request::Launch(launch.launch(matches)?)
        }
        Some(Command::Simulate(simulate)) => Request::Simulate(simulate.simulate()?),
        Some(Command::Study(study)) => Request::Study(study.studies()),
        Some(Command::Generate(generate)) => Request::Generate(generate.generate()?),
        Some(Command::Check(check)) => Request::Check(check.check()),
        Some(Command::Show(show)) => Request::Show(show.show()?),
        Some(Command::Grade(grade)) => Request::Grade(grade.grade()),
        Some(Command::GradeSubmission) => Request::GradeSubmission,
        Some(Command::Describe(description)) => Request::Describe(description),
    })
}

/// The command with examples that fit on lines of this width. clap would break a line anywhere, and a shell would
/// take each half for a command.
fn fitted(command: clap::Command, width: usize) -> clap::Command {
    let long = command
        .get_after_long_help()
        .map(|text| broken(&text.to_string(), width));
    let short = command
        .get_after_help()
        .map(|text| broken(&text.to_string(), width));
    let command = command.mut_subcommands(|subcommand| fitted(subcommand, width));
    let command = short.into_iter().fold(command, clap::Command::after_help);
    long.into_iter()
        .fold(command, clap::Command::after_long_help)
}

/// Breaks the lines of a shell that are too long, as a shell reads them: behind a `\`. These are indented.
fn broken(text: &str, width: usize) -> String {
    let lines = text.lines().map(|line| {
        let words = line.trim_start();
        let indent = " ".repeat(line.len() - words.len());
        let is_command = ["bittorrent ", "mpirun "]
            .iter()
            .any(|it| words.starts_with(it));
        if !(is_command && line.starts_with("  ")) {
            return line.to_owned();
        }
        let mut broken = String::new();
        let mut length = 0;
        for word in words.split(' ') {
            // Behind each word there is to be room for " \".
            if length > 0 && length + 1 + word.len() + 2 > width {
                broken += &format!(" \\\n{indent}    {word}");
                length = indent.len() + 4 + word.len();
            } else {
                let before = if length > 0 { " " } else { &indent };
                broken += &format!("{before}{word}");
                length += before.len() + word.len();
            }
        }
        broken
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A command whose options take numbers below 0, of which each says then what it expects.
fn numbered(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|argument| {
        let takes_values = argument.get_action().takes_values();
        argument.allow_negative_numbers(takes_values)
    });
    command.mut_subcommands(numbered)
}

/// What clap says with words of the command line in it, which steer no terminal.
fn harmless(mut error: clap::Error) -> clap::Error {
    let words: Vec<_> = error
        .context()
        .map(|(kind, words)| (kind, words.clone()))
        .collect();
    for (kind, words) in words {
        if let ContextValue::String(words) = words {
            error.insert(kind, ContextValue::String(on_a_line(&words)));
        }
    }
    error
}

/// clap takes any word with a dash in front for an unknown option, and advises `-- -5ms`: but behind `--` are the
/// options of mpirun.
fn without_wrong_tip(mut error: clap::Error) -> clap::Error {
    if error.kind() == ErrorKind::UnknownArgument {
        error.remove(ContextKind::Suggested);
    }
    error
}

/// Options that cannot be together.
fn conflict(why: impl std::fmt::Display) -> clap::Error {
    clap::Error::raw(ErrorKind::ArgumentConflict, why)
}

/// One that fits on a line, if the user names none.
fn seed(named: Option<u64>) -> u64 {
    named.unwrap_or_else(|| fastrand::u32(..).into())
}
