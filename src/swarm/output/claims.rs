//! The outputs of a command, each claimed before the work begins.

use std::fs::{self, File};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::folders::{FolderId, Held, NewFolders, is_anothers, ready};
use super::place::{Output, Place, may_be_replaced, target};
use super::{NotWritten, folder_of};
use crate::inputs;
use crate::shown::Shown;
use crate::trace::part_owner;

/// The outputs of a command, each claimed before the work begins, and the inputs that they must not replace. The
/// folders that were created for them are gone with this value, if they are not taken over.
#[derive(Debug, Default)]
pub struct Claims {
    known: Vec<Known>,
    /// The folders in which clients write their files.
    of_clients: Vec<PathBuf>,
    /// The folders that this command has for itself.
    held: Vec<FolderId>,
    new_folders: NewFolders,
}

/// A file that no other output may be.
#[derive(Debug)]
struct Known {
    /// In words for the user.
    what: String,
    path: PathBuf,
    /// The device and the inode, if it is there.
    id: Option<(u64, u64)>,
}

impl Claims {
    /// `path` is read: `what`, in words for the user. Of a folder, that is all files in it. What is not there is
    /// no input.
    pub fn input(&mut self, what: &str, path: &Path) {
        let Ok(file) = fs::metadata(path) else {
            return;
        };
        if file.is_dir() {
            let entries = fs::read_dir(path).into_iter().flatten().flatten();
            for path in entries.map(|entry| entry.path()) {
                if path.is_file() {
                    self.input(what, &path);
                }
            }
        } else if let (true, Ok(path)) = (file.is_file(), target(path)) {
            self.known.push(Known::new(what.to_owned(), path));
        }
    }

    /// The clients' inputs in a folder are read.
    pub fn inputs_in(&mut self, folder: &Path) {
        for client in inputs::clients(folder).unwrap_or_default() {
            self.input("an input", &inputs::path(folder, client));
        }
    }

    /// A folder that is to be written to, which is created if missing. `option` names it for the user.
    ///
    /// # Errors
    /// When it cannot be.
    pub fn folder(&mut self, option: &str, path: &Path) -> Result<()> {
        match ready(path) {
            Ok(new) => self.new_folders.extend(new),
            Err(NotWritten { path, error }) => {
                bail!("{option}: cannot write to {}: {error}", path.shown())
            }
        }
        Ok(())
    }

    /// The folders that were created. Nothing can be refused any more, or only by who has them.
    pub fn new_folders(self) -> NewFolders {
        self.new_folders
    }

    /// Has a folder for this command alone, as long as the returned value is there. `option` names it for the user.
    ///
    /// # Errors
    /// When another command has it.
    pub fn hold(&mut self, option: &str, folder: &Path) -> Result<Held> {
        let cannot = |error| anyhow::anyhow!("{option}: {}", NotWritten::new(folder, error));
        let held = Held::take(folder).map_err(cannot)?;
        let held = held.with_context(|| taken(option, folder))?;
        self.held.extend(held.id());
        Ok(held)
    }

    /// Makes sure that no other command has a folder for itself.
    fn is_free(&self, option: &str, folder: &Path) -> Result<()> {
        ensure!(!is_anothers(folder, &self.held), taken(option, folder));
        Ok(())
    }

