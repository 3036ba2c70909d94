//! Sanitizers: a compiler builds them into a program to find its faults. Which of them a program has, and what they
//! need in order to run.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::runs::elf;
use swarm::shown::Shown;

/// A sanitizer of gcc or clang.
#[derive(Debug, PartialEq, Eq)]
struct Sanitizer {
    /// The compiler's option, behind `-fsanitize=`.
    option: &'static str,
    /// The beginnings of the names of its shared library.
    libraries: &'static [&'static str],
    /// The beginning of a symbol that every program has that was built with it.
    symbol: &'static str,
    limit: Limit,
    /// How a program is run otherwise, in words. Empty: it is not.
    differs: &'static str,
}

/// What can be limited of a program's memory. Most sanitizers keep notes in terabytes of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Limit {
    /// Its addresses, as of any other.
    Addresses,
    /// What is really used. The sanitizer looks at it from time to time.
    Use,
    Nothing,
}

static ALL: [Sanitizer; 6] = [
    Sanitizer {
        option: "address",
        libraries: &["libasan.so", "libclang_rt.asan"],
        symbol: "__asan_init",
        limit: Limit::Use,
        differs: "fresh memory is not made dirty, leaks are not looked for, and --memory limits what is used",
    },
    Sanitizer {
        option: "thread",
        libraries: &["libtsan.so", "libclang_rt.tsan"],
        symbol: "__tsan_init",
        limit: Limit::Nothing,
        differs: "fresh memory is not made dirty, races are not reported, as those inside of MPI would be, too, and \
                  --memory limits nothing",
    },
    Sanitizer {
        option: "leak",
        libraries: &["liblsan.so", "libclang_rt.lsan"],
        symbol: "__lsan_init",
        limit: Limit::Use,
        differs: "fresh memory is not made dirty, leaks are not looked for, and --memory limits what is used",
    },
    Sanitizer {
        option: "hwaddress",
        libraries: &["libhwasan.so", "libclang_rt.hwasan"],
        symbol: "__hwasan_init",
        limit: Limit::Nothing,
        differs: "fresh memory is not made dirty, and --memory limits nothing",
    },
    Sanitizer {
        option: "memory",
        libraries: &["libclang_rt.msan"],
        symbol: "__msan_init",
        limit: Limit::Nothing,
        differs: "fresh memory is not made dirty, and --memory limits nothing",
    },
    Sanitizer {
        option: "undefined",
        libraries: &["libubsan.so", "libclang_rt.ubsan"],
        symbol: "__ubsan_handle_",
        limit: Limit::Addresses,
        differs: "",
    },
];

/// MPI libraries leak, and have what looks like races; and the recorder is loaded before the sanitizer. A sanitizer leaves
/// options alone that it does not know.
const OPTIONS: &str = "detect_leaks=0:report_bugs=0:verify_asan_link_order=0";

/// The sanitizers that a program was built with; often none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sanitizers(Vec<&'static Sanitizer>);

