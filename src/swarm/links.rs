//! Where links lead.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The most links from one to the next, as Linux has it.
const MOST: usize = 40;

/// The file at the end of all links, by a name that is as near to the given one as can be. It need not be there. A link
/// to an open file of a process is no link.
///
/// # Errors
/// When there are too many links.
pub(crate) fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST {
        let is_link = fs::symlink_metadata(&path).is_ok_and(|it| it.is_symlink());
        if is_open_already(&path) || !is_link {
            return Ok(path);
        }
        path = match path.parent() {
            Some(folder) => folder.join(fs::read_link(&path)?),
            None => fs::read_link(&path)?,
        };
    }
    Err(io::Error::other("too many links"))
}

/// Whether a path names one of a process's open files.
pub(crate) fn is_open_already(path: &Path) -> bool {
    ["/proc", "/dev/fd"].iter().any(|of| path.starts_with(of))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_by_names_that_are_near_to_the_given_one() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("d")).unwrap();
        for (target, link) in [
            ("b", "a"),
            ("d/c", "b"),
            ("../e", "d/c"),
            ("round", "round"),
        ] {
            symlink(target, at(link)).unwrap();
        }
        assert_eq!(followed(&at("e")).unwrap(), at("e"));
        assert_eq!(followed(&at("a")).unwrap(), at("d/../e"));
        assert!(followed(&at("round")).is_err());
        assert_eq!(
            followed(Path::new("/dev/fd/1")).unwrap(),
            Path::new("/dev/fd/1")
        );
    }
}