    /// A folder in which clients write their files: these are no known files and no links to some, and no other
    /// output may have the name of one.
    ///
    /// # Errors
    /// When one is a known file, or a link to one.
    pub fn clients_files(&mut self, option: &str, folder: &Path) -> Result<()> {
        self.is_free(option, folder)?;
        let same = folder.canonicalize().ok();
        let is_in_it = |known: &&Known| same.as_deref() == Some(folder_of(&known.path));
        if let Some(known) = self
            .known
            .iter()
            .filter(is_in_it)
            .find(|it| is_clients(&it.path))
        {
            let (path, what) = (known.path.shown(), &known.what);
            bail!(
                "{option}: {path} is {what}, and has the name of a client's file: name another folder"
            );
        }
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let is_link = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|it| it.is_symlink());
        for link in entries.filter(|entry| is_clients(&entry.path()) && is_link(entry)) {
            let path = link.path();
            if let Ok(target) = target(&path) {
                self.compare(option, &path, &Known::new(String::new(), target))?;
            }
        }
        self.of_clients.extend(same);
        Ok(())
    }

    /// A file that is to be written. `option` names it for the user.
    ///
    /// # Errors
    /// When it cannot be written, or is also something else.
    pub fn file(&mut self, option: &str, path: &Path) -> Result<Output> {
        let folder = folder_of(path);
        ensure!(
            folder.is_dir(),
            "{option}: there is no folder {}",
            folder.shown()
        );
        let cannot = |error| anyhow::anyhow!("{option}: {}", NotWritten::new(path, error));
        let place = Place::of(path).map_err(cannot)?;
        let what = format!("written by {option}");
        let known = match &place {
            Place::File(target) => Some(Known::new(what, target.clone())),
            Place::Open(file) => Known::open(what, target(path).map_err(cannot)?, file),
        };
        if let Some(known) = known {
            self.compare(option, path, &known)?;
            not_of_swarm(option, path, &known.path)?;
            not_of_trace(option, path, &known.path)?;
            self.known.push(known);
        }
        if let Place::File(target) = &place {
            self.is_free(option, folder_of(target))?;
            may_be_replaced(target).map_err(cannot)?;
        }
        Ok(Output {
            shown: path.to_owned(),
            place,
        })
    }

    /// The trace of a run, if there is to be one, and the folder of its parts.
    ///
    /// # Errors
    /// As [`Claims::file`].
    pub fn trace(&mut self, path: Option<&Path>) -> Result<Option<Output>> {
        let trace = self.optional("--trace", path)?;
        if let Some(Ok(parts)) = (trace.as_ref().and_then(Output::parts)).map(|it| target(&it)) {
            let parts = Known::new("the folder of the parts of --trace".into(), parts);
            let same = self.known.iter().find(|known| known.is(&parts));
            if let Some(Known { path, what, .. }) = same {
                let path = path.shown();
                bail!("--trace: {path}, where its parts go, is also {what}: name another file");
            }
            self.known.push(parts);
        }
        Ok(trace)
    }

    /// The same for an option that may be left out.
    ///
    /// # Errors
    /// As [`Claims::file`].
    pub fn optional(&mut self, option: &str, path: Option<&Path>) -> Result<Option<Output>> {
        path.map(|path| self.file(option, path)).transpose()
    }

    fn compare(&self, option: &str, path: &Path, new: &Known) -> Result<()> {
        let folder = folder_of(&new.path);
        ensure!(
            !is_clients(&new.path) || !self.of_clients.iter().any(|it| it == folder),
            "{option}: {} is the name of a client's file: name another file",
            path.shown()
        );
        if let Some(same) = self.known.iter().find(|known| known.is(new)) {
            let (path, what) = (path.shown(), &same.what);
            bail!("{option}: {path} is also {what}: name another file");
        }
        Ok(())
    }
}

impl Known {
    fn new(what: String, path: PathBuf) -> Known {
        let id = fs::metadata(&path).ok();
        let id = id.map(|file| (file.dev(), file.ino()));
        Known { what, path, id }
    }

    /// What is open. `None` for a device: it may take several files, one after another.
    fn open(what: String, path: PathBuf, file: &File) -> Option<Known> {
        let file = file.metadata().ok()?;
        let id = Some((file.dev(), file.ino()));
        (!file.file_type().is_char_device()).then_some(Known { what, path, id })
    }

    fn is(&self, other: &Known) -> bool {
        self.path == other.path || (self.id.is_some() && self.id == other.id)
    }
}

/// Why a folder cannot be written to that is another command's.
fn taken(option: &str, folder: &Path) -> String {
    let folder = folder.shown();
    format!("{option}: {folder} belongs to a command that goes on: name another folder")
}

/// Makes sure that an output does not become part of the swarm whose inputs are in its folder: the next run would
/// read it, or it would stand where a client writes. `path` is as the user names it, `target` is behind all links.
fn not_of_swarm(option: &str, path: &Path, target: &Path) -> Result<()> {
    for place in [path, target] {
        let name = place.file_name().map(|name| name.to_string_lossy());
        let number = |before| inputs::number(name.as_deref()?, before, ".txt");
        let what = match (number("in"), number("out"), is_clients(place)) {
            (Some(_), _, _) => "an input",
            (_, Some(_), _) => "what is to come of inputs",
            (_, _, true) => "a client's file",
            (None, None, false) => continue,
        };
        let swarm = inputs::clients(folder_of(place)).unwrap_or_default();
        ensure!(
            swarm.is_empty(),
            "{option}: {} is the name of {what}, and there are inputs beside it: name another file",
            path.shown()
        );
    }
    Ok(())
}

/// Makes sure that an output replaces no part of a trace, which a run leaves that is broken off.
fn not_of_trace(option: &str, path: &Path, target: &Path) -> Result<()> {
    let is_part = |place: &Path| {
        let folder = folder_of(place).extension();
        folder.is_some_and(|it| it == "parts") && place.file_name().and_then(part_owner).is_some()
    };
    ensure!(
        !is_part(path) && !is_part(target),
        "{option}: {} is the name of a part of a trace: name another file",
        path.shown()
    );
    Ok(())
}

