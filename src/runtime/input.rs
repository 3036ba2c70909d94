//! Where the inputs are: `in<R>.txt`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::protocol::Rank;

/// The input of a client.
pub(super) fn path(folder: &Path, client: Rank) -> PathBuf {
    folder.join(format!("in{client}.txt"))
}

/// A warning about inputs for ranks that were not started, if there are any.
pub(super) fn without_rank(folder: &Path, clients: usize) -> Option<String> {
    let client = |name: &str| -> Option<usize> {
        name.strip_prefix("in")?.strip_suffix(".txt")?.parse().ok()
    };
    let unused: Vec<usize> = fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| client(entry.ok()?.file_name().to_str()?))
        .filter(|client| *client > clients)
        .collect();
    let (first, last) = (unused.iter().min()?, unused.iter().max()?);
    Some(format!(
        "warning: there is in{first}.txt, but the last client has rank {clients} (start with -np {})",
        last + 1
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_without_a_rank_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "in1.txt",
            "in2.txt",
            "in5.txt",
            "inx.txt",
            "out9.txt",
            "in7.txt.bak",
        ] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(without_rank(folder.path(), 5), None);
        assert_eq!(
            without_rank(folder.path(), 4).unwrap(),
            "warning: there is in5.txt, but the last client has rank 4 (start with -np 6)"
        );
        assert!(
            without_rank(folder.path(), 1)
                .unwrap()
                .ends_with("(start with -np 6)")
        );
        assert_eq!(without_rank(&folder.path().join("nowhere"), 1), None);
    }
}
