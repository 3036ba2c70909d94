//! Where the inputs are: `in<R>.txt` in one folder, where `R` is the client's rank.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};

use crate::protocol::Rank;

/// The path of a client's input.
pub fn path(folder: &Path, client: Rank) -> PathBuf {
    folder.join(format!("in{client}.txt"))
}

/// The clients that have an input in a folder.
///
/// # Errors
/// When the folder cannot be listed.
pub fn clients(folder: &Path) -> io::Result<BTreeSet<Rank>> {
    let mut clients = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        clients.extend(entry?.file_name().to_str().and_then(client));
    }
    Ok(clients)
}

/// The client whose input has this name.
fn client(name: &str) -> Option<Rank> {
    number(name, "in", ".txt").map(Rank)
}

/// The number of clients, from those that have inputs.
///
/// # Errors
/// When a client before the last has no input. The error names these clients.
pub fn count(inputs: &BTreeSet<Rank>) -> Result<usize> {
    /// The most missing inputs that the error names.
    const MOST: usize = 5;
    let Some(last) = inputs.last() else {
        bail!("there is no in1.txt");
    };
    ensure!(
        !inputs.contains(&Rank::TRACKER),
        "there is in0.txt, but clients are numbered from 1"
    );
    let missing = (1..last.0).filter(|&client| !inputs.contains(&Rank(client)));
    let mut missing: Vec<String> = (missing.take(MOST + 1))
        .map(|client| format!("in{client}.txt"))
        .collect();
    if missing.len() > MOST {
        missing[MOST] = "more".into();
    }
    ensure!(
        missing.is_empty(),
        "there is in{last}.txt, but not {}",
        missing.join(", ")
    );
    Ok(inputs.len())
}

/// The number between `before` and `behind` in a name such as `in3.txt`. `None` if the program
/// would not write the number in this way: it writes neither `03` nor `+3`.
pub fn number(name: &str, before: &str, behind: &str) -> Option<u32> {
    let digits = name.strip_prefix(before)?.strip_suffix(behind)?;
    let number: u32 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

/// A warning if there are inputs for ranks above `last`, which were not started.
pub fn without_rank(folder: &Path, last: Rank) -> Option<String> {
    let clients = clients(folder).ok()?;
    let first_unused = clients.iter().find(|&&client| client > last)?;
    let ranks = clients.last()?.0 + 1;
    Some(format!(
        "warning: there is in{first_unused}.txt, but the last client has rank {last} \
         (start with -np {ranks})"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), "").unwrap();
        }
        folder
    }

    #[test]
    fn only_names_that_a_client_would_read_are_inputs() {
        let names = [
            "in1.txt",
            "in20.txt",
            "in03.txt",
            "in+4.txt",
            "inx.txt",
            "in5.txt.bak",
            "out6.txt",
        ];
        let folder = folder(&names);
        let clients: Vec<Rank> = clients(folder.path()).unwrap().into_iter().collect();
        assert_eq!(clients, [Rank(1), Rank(20)]);
        assert!(super::clients(&folder.path().join("nowhere")).is_err());
    }

    #[test]
    fn every_client_has_an_input_or_the_missing_ones_are_named() {
        let counted = |clients: &[u32]| {
            let clients = clients.iter().copied().map(Rank).collect();
            count(&clients).map_err(|error| error.to_string())
        };
        assert_eq!(counted(&[1]), Ok(1));
        assert_eq!(counted(&[1, 2, 3]), Ok(3));
        for (clients, problem) in [
            (&[][..], "there is no in1.txt"),
            (&[1, 3], "there is in3.txt, but not in2.txt"),
            (
                &[2, 5],
                "there is in5.txt, but not in1.txt, in3.txt, in4.txt",
            ),
            (
                &[4_000_000_000],
                "there is in4000000000.txt, but not in1.txt, in2.txt, in3.txt, in4.txt, in5.txt, more",
            ),
            (&[0, 1], "there is in0.txt, but clients are numbered from 1"),
            (&[0], "there is in0.txt, but clients are numbered from 1"),
        ] {
            assert_eq!(counted(clients), Err(problem.into()));
        }
    }

    #[test]
    fn an_input_without_a_rank_is_noticed() {
        let folder = folder(&["in1.txt", "in2.txt", "in5.txt"]);
        let warning = |last| without_rank(folder.path(), Rank(last));
        assert_eq!(warning(5), None);
        assert_eq!(
            warning(4).unwrap(),
            "warning: there is in5.txt, but the last client has rank 4 (start with -np 6)"
        );
        assert!(warning(1).unwrap().contains("there is in2.txt"));
        assert_eq!(without_rank(&folder.path().join("nowhere"), Rank(1)), None);
    }
}
