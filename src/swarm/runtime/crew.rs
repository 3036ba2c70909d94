//! A crew: the ranks of a job that carry out pieces of work together, such as the runs of a study. Every
//! rank has the same pieces, by number. Rank 0 leads: it deals numbers, works itself, and alone gets what comes of
//! them. The others only work.
//!
//! First the ranks meet: each says on which host it is, and with what it works. If that is not the same for all,
//! nothing begins.
//!
//! No rank waits inside MPI, and nothing rests on its buffers: messages are posted (`line`), and every one of them
//! has been taken before a rank leaves. One thread of a rank talks, and another works (`desk`): so a rank is heard of
//! while it works, and one that is not ends the job.

use std::time::Duration;

use anyhow::{Result, bail};
use mpi::environment::Threading;
use mpi::topology::Communicator;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::assembly::Assembly;
use super::desk::Work;
use super::job::Job;
use super::lead::Lead;
use super::worker;
use crate::exit::Exit;
use crate::launch;
use crate::protocol::Rank;

/// Takes part in a crew: rank 0 does what `lead` says, with what it has prepared; all others work until it is done.
/// Rank 0 returns what `lead` returns. The job is ended if a rank is not heard of for `patience`, or if MPI takes as long to start or to
/// end (`None`: it may take any time).
///
/// # Errors
/// On rank 0: those of `lead`, which is not called if `prepare` fails on any rank or if the ranks do not bring the
/// same.
pub fn crew<T: Serialize + DeserializeOwned + Send + 'static, P>(
    patience: Option<Duration>,
    prepare: impl FnOnce() -> Result<(Work<T>, P)>,
    lead: impl FnOnce(&mut Lead<T>, P) -> Result<Exit>,
) -> Result<Exit> {
    let me = Rank(launch::rank().unwrap_or(0));
    let job = Job::new(me, |_, _| {});
    let start = Assembly::to("start", patience, &job);
    // A panic of any thread ends the job.
    let Some((universe, _)) = mpi::initialize_with_threading(Threading::Multiple) else {
        unreachable!("a command that is carried out by a crew does nothing else with MPI")
    };
    drop(start);
    let world = universe.world();
    if world.size() == 1 {
        // Where no rank knows of another, each is rank 0.
        return match (launch::is_first(), launch::lost_ranks()) {
            (true, Some(why)) => bail!(why),
            _ => Ok(Exit::Complete),
        };
    }
    let ended = if world.rank() == 0 {
        Lead::run(world, patience, &job, prepare, lead)
    } else {
        worker::work(world, patience, prepare);
        Ok(Exit::Complete)
    };
    let _end = Assembly::to("end", patience, &job);
    drop(universe);
    ended
}
