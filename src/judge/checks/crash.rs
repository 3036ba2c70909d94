//! Whether no rank crashes; and what is known of the end of one that does.

use crate::checks::evidence::*;
use crate::seen::run::{RankEnd, Run};
use swarm::launch::Mpi;

/// SIGPIPE. Ranks die of it when mpirun, or what it starts them with, is gone.
const BROKEN_PIPE: i32 = 13;

/// The most printed lines that are shown: the last ones.
const LAST_LINES: usize = 5;

/// The most threads of a rank that are shown.
const MOST_THREADS: usize = 4;

pub(super) fn judge(scene: &Scene<'_>) -> Result<Shown, Unseen> {
    let run = scene.run;
    let has_hung = run.ending.hung.is_some();
    let is_bad = |end: RankEnd| end != RankEnd::Status(0) && !(has_hung && end.is_killed());
    let mut ends: Vec<(&Rank, &RankEnd)> = run.ending.ranks.iter().collect();
    // A rank of which a sanitizer reports is the one to be looked at: others notice its end, and give up.
    ends.sort_by_key(|(rank, _)| !run.findings.contains_key(rank));
    // Ranks without their mpirun die of many things, but not of these.
    let is_mpirun_killed = !has_hung && run.ending.status.is_none();
    let is_own = |rank: &Rank, end: RankEnd| {
        matches!(end, RankEnd::Signal(4 | 7 | 8 | 11)) || run.findings.contains_key(rank)
    };
    let ended = || {
        let ends = ends.iter().copied();
        ends.filter(|(rank, end)| is_bad(**end) && (is_own(rank, **end) || !is_mpirun_killed))
    };
    // A rank that died of a signal did so first: others notice and give up. But MPI_Abort may end in a signal, too.
    let has_aborted = |rank| (run.recording.of(rank)).is_some_and(|record| record.is_aborted);
    let signalled = ended().find_map(|(&rank, end)| match end {
        RankEnd::Signal(BROKEN_PIPE) => None,
        RankEnd::Signal(signal) if !has_aborted(rank) => Some((rank, died_of(rank, *signal, run))),
        RankEnd::Signal(_) | RankEnd::Status(_) => None,
    });
    let aborted = || {
        let (rank, record) = run
            .recording
            .by_rank()
            .find(|(_, record)| record.is_aborted)?;
        Some((rank, aborted_by(rank, record, run)))
    };
    let gave_up = || {
        ended().find_map(|(&rank, end)| match end {
            RankEnd::Status(status) => Some((rank, ended_with(rank, *status))),
            RankEnd::Signal(_) => None,
        })
    };
    let aborted = || aborted().filter(|_| !is_mpirun_killed);
    if let Some((rank, mut evidence)) = signalled.or_else(aborted).or_else(gave_up) {
        evidence.details = last_calls(rank, run);
        if let Some(finding) = run.findings.get(&rank) {
            evidence.said = format!("{}: {finding}", evidence.said);
            evidence.hint = "read that line, and see which memory it reads or writes; run the program by hand for the \
                             sanitizer's whole report"
                .into();
            let found = finding.details.iter().map(|it| format!("reported: {it}"));
            evidence.details.splice(0..0, found);
        }
        let others = ended().filter(|(other, _)| **other != rank);
        evidence.details.extend(others.take(5).map(|(other, end)| {
            let how = match end {
                RankEnd::Status(status) => format!("ended with status {status}"),
                RankEnd::Signal(signal) => format!("died of {}", signal_name(*signal)),
            };
            format!("{} {how}, too", who(*other))
        }));
        evidence.details.extend(last_words(run));
        return wrong(evidence);
    }
    let broken_pipe = ended().find(|(_, end)| **end == RankEnd::Signal(BROKEN_PIPE));
    let lost = match broken_pipe {
        _ if is_mpirun_killed => Some(
            "mpirun was killed by a signal, which the program, the system or somebody else sent"
                .into(),
        ),
        Some((rank, _)) => Some(format!(
            "{} died of {}: whoever read what it wrote was gone, and that may have been mpirun",
            who(*rank),
            signal_name(BROKEN_PIPE)
        )),
        None => None,
    };
    if let Some(said) = lost {
        let hint = "see what the program sends signals to, if it sends any";
        let evidence = Evidence::new(said, hint).with_details(last_words(run));
        return Ok(Shown::Lacking(evidence));
    }
    if has_hung {
        return unseen("the run hung, and was ended before its ranks had");
    }
    if run.has_ended_well() {
        return Ok(Shown::Right);
    }
    let status = run.ending.status.unwrap_or_default();
    let how = format!("mpirun ended with status {status}");
    let is_recorded = scene.condition.is_recorded();
    if is_recorded && run.ending.ranks.is_empty() && !run.recording.has_started() {
        let words = last_words(run).pop();
        let words = words.map_or(String::new(), |words| format!(" ({words})"));
        return unseen(format!("{how} before any rank had come to MPI{words}"));
    }
    // Open MPI misses the end of a rank now and then, on a machine that is very busy.
    let have_all_finished = || {
        let mut ranks = run.recording.ranks.iter();
        is_recorded && ranks.all(|record| record.finalize.is_some())
    };
    if run.only_mpirun_complains() && have_all_finished() {
        return unseen(format!(
            "{how}, though every rank called MPI_Finalize, and none is known to have failed"
        ));
    }
    let hint = "read what mpirun printed; return 0 from main";
    let evidence = Evidence::new(how, hint).with_details(last_words(run));
    wrong(evidence)
}