impl Sanitizers {
    /// Those of a program, or of an object file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(program: &Path) -> Result<Sanitizers> {
        let shown = program.shown();
        let bytes = fs::read(program).with_context(|| format!("cannot read {shown}"))?;
        let names =
            elf::names(&bytes).with_context(|| format!("{shown}: cannot be read as ELF"))?;
        let has = |sanitizer: &&Sanitizer| {
            let mut marks = sanitizer.libraries.iter().chain([&sanitizer.symbol]);
            marks.any(|mark| names.iter().any(|name| name.starts_with(mark.as_bytes())))
        };
        Ok(Sanitizers(ALL.iter().filter(has).collect()))
    }

    /// Whether it is one of them, by the compiler's option for it: `address`.
    pub(crate) fn has(&self, option: &str) -> bool {
        self.0.iter().any(|it| it.option == option)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The compiler's option: `-fsanitize=address,undefined`.
    pub(crate) fn option(&self) -> String {
        let options: Vec<&str> = self.0.iter().map(|it| it.option).collect();
        format!("-fsanitize={}", options.join(","))
    }

    fn limit(&self) -> Limit {
        let limits = self.0.iter().map(|it| it.limit);
        limits.max().unwrap_or(Limit::Addresses)
    }

    /// How many bytes of addresses a rank may have that may have `memory` bytes: for `prlimit`.
    pub(crate) fn addresses(&self, memory: u64) -> String {
        match self.limit() {
            Limit::Addresses => memory.to_string(),
            Limit::Use | Limit::Nothing => "unlimited".into(),
        }
    }

    /// The options with which they run. Empty if there are none.
    pub(crate) fn options(&self, memory: u64) -> String {
        match self.limit() {
            _ if self.is_empty() => String::new(),
            Limit::Use => format!("{OPTIONS}:hard_rss_limit_mb={}", (memory >> 20).max(1)),
            Limit::Addresses | Limit::Nothing => OPTIONS.into(),
        }
    }

    /// Whether memory is theirs: what they know of it, nobody else may fill.
    pub(crate) fn own_memory(&self) -> bool {
        self.limit() > Limit::Addresses
    }

    /// How a program is run otherwise because of them, for people.
    pub(crate) fn note(&self) -> Option<String> {
        let differs = self.0.iter().map(|it| it.differs);
        let differs = differs.max_by_key(|it| it.len()).unwrap_or_default();
        let note = || format!("the program is built with {}: {differs}", self.option());
        (!differs.is_empty()).then(note)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// A program, built with these options.
    fn built(options: &[&str]) -> Sanitizers {
        let folder = tempfile::tempdir().unwrap();
        let [source, program] = ["a.c", "a"].map(|name| folder.path().join(name));
        let text = "int main(int count, char **words) { return words[0][0] + count; }\n";
        fs::write(&source, text).unwrap();
        let mut compiler = Command::new("cc");
        compiler.args(options).arg("-o").args([&program, &source]);
        assert!(compiler.status().unwrap().success(), "{options:?}");
        Sanitizers::of(&program).unwrap()
    }

    #[test]
    fn a_program_shows_what_it_was_built_with() {
        assert_eq!(built(&[]), Sanitizers::default());
        for option in [
            "-fsanitize=address",
            "-fsanitize=thread",
            "-fsanitize=leak",
            "-fsanitize=undefined",
            "-fsanitize=address,undefined",
        ] {
            assert_eq!(built(&[option]).option(), option);
        }
        // As clang does, and without a library that would say it.
        let linked_in = built(&["-fsanitize=address", "-static-libasan"]);
        assert_eq!(linked_in.option(), "-fsanitize=address");
        let object = built(&["-fsanitize=address", "-c"]);
        assert_eq!(object.option(), "-fsanitize=address");
    }

    #[test]
    fn what_a_sanitizer_needs_is_given_to_it_and_to_nothing_else() {
        let with = |options: &[&str]| {
            let of = |option: &&str| ALL.iter().find(|it| it.option == *option).unwrap();
            Sanitizers(options.iter().map(of).collect())
        };
        let memory = 4 << 30;
        let none = with(&[]);
        assert_eq!(none.addresses(memory), "4294967296");
        assert_eq!((none.options(memory), none.note()), (String::new(), None));
        for (options, addresses, limit) in [
            (&["undefined"][..], "4294967296", ""),
            (
                &["address", "undefined"],
                "unlimited",
                ":hard_rss_limit_mb=4096",
            ),
            (&["leak"], "unlimited", ":hard_rss_limit_mb=4096"),
            (&["thread"], "unlimited", ""),
        ] {
            let sanitizers = with(options);
            assert_eq!(sanitizers.addresses(memory), addresses);
            assert_eq!(sanitizers.options(memory), format!("{OPTIONS}{limit}"));
            assert_eq!(sanitizers.own_memory(), options != ["undefined"]);
            assert_eq!(sanitizers.note().is_some(), sanitizers.own_memory());
        }
    }
}
