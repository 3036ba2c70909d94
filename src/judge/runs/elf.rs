//! What a program is linked with, and which MPI library that is, without running it.

mod own;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use object::read::elf::{Dyn, ElfFile64, FileHeader, SectionHeader, Sym};
use object::{Endianness, elf};

use super::profiling;
use swarm::launch::Mpi;
use swarm::shown::Shown;

/// The name of the MPI library that a program asks the system for, such as `libmpi.so.40`, and whose
/// it is.
///
/// # Errors
/// When it is no program for this system, none that uses a shared MPI library, or one whose calls cannot be seen.
pub fn mpi_library(program: &Path) -> Result<(String, &'static Mpi)> {
    let shown = program.shown();
    let cannot = || format!("cannot read {shown}");
    let is_file = fs::metadata(program).with_context(cannot)?.is_file();
    ensure!(
        is_file,
        "{shown}: expected a program, found what is no regular file"
    );
    let bytes = fs::read(program).with_context(cannot)?;
    ensure!(
        bytes.starts_with(&elf::ELFMAG),
        "{shown} is not a program in ELF format, as mpicc makes it: a script cannot be graded"
    );
    let libraries = libraries(&bytes).with_context(|| format!("{shown}: cannot be read as ELF"))?;
    let called = called(&bytes).with_context(|| format!("{shown}: cannot be read as ELF"))?;
    refuse_what_is_not_seen(program, &called)?;
    for library in own::libraries(program, &bytes) {
        // What is none is nothing that the program could call.
        let called = fs::read(&library).map(|bytes| self::called(&bytes));
        refuse_what_is_not_seen(
            &library,
            &called.ok().and_then(Result::ok).unwrap_or_default(),
        )?;
    }
    let mut named = libraries.iter();
    if let Some(found) = named.find_map(|name| Some((name.clone(), Mpi::from_shared(name)?))) {
        return Ok(found);
    }
    if libraries.is_empty() {
        bail!(
            "{shown} is linked statically, so that its calls of MPI cannot be seen: \
             link it with the shared MPI library"
        );
    }
    bail!(
        "{shown} uses no shared MPI library (it uses {}): it is linked with a static one, or is no \
         MPI program",
        libraries.join(", ")
    )
}

/// Refuses a program, or a library of its own, that calls functions of MPI by names that are not recorded.
fn refuse_what_is_not_seen(file: &Path, called: &[String]) -> Result<()> {
    let shown = file.shown();
    if let Some(name) = called.iter().find(|name| is_of_fortran(name)) {
        bail!(
            "{shown} calls MPI's functions for Fortran ({name}), which are not recorded: only those \
             for C are"
        );
    }
    if let Some(name) = called.iter().find(|name| is_past_the_recorder(name)) {
        bail!(
            "{shown} uses {name}, which is not followed: call {}, behind which it is",
            &name[1..]
        );
    }
    Ok(())
}

/// The names of the shared libraries that a program is linked with.
fn libraries(bytes: &[u8]) -> object::Result<Vec<String>> {
    dynamic(bytes, &[elf::DT_NEEDED])
}

/// What stands in a program for the linker under these tags: names of libraries, or paths.
fn dynamic(bytes: &[u8], tags: &[u32]) -> object::Result<Vec<String>> {
    let file: ElfFile64<'_, Endianness> = ElfFile64::parse(bytes)?;
    let endian = file.endian();
    let header = file.elf_header();
    let sections = header.sections(endian, bytes)?;
    let mut found = Vec::new();
    for section in sections.iter() {
        let Some((entries, strings)) = section.dynamic(endian, bytes)? else {
            continue;
        };
        let strings = sections.strings(endian, bytes, strings)?;
        for entry in entries {
            if entry.tag32(endian).is_some_and(|tag| tags.contains(&tag)) {
                let text = entry.string(endian, strings)?;
                found.push(String::from_utf8_lossy(text).into_owned());
            }
        }
    }
    Ok(found)
}

