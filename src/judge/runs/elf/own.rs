//! The shared libraries of a program's own: neither the system's nor the MPI library's.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use object::elf::{DT_RPATH, DT_RUNPATH};

use super::dynamic;
use swarm::launch::Mpi;

/// Where the system has its libraries.
const OF_SYSTEM: [&str; 4] = ["/lib", "/lib64", "/usr/lib", "/usr/lib64"];

/// Those that a program with these bytes is linked with, directly or through another one, as the linker finds them: in
/// the folders that the program and its libraries name, or those of `LD_LIBRARY_PATH`.
pub(super) fn libraries(program: &Path, bytes: &[u8]) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut next = vec![(program.to_owned(), bytes.to_owned())];
    while let Some((file, bytes)) = next.pop() {
        for library in linked(&file, &bytes) {
            if let Ok(bytes) = fs::read(&library)
                && found.insert(library.clone())
            {
                next.push((library, bytes));
            }
        }
    }
    found
}

/// Those that one file is linked with.
fn linked(file: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let named = |tags: &[u32]| dynamic(bytes, tags).unwrap_or_default();
    let names = super::libraries(bytes).unwrap_or_default();
    let origin = file.parent().unwrap_or(Path::new("/"));
    let origin = origin.to_string_lossy();
    let folders = named(&[DT_RPATH, DT_RUNPATH]).join(":");
    let folders = folders
        .replace("${ORIGIN}", &origin)
        .replace("$ORIGIN", &origin);
    let of_user = env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let folders = env::split_paths(&folders).chain(env::split_paths(&of_user));
    let folders = folders.filter_map(|folder| folder.canonicalize().ok());
    let is_of_system = |folder: &PathBuf| OF_SYSTEM.iter().any(|it| folder.starts_with(it));
    let folders = folders.filter(|it| !is_of_system(it) && !is_of_mpi(it));
    let folders: Vec<PathBuf> = folders.collect();
    let find = |name: &String| {
        let mut places = folders.iter().map(|folder| folder.join(name));
        places.find(|place| place.is_file())
    };
    names.iter().filter_map(find).collect()
}

/// Whether a folder has an MPI library: all that lies beside that is a part of it.
fn is_of_mpi(folder: &Path) -> bool {
    let mut entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .any(|entry| (entry.file_name().to_str()).is_some_and(|it| Mpi::from_shared(it).is_some()))
}
