//! How a run ended, and what it left: the outputs, the exit statuses, the processes.

mod crash;
mod outputs;

use crate::checks::check::{Check, Evidence, Seen};
use crate::seen::calls::Recording;
use crate::seen::run::{RankEnd, Run};
use crate::seen::words::shown;
pub use outputs::Expected;

/// What MPI's own helpers are called. mpirun ends them, not the program.
const OF_MPI: [&str; 7] = [
    "mpirun",
    "mpiexec",
    "orterun",
    "orted",
    "prte",
    "prted",
    "hydra_pmi_proxy",
];

/// Signals by which a process is killed from outside.
const FROM_OUTSIDE: [i32; 2] = [9, 15];

/// Judges [`Check::Outputs`], [`Check::Crash`] and [`Check::Processes`]. A run in which a wrong hash was
/// sent on purpose is another matter.
pub fn judge(expected: &Expected, run: &Run) -> Vec<(Check, Seen)> {
    vec![
        (Check::Outputs, outputs::judge(expected, run)),
        (Check::Crash, crash::judge(run)),
        (Check::Processes, processes(run)),
    ]
}

/// Whether a run ended by itself, and no rank complained.
pub(crate) fn has_ended_well(run: &Run) -> bool {
    let is_fine = |end: &RankEnd| *end == RankEnd::Status(0);
    run.ending.hung.is_none()
        && run.ending.status == Some(0)
        && run.ending.ranks.values().all(is_fine)
        && !is_aborted(&run.recording)
}

/// Whether a rank's end looks like that of one that was killed from outside.
pub(crate) fn is_killed(end: RankEnd) -> bool {
    match end {
        RankEnd::Signal(signal) => FROM_OUTSIDE.contains(&signal),
        RankEnd::Status(status) => FROM_OUTSIDE.contains(&(status - 128)),
    }
}

/// Why not all that should be there may be: `the run hung`.
pub(crate) fn what_happened(run: &Run) -> &'static str {
    if run.ending.hung.is_some() {
        "the run hung"
    } else {
        "the run crashed"
    }
}

fn is_aborted(recording: &Recording) -> bool {
    recording.ranks.iter().any(|record| record.is_aborted)
}

fn processes(run: &Run) -> Seen {
    if !has_ended_well(run) {
        let what = what_happened(run);
        return Seen::CannotBeTold(format!("{what}, so its processes had no time to end"));
    }
    let is_of_mpi = |command: &str| {
        let program = command.split_whitespace().next().unwrap_or_default();
        OF_MPI.contains(&program.rsplit('/').next().unwrap_or_default())
    };
    let left: Vec<&String> = run.left.iter().filter(|left| !is_of_mpi(left)).collect();
    let Some(first) = left.first() else {
        return Seen::Right;
    };
    let said = match left.len() {
        1 => "a process was still there after mpirun had ended".into(),
        several => format!("{several} processes were still there after mpirun had ended"),
    };
    let hint = "end what the program starts before MPI_Finalize: a child of fork() with waitpid()";
    let commands = left.iter().map(|command| shown(command.as_bytes()));
    Seen::Wrong(
        Evidence::new(format!("{said}: {}", shown(first.as_bytes())), hint)
            .with_details(commands.skip(1).take(10).collect()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seen::made_up::MadeUp;

    #[test]
    fn what_is_left_behind_is_named() {
        let mut made_up = MadeUp::new(3);
        assert_eq!(processes(&made_up.run), Seen::Right);
        made_up.run.left = vec!["/usr/bin/orted --hnp".into(), "./tema in".into()];
        let Seen::Wrong(evidence) = processes(&made_up.run) else {
            panic!("a process of the program is left");
        };
        assert_eq!(
            evidence.said,
            "a process was still there after mpirun had ended: ./tema in"
        );
        made_up.run.left.push("./tema".into());
        let Seen::Wrong(evidence) = processes(&made_up.run) else {
            panic!("two processes of the program are left");
        };
        assert_eq!(
            evidence.said,
            "2 processes were still there after mpirun had ended: ./tema in"
        );
        assert_eq!(evidence.details, ["./tema"]);
    }

    #[test]
    fn mpis_own_helpers_are_not_the_programs() {
        let mut made_up = MadeUp::new(3);
        made_up.run.left = vec!["/usr/bin/orted --hnp".into()];
        assert_eq!(processes(&made_up.run), Seen::Right);
    }

    #[test]
    fn processes_that_were_killed_are_nobodys_fault() {
        let mut made_up = MadeUp::new(3);
        made_up.run.left = vec!["./tema in".into()];
        made_up.hang();
        assert!(matches!(processes(&made_up.run), Seen::CannotBeTold(why) if why.contains("hung")));
    }

    #[test]
    fn each_check_of_the_outcome_is_judged_once() {
        let checks = judge(&Expected::new(&[]), &MadeUp::new(3).run);
        let checks: Vec<Check> = checks.into_iter().map(|(check, _)| check).collect();
        assert_eq!(checks, [Check::Outputs, Check::Crash, Check::Processes]);
    }
}
