//! What `bittorrent` says of its command line to shells and to readers of its help and its manual.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};

use bittorrent::cli::Arguments;
use clap::CommandFactory;
use support::job::program;

fn output(arguments: &[&str]) -> String {
    on_terminal("100", arguments)
}

/// The same, where a terminal has this many columns.
fn on_terminal(columns: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program());
    let output = command.args(arguments).env("COLUMNS", columns).output();
    let output = output.expect("the program can be run");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("it prints text")
}

/// Of options that cannot be together, too, which is found late.
#[test]
fn what_is_wrong_with_an_option_is_said_with_the_usage_of_its_command() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (line, why) in [
        ("show t --from 2s --to 1s", "--from has to be before --to"),
        ("show t --from -1", "invalid value '-1' for '--from <TIME>'"),
        ("show t --from -5ms", "unexpected argument '-5' found"),
        (
            "generate g --clients 2 --files 2 --segments 2 --owners 3",
            "--owners 3 is more than",
        ),
        (
            "simulate -i . --segment-order rarest-first",
            "--segment-order rarest-first goes by",
        ),
        (
            "simulate --clients 1 --segments 2 --flash-crowd --upload-time 1s --oracle",
            "--oracle needs",
        ),
        (
            "simulate --clients 1 --segments 2 --nothing",
            "unexpected argument '--nothing' found",
        ),
        (
            "launch --stall-timeout 1s --upload-time 1s",
            "--stall-timeout has to be",
        ),
        ("simulate -i . --latency 5M", "found 'M'"),
        ("grade p --time-limit 5M", "found 'M'"),
    ] {
        let mut command = std::process::Command::new(support::job::program());
        let output = command
            .args(line.split(' '))
            .current_dir(folder.path())
            .output();
        let output = output.expect("it can be run");
        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{line}: {said}");
        assert!(said.contains(why), "{line}: {said}");
        let (name, _) = line.split_once(' ').expect("several words");
        if said.contains("Usage:") {
            let usage = format!("Usage: bittorrent {name} ");
            assert!(said.contains(&usage), "{line}: {said}");
        }
        assert!(
            !said.contains("mpirun -np N") && !said.contains("use '-- "),
            "{line}: {said}"
        );
    }
}

#[test]
fn the_manual_has_a_page_for_every_subcommand_that_is_to_be_seen() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("share/man1");
    output(&["manual", path.to_str().expect("a readable path")]);
    let pages: BTreeMap<String, String> = fs::read_dir(&path)
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be listed"))
        .map(|entry| {
            let text = fs::read_to_string(entry.path()).expect("a page is text");
            (entry.file_name().to_string_lossy().into_owned(), text)
        })
        .collect();
    let names: Vec<&str> = pages.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "bittorrent-check.1",
            "bittorrent-generate.1",
            "bittorrent-grade.1",
            "bittorrent-launch.1",
            "bittorrent-show.1",
            "bittorrent-simulate.1",
            "bittorrent-study.1",
            "bittorrent.1"
        ]
    );
    for (page, text) in [
        ("bittorrent.1", "mpirun \\-np N bittorrent [OPTIONS]"),
        ("bittorrent.1", "every wanted file was downloaded"),
        ("bittorrent-launch.1", "MPIRUN_OPTIONS"),
        ("bittorrent-generate.1", "flash\\-crowd"),
    ] {
        assert!(pages[page].contains(text), "{page} without {text}");
    }
}

#[test]
fn no_page_of_the_manual_is_written_where_one_cannot_be() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join("bittorrent-show.1")).expect("a folder");
    let mut manual = Command::new(program());
    let output = manual.arg("manual").arg(folder.path()).output();
    let output = output.expect("it can be run");
    let errors = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(
        errors.contains("bittorrent-show.1: it is a folder"),
        "{errors}"
    );
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
}