fn ended_with(rank: Rank, status: i32) -> Evidence {
    let hint = match status {
        126 | 127 => "see that the program can be started by hand",
        128.. => "a status of 128 or more stands for a signal: start this rank in a debugger",
        _ => "return 0 from main, and look for exit() where the program gives up",
    };
    Evidence::new(format!("{} ended with status {status}", who(rank)), hint)
}

fn died_of(rank: Rank, signal: i32, run: &Run) -> Evidence {
    let cause = CAUSES.iter().find(|(words, _)| run.printed.contains(words));
    let hint = match (signal, cause) {
        (6, Some((_, hint))) => hint,
        (6, None) => "look for an assertion that fails; build with -g -fsanitize=address",
        (4, _) => "look for a function that returns no value where it says that it does",
        (7 | 11, _) => {
            "look for an array that is too small, a string without its last 0, or a pointer that points nowhere; \
             build with -g -fsanitize=address"
        }
        (8, _) => "look for a division or a remainder by 0, as in rand() % count",
        (25, _) => "a file may have 2 GiB: see whether the program writes without end",
        (9, _) => "the system kills a program that takes all the memory",
        _ => "start this rank in a debugger",
    };
    let cause = match (signal, cause) {
        (6, Some((words, _))) => format!("; '{words}' was printed"),
        _ => String::new(),
    };
    Evidence::new(
        format!("{} died of {}{cause}", who(rank), signal_name(signal)),
        hint,
    )
}

/// What is printed before a call of `abort`, and what to look at then.
const CAUSES: [(&str, &str); 7] = [
    (
        "stack smashing detected",
        "an array on the stack is too small for what is written to it; build with -g -fsanitize=address",
    ),
    (
        "double free",
        "memory is freed twice: see who owns it, and whether both threads free it",
    ),
    (
        "free(): invalid",
        "free() gets a pointer that malloc() did not give, or memory before it is overwritten",
    ),
    (
        "corrupted",
        "memory is written past its end: see that each string has room for its last 0",
    ),
    (
        "terminate called",
        "catch what is thrown, and join or detach every std::thread before it goes out of scope",
    ),
    (
        "Assertion",
        "the assertion says what the program takes for granted and does not hold",
    ),
    ("panicked at", "the panic's message says where it was"),
];

