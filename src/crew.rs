//! A study that is carried out by all ranks that an mpirun has started: the lab's crew, over the swarm's runtime.

use std::sync::Arc;

use anyhow::Result;
use bittorrent::cli;
use lab::study::{Batch, Crew, RunEnd, Stop, Studies};
use swarm::exit::Exit;
use swarm::runtime::{self, Halt, Lead, Work};

/// All ranks, which this one leads.
struct Ranks<'a>(&'a mut Lead<RunEnd>);

impl Crew for Ranks<'_> {
    fn carry_out(
        &mut self,
        batch: &Batch<'_>,
        take: impl FnMut(usize, RunEnd) -> Result<(), Stop> + Send,
    ) -> Result<(), Stop> {
        let dealt = self.0.deal(batch.first, batch.sizes, batch.at_once, take);
        dealt.map_err(|halt| match halt {
            Halt::Refused(stop) => stop,
            Halt::Interrupted => Stop::Signal,
            Halt::Lost(why) => Stop::Lost(why),
        })
    }
}

/// Carries out studies together with the other ranks. Says what is to be the exit status of this one.
///
/// # Errors
/// On rank 0: as [`Studies::run`]; or when another rank has other files, or another program.
pub(crate) fn carry_out(studies: &Studies) -> Result<Exit> {
    let prepare = || {
        let runs = Arc::new(studies.read(cli::simulation)?);
        let mine = Arc::clone(&runs);
        let work = Work {
            marks: runs.marks()?,
            one: Box::new(move |number| mine.carry_out(number)),
        };
        Ok((work, runs))
    };
    runtime::crew(studies.stall_timeout, prepare, |lead, runs| {
        studies.run(&runs, &mut Ranks(lead))
    })
}