#[test]
fn every_commands_help_fits_on_a_screen_and_its_long_help_has_examples() {
    let command = Arguments::command();
    let subcommands = command.get_subcommands();
    let subcommands = subcommands.filter(|subcommand| !subcommand.is_hide_set());
    let names: Vec<&str> = subcommands.map(clap::Command::get_name).collect();
    assert!(names.contains(&"launch"), "{names:?}");
    let commands = names.into_iter().map(Some);
    for command in commands.chain([None]) {
        let help = |option| on_terminal("160", &[command.as_slice(), &[option]].concat());
        let lines = help("-h").lines().count();
        assert!(lines <= 50, "{command:?} -h has {lines} lines");
        assert!(help("--help").contains("Examples:\n"), "{command:?}");
        for option in ["-h", "--help"] {
            let narrow = on_terminal("80", &[command.as_slice(), &[option]].concat());
            let wide = help(option);
            // But for the sign that a shell reads on in the next line.
            let words = |text: &str| {
                let words = text.split_whitespace().filter(|word| *word != "\\");
                words.map(str::to_owned).collect::<Vec<_>>()
            };
            assert_eq!(words(&narrow), words(&wide), "a word is broken");
            let too_long = narrow.lines().find(|line| line.chars().count() > 80);
            assert_eq!(too_long, None, "{command:?} {option}");
        }
    }
}

/// `script` makes a terminal that does not say how high it is.
#[test]
fn every_commands_help_is_as_wide_as_a_terminal_that_says_only_how_wide_it_is() {
    let command = Arguments::command();
    let subcommands = command.get_subcommands().map(clap::Command::get_name);
    for name in subcommands.filter(|name| *name != "help").chain([""]) {
        let line = format!("stty cols 80; exec {} {name} --help", program());
        let mut script = Command::new("script");
        script.args(["-qec", &line, "/dev/null"]);
        script.env("NO_COLOR", "1").stdin(Stdio::null());
        let output = script.output().expect("there is a script");
        let text = String::from_utf8(output.stdout).expect("it prints text");
        assert!(text.contains("Usage:"), "{name}: {text}");
        let too_long = text
            .lines()
            .find(|line| line.trim_end().chars().count() > 80);
        assert_eq!(too_long, None, "{name}");
    }
}

/// As a shell reads it, each line that a narrow terminal breaks is the line that a wide one has.
#[test]
fn examples_can_be_copied_from_a_terminal_of_any_width() {
    let command = Arguments::command();
    let subcommands = command.get_subcommands();
    let subcommands = subcommands.filter(|subcommand| !subcommand.is_hide_set());
    let names = subcommands.map(clap::Command::get_name).map(Some);
    for name in names.chain([None]) {
        let lines = |columns| {
            let help = on_terminal(columns, &[name.as_slice(), &["--help"]].concat());
            let examples = help.split("Examples:\n").nth(1).expect("there are some");
            let joined = examples.replace("\\\n", " ");
            let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
            let lines: Vec<String> = joined.lines().map(words).collect();
            let is_command =
                |line: &&String| line.starts_with("bittorrent ") || line.starts_with("mpirun ");
            lines.iter().filter(is_command).cloned().collect::<Vec<_>>()
        };
        let wide = lines("300");
        assert!(!wide.is_empty(), "{name:?}");
        for columns in ["100", "80", "60"] {
            assert_eq!(lines(columns), wide, "{name:?} on {columns} columns");
        }
    }
}

#[test]
fn what_is_hidden_is_completed_by_no_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let script = output(&["completions", shell]);
        for word in ["grade-submission", "terminal-width", "recorders", "manual"] {
            assert!(!script.contains(word), "{shell} offers {word}");
        }
    }
}

#[test]
fn shells_complete_subcommands_options_and_the_names_of_policies() {
    for shell in ["bash", "zsh", "fish"] {
        let script = output(&["completions", shell]);
        for word in [
            "launch",
            "generate",
            "flash-crowd",
            "rarest-first",
            "mpirun",
        ] {
            assert!(script.contains(word), "{shell} without {word}");
        }
    }
}