/// A signal, as people call it.
fn signal_name(signal: i32) -> String {
    match signal {
        4 => "an illegal instruction (SIGILL)".into(),
        6 => "abort (SIGABRT)".into(),
        7 => "a bus error (SIGBUS)".into(),
        8 => "an arithmetic error (SIGFPE)".into(),
        9 => "SIGKILL".into(),
        11 => "a segmentation fault (SIGSEGV)".into(),
        BROKEN_PIPE => "a broken pipe (SIGPIPE)".into(),
        15 => "SIGTERM".into(),
        25 => "SIGXFSZ, for a file grew too large".into(),
        other => format!("signal {other}"),
    }
}

/// Says whether the program called `MPI_Abort`, or MPI did because of an error.
fn aborted_by(rank: Rank, record: &RankRecord, run: &Run) -> Evidence {
    let who = who(rank);
    if record.calls.iter().any(|call| call.kind == Kind::Abort) {
        let hint = "MPI_Abort ends all ranks at once, whatever they are doing: see why the program gives up";
        return Evidence::new(format!("{who} called MPI_Abort"), hint);
    }
    let failed = record.calls.iter().find(|call| call.error.is_some());
    let function = match failed {
        Some(call) => Some(call.function().to_owned()),
        None => printed_function(&run.printed),
    };
    let said = match function {
        Some(function) => format!("MPI ended the run because {function} failed in {who}"),
        None => format!("MPI ended the run because of an error in {who}"),
    };
    let hint = "see the arguments of that call: the rank, the tag, the count, and the buffer";
    Evidence::new(said, hint)
}

/// The function that MPI names in its message.
fn printed_function(printed: &str) -> Option<String> {
    let words = Mpi::ALL.iter().flat_map(|mpi| mpi.failed_in);
    let mut parts = words.filter_map(|words| printed.split_once(words));
    let (_, rest) = parts.next()?;
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let name = rest.split(|letter| !is_of_name(letter)).next()?;
    let name = name.trim_start_matches("PMPI_").trim_start_matches("MPI_");
    (!name.is_empty()).then(|| format!("MPI_{name}"))
}

/// The last call of each thread of a rank.
fn last_calls(rank: Rank, run: &Run) -> Vec<String> {
    let Some(record) = run.recording.of(rank) else {
        return Vec::new();
    };
    if record.levels.is_none() && record.calls.is_empty() {
        let has_record = run.recording.has_started();
        let line = format!("{} had not come to MPI", who(rank));
        return has_record.then_some(line).into_iter().collect();
    }
    let mut last: Vec<(Thread, String)> = Vec::new();
    for call in record.calls.iter().rev() {
        if last.len() < MOST_THREADS && !last.iter().any(|(thread, _)| *thread == call.thread) {
            let Call {
                kind,
                peer,
                tag,
                started,
                ..
            } = call;
            let at = match call.returned {
                None => format!("was in {} since {}", call.function(), seconds(*started)),
                Some(time) => format!("had come out of {} at {}", call.function(), seconds(time)),
            };
            let with = if *kind == Kind::Join || *peer == Peer::None {
                String::new()
            } else {
                format!(" ({peer}, {tag})")
            };
            last.push((call.thread, at + &with));
        }
    }
    last.sort();
    let line = |(thread, at)| format!("{} of {} {at}", which_thread(thread), who(rank));
    last.into_iter().map(line).collect()
}

/// What was printed last, without the frames that mpirun puts around it.
fn last_words(run: &Run) -> Vec<String> {
    let is_text = |line: &&str| line.chars().any(char::is_alphanumeric);
    let lines: Vec<&str> = run.printed.lines().filter(is_text).collect();
    let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
    let line = |line: &&str| format!("printed: {}", shown(line.trim().as_bytes()));
    last.iter().map(line).collect()
}

#[cfg(test)]
mod tests;
