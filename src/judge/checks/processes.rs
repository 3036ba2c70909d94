//! Whether the program leaves no process behind.

use crate::checks::evidence::*;
use swarm::launch::Mpi;

pub(super) fn judge(scene: &Scene<'_>) -> Result<Shown, Unseen> {
    scene.saw_good_end(", so its processes had no time to end")?;
    let is_of_mpi = |command: &str| {
        let program = command.split_whitespace().next().unwrap_or_default();
        let name = program.rsplit('/').next().unwrap_or_default();
        // mpirun ends its library's helpers, not the program.
        ["mpirun", "mpiexec"].contains(&name)
            || Mpi::ALL.iter().any(|mpi| mpi.helpers.contains(&name))
    };
    let Some(left) = &scene.run.left else {
        return unseen("with --isolate, what is left behind ends with the run");
    };
    let left = left.iter().filter(|left| !is_of_mpi(left));
    let left: Vec<String> = left.map(|command| shown(command.as_bytes())).collect();
    let Some((first, others)) = left.split_first() else {
        return Ok(Shown::Right);
    };
    let said = match left.len() {
        1 => format!("a process was still there after all ranks had ended: {first}"),
        several => {
            format!("{several} processes were still there after all ranks had ended: {first}")
        }
    };
    let hint = "end what the program starts before MPI_Finalize: a child of fork() with waitpid()";
    let details = others.iter().take(10).cloned().collect();
    wrong(Evidence::new(said, hint).with_details(details))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Check;
    use crate::seen::made_up::MadeUp;

    #[test]
    fn what_is_left_behind_is_named() {
        let mut made_up = MadeUp::new(3);
        assert_eq!(made_up.shown(Check::Processes), Ok(Shown::Right));
        made_up.run.left = Some(vec!["/usr/bin/orted --hnp".into(), "./tema in".into()]);
        let evidence = made_up.wrong(Check::Processes);
        assert_eq!(
            evidence.said,
            "a process was still there after all ranks had ended: ./tema in"
        );
        let left = made_up.run.left.iter_mut();
        left.for_each(|left| left.push("./tema".into()));
        let evidence = made_up.wrong(Check::Processes);
        assert_eq!(
            evidence.said,
            "2 processes were still there after all ranks had ended: ./tema in"
        );
        assert_eq!(evidence.details, ["./tema"]);
    }

    #[test]
    fn what_ended_with_its_name_space_cannot_be_told() {
        let mut made_up = MadeUp::new(3);
        made_up.run.left = None;
        assert!(
            matches!(made_up.shown(Check::Processes), Err(Unseen(why)) if why.contains("--isolate"))
        );
    }

    #[test]
    fn mpis_own_helpers_are_not_the_programs() {
        let mut made_up = MadeUp::new(3);
        made_up.run.left = Some(vec!["/usr/bin/orted --hnp".into()]);
        assert_eq!(made_up.shown(Check::Processes), Ok(Shown::Right));
    }

    #[test]
    fn processes_that_were_killed_are_nobodys_fault() {
        let mut made_up = MadeUp::new(3);
        made_up.run.left = Some(vec!["./tema in".into()]);
        made_up.hang();
        assert!(
            matches!(made_up.shown(Check::Processes), Err(Unseen(why)) if why.contains("hung"))
        );
    }
}
