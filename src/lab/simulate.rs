//! `bittorrent simulate`: a run of the [`twin`](crate::twin), with the outputs, the report and the
//! trace of a real one.

mod follow;
mod running;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use fastrand::Rng;

use self::running::{End, ProgressView, SimulatedRun};
use crate::generate::Shape;
use crate::memory;
use crate::oracle::Oracle;
use crate::twin::{Links, Machines, Outputs, Simulation};
use swarm::client::SavedFile;
use swarm::exit::Exit;
use swarm::inputs;
use swarm::manifest::{self, Manifest};
use swarm::output::{self, Claims, NewFolders, NotWritten, Output};
use swarm::protocol::{FileName, Rank};
use swarm::report::{Measured, Moment, Plan, Report};
use swarm::say;
use swarm::scenario::{self, Cast};
use swarm::settings::Settings;
use swarm::shown::Shown;
use swarm::signals::{self, Interrupt};
use swarm::trace::{ClockReport, Header};
use swarm::tracker::Amount;

/// What the trace calls the host of all ranks.
const HOST: &str = "twin";

/// A run that is to be simulated.
#[derive(Debug, Clone)]
pub struct Simulate {
    /// The clients and their inputs.
    pub swarm: SwarmSource,
    /// How the swarm works.
    pub settings: Settings,
    /// The clients that answer with wrong hashes, besides those of the scenario.
    pub corrupt: Vec<Rank>,
    /// Where the scenario is, if there is one.
    pub scenario: Option<PathBuf>,
    /// How long a message is on its way: any time of the range.
    pub latency: RangeInclusive<Duration>,
    /// How long the tracker takes for a message.
    pub tracker_time: Duration,
    /// Where `client<R>_<NAME>` go, if they are to be written.
    pub output_dir: Option<PathBuf>,
    /// Where the report goes.
    pub report: Option<PathBuf>,
    /// Where the trace goes.
    pub trace: Option<PathBuf>,
    /// Print nothing but problems.
    pub quiet: bool,
    /// The moments at which it is measured how far the swarm is, in order.
    pub moments: BTreeSet<Duration>,
    /// The schedule to follow instead of the settings, if one is to be followed.
    pub oracle: Option<Oracle>,
}

/// Where the clients of a run and their inputs come from.
#[derive(Debug, Clone)]
pub enum SwarmSource {
    /// The `in<R>.txt` of this folder.
    In(PathBuf),
    /// Made up, as [`Generate`](crate::generate::Generate) does, with the seed of the settings.
    Of(Shape),
}

/// How many clients have inputs in a folder.
fn clients_in(folder: &Path) -> Result<usize> {
    let there = inputs::clients(folder)
        .with_context(|| format!("cannot list the inputs in {}", folder.shown()))?;
    inputs::count(&there).with_context(|| folder.shown())
}

/// A client's input, or what is wrong with it.
type Input = Result<Manifest, Vec<String>>;

/// Into a folder, if there is one.
impl Outputs for Option<PathBuf> {
    fn save(&mut self, client: Rank, file: &SavedFile) -> Result<(), String> {
        match self {
            None => Ok(()),
            Some(folder) => output::save(folder, client, file).map_err(|why| why.to_string()),
        }
    }
}

impl Simulate {
    /// Runs it, prints what a real run prints, and returns the exit status.
    ///
    /// # Errors
    /// When nothing was started, because of the options or the inputs, or because memory is short; or when nothing
    /// could be printed.
    pub fn run(&self) -> Result<Exit> {
        if let Some(oracle) = &self.oracle {
            return self.follow(oracle);
        }
        let inputs = self.inputs()?;
        let warnings = warnings(&inputs);
        let (plan, run) = self.begin(inputs, Interrupt::on_signals)?;
        for warning in warnings {
            say::problem(warning);
        }
        let (run, end) = run.go_on();
        self.finish(&plan, run, end)
    }

    /// Runs it, and prints and writes nothing but what its options say. Returns nothing when a signal has
    /// come.
    ///
    /// # Errors
    /// When it was not started, or broken off.
    pub(crate) fn report(&self, interrupt: &Interrupt) -> Result<Option<Report>> {
        if let Some(oracle) = &self.oracle {
            memory::check(oracle.memory())?;
            return Ok(self.of_oracle(oracle, interrupt));
        }
        let (plan, run) = self.begin(self.inputs()?, || Ok(interrupt.clone()))?;
        match run.go_on() {
            (run, End::Over) => {
                let (_, report) = ended(&plan, run.simulation, run.taken);
                if report.measured.is_none() {
                    bail!(report.problems.join("; "));
                }
                Ok(Some(report))
            }
            (_, End::BrokenOff(Exit::Stalled, _)) => Ok(None),
            (_, End::BrokenOff(_, why)) => Err(why),
        }
    }

