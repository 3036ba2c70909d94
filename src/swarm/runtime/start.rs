//! The job of a run, and what it leaves. If it ends before its end, rank 0 still writes the report.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};

use super::job::Job;
use crate::exit::Exit;
use crate::launch;
use crate::options::Options;
use crate::output::{self, Claims, NewFolders, Output};
use crate::protocol::Rank;
use crate::report::{Plan, Report};
use crate::say;

/// What a run leaves besides the clients' files. Only rank 0 has it.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub(super) report: Option<Arc<Output>>,
    pub(super) trace: Option<Output>,
    /// A folder for the parts of a trace that has none of its own, for it is no regular file.
    pub(super) scratch: Option<PathBuf>,
    /// The folders that were created, which go if the run is refused.
    pub(super) new_folders: NewFolders,
}

impl Left {
    /// Looks at the places of all that is to be left.
    ///
    /// # Errors
    /// When something cannot be written there, or is also something else.
    pub(super) fn prepare(options: &Options) -> Result<Left> {
        // Clients may see another folder, and say so if theirs cannot be written to.
        let new_folders = output::ready(&options.output_dir).unwrap_or_default();
        let mut claims = Claims::default();
        claims.inputs_in(&options.input_dir);
        if let Some(scenario) = &options.scenario {
            claims.input("the scenario", scenario);
        }
        claims.clients_files("--output-dir", &options.output_dir)?;
        let report = claims.optional("--report", options.report.as_deref())?;
        let trace = claims.trace(options.trace.as_deref())?;
        Ok(Left {
            report: report.map(Arc::new),
            trace,
            scratch: None,
            new_folders,
        })
    }

    /// Where the parts of the trace go, if there is one.
    pub(super) fn parts(&self) -> Option<PathBuf> {
        let beside = || self.trace.as_ref()?.parts();
        self.scratch.clone().or_else(beside)
    }

    /// Makes a folder for parts that cannot lie beside the trace.
    ///
    /// # Errors
    /// When there can be none.
    pub(super) fn with_scratch(self) -> Result<Left> {
        let scratch = match &self.trace {
            Some(trace) if trace.folder().is_none() => {
                let folder = tempfile::Builder::new().prefix("bittorrent").tempdir();
                let folder = folder.context("--trace: cannot make a temporary folder")?;
                Some(folder.keep())
            }
            Some(_) | None => None,
        };
        Ok(Left { scratch, ..self })
    }
}

/// The job as far as it is known before MPI is there to ask.
pub(super) fn early_job(options: &Options) -> Job {
    let me = Rank(launch::rank().unwrap_or(Rank::TRACKER.0));
    let clients = launch::ranks().map_or(0, |ranks| ranks.saturating_sub(1));
    let clients = usize::try_from(clients).expect("a number of ranks fits");
    let plan = options.plan(clients);
    let options = options.clone();
    Job::new(me, move |exit, why| {
        if me == Rank::TRACKER && options.report.is_some() {
            match Left::prepare(&options) {
                Ok(left) => leave(left.report.as_deref(), &plan, exit, why),
                Err(why) => say::problem(format_args!("bittorrent: {why:#}")),
            }
        }
    })
}

/// A job that leaves a report on rank 0, if it is ended before its end.
pub(super) fn job(me: Rank, plan: Plan, left: &Left) -> Job {
    let (report, scratch) = (left.report.clone(), left.scratch.clone());
    Job::new(me, move |exit, why| {
        if let Some(scratch) = &scratch {
            _ = fs::remove_dir_all(scratch);
        }
        leave(report.as_deref(), &plan, exit, why);
    })
}

fn leave(report: Option<&Output>, plan: &Plan, exit: Exit, why: &str) {
    if let Some(output) = report {
        let report = Report::of_failure(plan, exit, vec![why.into()]);
        if let Err(why) = output::save_report(output, &report) {
            say::problem(format_args!("bittorrent: {why}"));
        }
    }
}