/// Whether a file is called as a client's output.
fn is_clients(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| {
        let rest = name.strip_prefix("client");
        rest.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    fn folder(files: &[&str]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in files {
            fs::write(folder.path().join(name), name).unwrap();
        }
        folder
    }

    #[test]
    fn an_output_that_is_an_input_or_another_output_is_refused_by_whatever_name() {
        let folder = folder(&["input", "older"]);
        let at = |name: &str| folder.path().join(name);
        symlink("input", at("link")).unwrap();
        symlink("link", at("link-to-link")).unwrap();
        symlink("new", at("dangling")).unwrap();
        symlink(".", at("here")).unwrap();
        fs::hard_link(at("older"), at("same")).unwrap();
        let mut claims = Claims::default();
        claims.input("the input", &at("input"));
        claims.input("the input", &at("is-not-there"));
        claims.file("--report", &at("older")).unwrap();
        claims.file("--page", &at("new")).unwrap();
        for (name, what) in [
            ("input", "the input"),
            ("link", "the input"),
            ("link-to-link", "the input"),
            ("here/input", "the input"),
            ("same", "written by --report"),
            ("new", "written by --page"),
            ("here/./new", "written by --page"),
            ("dangling", "written by --page"),
        ] {
            let why = claims.file("--trace", &at(name)).unwrap_err().to_string();
            let path = at(name);
            let expected = format!(
                "--trace: {} is also {what}: name another file",
                path.display()
            );
            assert_eq!(why, expected);
        }
        claims.file("--trace", &at("another")).unwrap();
    }

    #[test]
    fn the_files_of_a_folder_that_is_read_are_inputs() {
        let folder = folder(&["0.tracker"]);
        let mut claims = Claims::default();
        claims.input("the trace", folder.path());
        claims
            .file("--output", &folder.path().join("0.tracker"))
            .unwrap_err();
        claims
            .file("--output", &folder.path().join("page"))
            .unwrap();
    }

    #[test]
    fn a_clients_file_is_no_link_to_an_input_and_no_other_output() {
        let folder = folder(&["in1.txt"]);
        let at = |name: &str| folder.path().join(name);
        let mut claims = Claims::default();
        claims.inputs_in(folder.path());
        claims.clients_files("-o", folder.path()).unwrap();
        for name in ["client1_f", "client12_a b"] {
            let why = claims.file("--report", &at(name)).unwrap_err().to_string();
            assert!(why.contains("is the name of a client's file"), "{why}");
        }
        claims.file("--report", &at("clients.json")).unwrap();
        symlink("in1.txt", at("client2_f")).unwrap();
        let why = claims
            .clients_files("-o", folder.path())
            .unwrap_err()
            .to_string();
        assert!(why.contains("client2_f is also an input"), "{why}");
    }

    #[test]
    fn an_output_beside_inputs_is_called_as_none_of_a_swarm() {
        let (swarm, other) = (folder(&["in1.txt"]), folder(&[]));
        let mut claims = Claims::default();
        symlink(swarm.path().join("in7.txt"), other.path().join("link")).unwrap();
        symlink(other.path().join("new"), swarm.path().join("out7.txt")).unwrap();
        for (folder, name, what) in [
            (&swarm, "in5.txt", "an input"),
            (&swarm, "out1.txt", "what is to come of inputs"),
            (&swarm, "client3_f", "a client's file"),
            (&other, "link", "an input"),
            (&swarm, "out7.txt", "what is to come of inputs"),
        ] {
            let path = folder.path().join(name);
            let why = claims.file("--report", &path).unwrap_err().to_string();
            assert!(
                why.contains(&format!("is the name of {what}, and there are")),
                "{why}"
            );
            assert!(why.ends_with(": name another file"), "{why}");
        }
        for (folder, name) in [
            (&swarm, "in05.txt"),
            (&swarm, "in5.txt.zst"),
            (&swarm, "clients"),
            (&other, "in5.txt"),
            (&other, "client3_f"),
        ] {
            claims.file("--report", &folder.path().join(name)).unwrap();
        }
    }

    #[test]
    fn a_place_that_cannot_be_written_is_refused_before_the_work() {
        let folder = folder(&["file"]);
        let at = |name: &str| folder.path().join(name);
        let mut claims = Claims::default();
        let mut refused = |path: &Path| claims.file("--report", path).unwrap_err().to_string();
        let nowhere = format!("--report: there is no folder {}", at("nowhere").display());
        assert_eq!(refused(&at("nowhere/r.json")), nowhere);
        let is_folder = refused(folder.path());
        assert!(
            is_folder.ends_with("Is a directory (os error 21)"),
            "{is_folder}"
        );
        assert!(refused(&at("file/r.json")).contains("there is no folder"));
        assert!(refused(&at("new/")).contains("No such file or directory"));
        assert!(claims.folder("-o", &at("file/new")).is_err());
        claims.folder("-o", &at("new/new")).unwrap();
        claims.file("--report", &at("new/new/r.json")).unwrap();
        assert_eq!(fs::read_dir(at("new/new")).unwrap().count(), 0);
    }
}