    /// What all clients together have to download, and the parts that they play.
    ///
    /// # Errors
    /// When the inputs cannot be listed, or the scenario cannot be played.
    pub(crate) fn expected(&self) -> Result<(Amount, Cast)> {
        let inputs = self.inputs()?;
        Ok((to_download(&inputs), self.cast(inputs.len())?))
    }

    /// The files that it reads.
    ///
    /// # Errors
    /// When the inputs cannot be listed.
    pub(crate) fn reads(&self) -> Result<Vec<PathBuf>> {
        let mut files: Vec<PathBuf> = self.scenario.iter().cloned().collect();
        if let SwarmSource::In(folder) = &self.swarm {
            let clients = Rank::clients(clients_in(folder)?);
            files.extend(clients.map(|client| inputs::path(folder, client)));
        }
        Ok(files)
    }

    /// How many bytes a run of `clients` takes whose inputs take `inputs`, at least; found by measuring.
    fn memory(&self, clients: usize, inputs: u64) -> u64 {
        /// A client's two halves, and its messages on their way.
        const CLIENT: u64 = 4 << 10;
        /// What a client knows of a member.
        const MEMBER: u64 = 2;
        let clients = clients as u64;
        let most = self
            .settings
            .members
            .map_or(u64::MAX, |most| most.get() as u64);
        inputs.saturating_add(clients * (CLIENT + MEMBER * clients.min(most)))
    }

    /// What every client has read, in rank order.
    fn inputs(&self) -> Result<Vec<Input>> {
        match &self.swarm {
            SwarmSource::Of(shape) => {
                memory::check(self.memory(shape.clients(), shape.memory()))?;
                let inputs = shape.swarm(&mut Rng::with_seed(self.settings.seed));
                Ok(inputs.into_iter().map(Ok).collect())
            }
            SwarmSource::In(folder) => {
                let clients = clients_in(folder)?;
                let inputs = memory::of_inputs(folder, Rank::clients(clients));
                memory::check(self.memory(clients, inputs))?;
                let read = |client| manifest::read(&inputs::path(folder, client));
                Ok(Rank::clients(clients).map(read).collect())
            }
        }
    }

    /// A run at its start. Until it has opened its outputs, which may wait for a reader, nobody takes signals.
    fn begin(
        &self,
        inputs: Vec<Input>,
        interrupt: impl FnOnce() -> Result<Interrupt>,
    ) -> Result<(Plan, SimulatedRun)> {
        let plan = Plan {
            settings: self.settings,
            clients: inputs.len(),
            corrupt: self.corrupt.clone(),
            cast: self.cast(inputs.len())?,
        };
        if let Some(why) = plan.objection() {
            bail!(why);
        }
        let (report, trace, new_folders) = self.prepare()?;
        let interrupt = interrupt()?;
        let spool = trace.as_ref().map(output::begin_trace).transpose()?;
        let progress = ProgressView::new(to_download(&inputs), self.quiet);
        let machines = Machines::new(&plan, inputs, self.output_dir.clone(), spool.is_some());
        let links = Links::new(self.latency.clone(), plan.settings.rng(Rank::TRACKER));
        let simulation = Simulation::new(machines, links, self.tracker_time);
        let run = SimulatedRun {
            simulation,
            report,
            trace: trace.zip(spool),
            progress,
            interrupt,
            new_folders,
            moments: self.moments.iter().copied().collect(),
            taken: Vec::new(),
        };
        Ok((plan, run))
    }

    /// Where the report and the trace go, if they are wanted, and the folders that were created.
    fn prepare(&self) -> Result<(Option<Output>, Option<Output>, NewFolders)> {
        let mut claims = Claims::default();
        if let SwarmSource::In(folder) = &self.swarm {
            claims.inputs_in(folder);
        }
        if let Some(scenario) = &self.scenario {
            claims.input("the scenario", scenario);
        }
        if let Some(folder) = &self.output_dir {
            claims.folder("--output-dir", folder)?;
            claims.clients_files("--output-dir", folder)?;
        }
        let report = claims.optional("--report", self.report.as_deref())?;
        let trace = claims.trace(self.trace.as_deref())?;
        Ok((report, trace, claims.new_folders()))
    }