/// The names of the shared libraries that a program is linked with, and of its symbols. Those of an object file, too.
pub(super) fn names(bytes: &[u8]) -> object::Result<BTreeSet<Vec<u8>>> {
    let file: ElfFile64<'_, Endianness> = ElfFile64::parse(bytes)?;
    let endian = file.endian();
    let sections = file.elf_header().sections(endian, bytes)?;
    let mut names: BTreeSet<Vec<u8>> = BTreeSet::new();
    names.extend(libraries(bytes)?.into_iter().map(String::into_bytes));
    for kind in [elf::SHT_DYNSYM, elf::SHT_SYMTAB] {
        let symbols = sections.symbols(endian, bytes, kind)?;
        for symbol in symbols.iter() {
            names.insert(symbols.symbol_name(endian, symbol)?.to_owned());
        }
    }
    Ok(names)
}

/// The functions and variables that a program takes from libraries.
fn called(bytes: &[u8]) -> object::Result<Vec<String>> {
    let file: ElfFile64<'_, Endianness> = ElfFile64::parse(bytes)?;
    let endian = file.endian();
    let symbols = file.elf_dynamic_symbol_table();
    let names = (symbols.iter())
        .filter(|symbol| symbol.is_undefined(endian))
        .filter_map(|symbol| symbols.symbol_name(endian, symbol).ok());
    Ok(names
        .map(|name| String::from_utf8_lossy(name).into())
        .collect())
}

/// Whether this is one of MPI's functions for Fortran: their names are in lower case and end with a line.
fn is_of_fortran(name: &str) -> bool {
    name.starts_with("mpi_") && name.ends_with('_')
}

/// Whether this is a function by its name for those who stand before the library, as the recorder does. One that only
/// looks something up may be called so.
fn is_past_the_recorder(name: &str) -> bool {
    let name = name
        .strip_prefix('P')
        .filter(|name| name.starts_with("MPI"));
    name.is_some_and(|name| !profiling::is_local(name))
}

/// The functions that a library has for others.
#[cfg(test)]
pub(crate) fn defined(library: &Path) -> Result<Vec<String>> {
    let bytes = fs::read(library)?;
    let file: ElfFile64<'_, Endianness> = ElfFile64::parse(&*bytes)?;
    let (endian, symbols) = (file.endian(), file.elf_dynamic_symbol_table());
    let defined = symbols.iter().filter(|it| !it.is_undefined(endian));
    let names = defined.map(|it| symbols.symbol_name(endian, it));
    Ok(names
        .map(|name| String::from_utf8_lossy(name.unwrap_or_default()).into())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_uses_the_library_that_it_was_built_with() {
        let program = std::env::current_exe().unwrap();
        let (_, mpi) = mpi_library(&program).unwrap();
        assert_eq!(mpi, Mpi::of_this_program());
    }

    #[test]
    fn only_what_looks_something_up_may_be_called_past_the_recorder() {
        for name in [
            "PMPI_Recv",
            "PMPI_Init",
            "PMPI_Finalize",
            "PMPIX_Comm_shrink",
        ] {
            assert!(is_past_the_recorder(name), "{name}");
        }
        for name in [
            "MPI_Recv",
            "PMPI_Wtime",
            "PMPI_Comm_rank",
            "PMPI_Get_count",
            "PMI_Init",
        ] {
            assert!(!is_past_the_recorder(name), "{name}");
        }
    }

    #[test]
    fn what_is_no_mpi_program_is_told_apart() {
        let refusal = |path: &str| mpi_library(Path::new(path)).unwrap_err().to_string();
        assert!(refusal("/bin/sh").contains("uses no shared MPI library (it uses libc.so"));
        assert!(refusal("Cargo.toml").contains("is not a program in ELF format"));
        assert!(refusal("nowhere").contains("cannot read nowhere"));
    }
}
