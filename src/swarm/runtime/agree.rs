//! What the ranks agree on before a run: one plan, or one refusal.
//!
//! Rank 0 decides, and all others go by what it says: they may see other folders, on another host.
//! So only rank 0 reads the scenario. It spreads the text, and every rank deals the same parts.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use mpi::environment::Threading;
use mpi::topology::{Communicator, SimpleCommunicator};
use serde::{Deserialize, Serialize};

use super::gather;
use super::host;
use super::start::Left;
use crate::launch;
use crate::options::Options;
use crate::report::Plan;
use crate::say;
use crate::scenario::{self, Cast};
use crate::shown::Shown;

/// What all ranks know when a run begins.
pub(super) struct Agreement {
    pub(super) plan: Plan,
    /// The name of this rank's host, if that is not rank 0's.
    pub(super) elsewhere: Option<String>,
    /// Whether rank 0 shows the progress.
    pub(super) is_shown: bool,
    /// Where this rank's parts of the trace go, if the run is traced.
    pub(super) parts: Option<Result<PathBuf, String>>,
    pub(super) left: Left,
}

/// What rank 0 tells all ranks if the run can begin.
#[derive(Serialize, Deserialize)]
struct Word {
    seed: u64,
    host: String,
    is_shown: bool,
    /// The folder of the parts of the trace.
    parts: Option<Vec<u8>>,
    /// The text of the scenario; empty, if there is none.
    scenario: String,
}

/// Comes to an agreement, or to a refusal (`None`), which rank 0 explains to the user. Every rank of
/// `world` must call this.
///
/// # Errors
/// When the ranks do not understand each other, or when this rank's options forbid what rank 0's
/// allow.
pub(super) fn agree(
    world: &SimpleCommunicator,
    threading: Threading,
    options: &Options,
) -> Result<Option<Agreement>> {
    let ranks = usize::try_from(world.size()).expect("a size is not negative");
    let mut plan = options.plan(ranks - 1);
    let host = host::this();
    let mut dealt = None;
    let mut left = Left::default();
    let word = gather::share(world, || match decide(threading, options, &plan) {
        Ok((scenario, cast, prepared)) => {
            dealt = Some(cast);
            left = prepared;
            let parts = left.parts();
            Some(Word {
                seed: plan.settings.seed,
                host: host.clone(),
                is_shown: options.progress.is_some(),
                parts: parts.map(|folder| folder.into_os_string().into_vec()),
                scenario,
            })
        }
        Err(why) => {
            // Where no rank knows of another, each is rank 0.
            if launch::is_first() {
                say::problem(format_args!("bittorrent: {why:#}"));
            }
            None
        }
    })?;
    let Some(word) = word else { return Ok(None) };
    plan.settings.seed = word.seed;
    plan.cast = match dealt {
        Some(cast) => cast,
        None => deal(&word.scenario, options, &plan)?,
    };
    let parts = word.parts.map(|folder| match &options.trace {
        Some(_) => Ok(OsString::from_vec(folder).into()),
        None => Err("rank 0 has --trace, and this rank has not".to_owned()),
    });
    Ok(Some(Agreement {
        plan,
        elsewhere: (host != word.host).then_some(host),
        is_shown: word.is_shown,
        parts,
        left,
    }))
}

/// Rank 0's decision: the scenario's text, the parts that it deals, and the places of what the run leaves.
///
/// # Errors
/// Says why the run cannot begin, in words for the user.
fn decide(threading: Threading, options: &Options, plan: &Plan) -> Result<(String, Cast, Left)> {
    ensure!(
        threading >= Threading::Multiple,
        "two threads of a client use MPI at once, which takes MPI_THREAD_MULTIPLE; \
         this MPI library provides only {threading:?}"
    );
    if plan.clients == 0 {
        bail!(launch::lone_rank(&options.input_dir));
    }
    if let Some(why) = plan.objection() {
        bail!(why);
    }
    let scenario = options.scenario.as_deref().map(scenario::text);
    let scenario = scenario.transpose()?.unwrap_or_default();
    let cast = deal(&scenario, options, plan)?;
    let left = Left::prepare(options)?.with_scratch()?;
    Ok((scenario, cast, left))
}

/// Deals the parts of a scenario's text.
fn deal(text: &str, options: &Options, plan: &Plan) -> Result<Cast> {
    let path = options.scenario.as_deref();
    let path = path.unwrap_or(Path::new("the scenario"));
    let cast = scenario::deal(path, text, plan.clients, &plan.settings)?;
    ensure!(
        options.allow(cast.longest_upload_time()),
        "--stall-timeout has to be at least twice every upload_time of {}",
        path.shown()
    );
    Ok(cast)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Rank;
    use crate::settings::Settings;

    /// Each problem is mended in turn, and the next one is told.
    #[test]
    fn of_several_problems_one_is_told() {
        let here = tempfile::tempdir().unwrap();
        let mut options = Options {
            input_dir: "nowhere".into(),
            output_dir: here.path().join("new"),
            settings: Settings::default(),
            corrupt: vec![Rank(3)],
            scenario: Some("nowhere/s.toml".into()),
            stall_timeout: None,
            report: Some("nowhere/r.json".into()),
            trace: Some("nowhere/t.jsonl".into()),
            progress: None,
            quiet: false,
        };
        let said = |threading, clients, options: &Options| {
            let decided = decide(threading, options, &options.plan(clients));
            format!("{:#}", decided.unwrap_err())
        };
        let serialized = said(Threading::Serialized, 0, &options);
        assert!(serialized.ends_with("this MPI library provides only Serialized"));
        assert!(said(Threading::Multiple, 0, &options).contains("at least 2 ranks"));
        let with_2 = |options: &Options| said(Threading::Multiple, 2, options);
        assert_eq!(with_2(&options), "--corrupt 3: the last client has rank 2");
        options.corrupt.clear();
        assert!(with_2(&options).starts_with("cannot read nowhere/s.toml: "));
        options.scenario = None;
        assert_eq!(with_2(&options), "--report: there is no folder nowhere");
        options.report = None;
        assert_eq!(with_2(&options), "--trace: there is no folder nowhere");
        options.trace = None;
        assert!(decide(Threading::Multiple, &options, &options.plan(2)).is_ok());
    }
}