    /// Deals the parts of the scenario.
    fn cast(&self, clients: usize) -> Result<Cast> {
        match &self.scenario {
            None => Ok(Cast::default()),
            Some(path) => scenario::deal(path, &scenario::text(path)?, clients, &self.settings),
        }
    }

    /// Leaves the report and the trace, and tells the user how it went: files before words, for who does not
    /// read the words is to have the files.
    fn finish(&self, plan: &Plan, run: SimulatedRun, end: End) -> Result<Exit> {
        let SimulatedRun {
            simulation,
            report: output,
            trace,
            new_folders,
            taken,
            ..
        } = run;
        let time = simulation.now();
        let is_over = matches!(end, End::Over);
        let (exit, report) = match end {
            End::Over => ended(plan, simulation, taken),
            End::BrokenOff(exit, why) => {
                let at = format!("{why:#} (at {} of virtual time)", seconds(time));
                (exit, Report::of_failure(plan, exit, vec![at]))
            }
        };
        let written = output.map(|output| output::save_report(&output, &report));
        let header = header(plan, is_over);
        let traced = trace.map(|(output, spool)| output::save_spooled(&output, &header, spool));
        if exit != Exit::Refused {
            new_folders.keep();
        }
        let ended = Ended { exit, report, time };
        self.tell(ended, is_over, [written, traced].into_iter().flatten())
    }

    /// Tells the user how a run went, and what could not be `written` of it. Returns the exit status.
    fn tell(
        &self,
        ended: Ended,
        is_over: bool,
        written: impl Iterator<Item = Result<(), NotWritten>>,
    ) -> Result<Exit> {
        let Ended {
            mut exit,
            report,
            time,
        } = ended;
        let prefix = if is_over { "" } else { "bittorrent: " };
        for problem in report.complaints() {
            say::problem(format_args!("{prefix}{problem}"));
        }
        for why in written.filter_map(Result::err) {
            say::problem(format_args!("bittorrent: {why}"));
            if is_over {
                exit = signals::exit_status(Exit::NotWritten);
            }
        }
        if let (Some(measured), false) = (&report.measured, self.quiet) {
            let time = format!("{} of virtual time", seconds(time));
            say::text(report.summary(measured, &time))?;
        }
        Ok(exit)
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

/// The exit status and the report of a run that has come to its end.
fn ended(
    plan: &Plan,
    simulation: Simulation<Option<PathBuf>>,
    moments: Vec<Moment>,
) -> (Exit, Report) {
    let finished = simulation.machines.finish();
    let ending = finished.tracker.ending().expect("it is over");
    let measured = finished.measured.map(|measured| Measured {
        moments,
        ..measured
    });
    Report::of_ending(plan, ending, measured)
}

fn warnings(inputs: &[Input]) -> Vec<String> {
    let clients = Rank::clients(inputs.len()).zip(inputs);
    let read = clients.filter_map(|(client, input)| Some((client, input.as_ref().ok()?)));
    read.flat_map(|(client, input)| input.warnings(client))
        .collect()
}

/// What all clients together have to download.
fn to_download(inputs: &[Input]) -> Amount {
    let inputs = || inputs.iter().flatten();
    let owned = inputs().flat_map(|input| &input.owned);
    let sizes: BTreeMap<&FileName, usize> =
        owned.map(|file| (&file.name, file.hashes.len())).collect();
    let wanted = inputs().flat_map(Manifest::to_download);
    let amount = |name| {
        let segments = *sizes.get(name)?;
        Some(Amount { files: 1, segments })
    };
    wanted.filter_map(amount).sum()
}

/// What the trace says in front of the events: all ranks have one clock, which is right.
fn header(plan: &Plan, is_complete: bool) -> Header {
    let clock = |rank: Rank| ClockReport {
        rank: rank.0,
        host: HOST.into(),
        offset: 0.0,
        uncertainty: 0.0,
    };
    let ranks = [Rank::TRACKER]
        .into_iter()
        .chain(Rank::clients(plan.clients));
    Header::new(plan.clone(), is_complete, ranks.map(clock).collect())
}

/// What is said of a run that has ended.
struct Ended {
    exit: Exit,
    report: Report,
    /// How long it took, in virtual time.
    time: Duration,
}
