//! The README says what the program does.

use bittorrent::check::Outcome;
use bittorrent::cli::Arguments;
use bittorrent::exit::Exit;
use bittorrent::policy::{Named, TrackerIndex, order, selection};
use bittorrent::scenario::Scenario;
use clap::CommandFactory;

const README: &str = include_str!("../README.md");

#[test]
fn every_exit_status_is_in_the_readme() {
    for exit in Exit::ALL {
        let row = format!("| {} | {exit} |", exit.status());
        assert!(README.contains(&row), "{row}");
    }
    for outcome in Outcome::ALL {
        let row = format!("| {} | {outcome} |", outcome as u8);
        assert!(README.contains(&row), "{row}");
    }
}

#[test]
fn every_option_is_in_the_readme_with_its_default() {
    let mut command = Arguments::command();
    command.build();
    let commands = command
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    let options = commands
        .chain([&command])
        .flat_map(clap::Command::get_arguments);
    for option in options.filter(|option| !option.is_hide_set() && !option.is_positional()) {
        let long = option.get_long().expect("every option has a long name");
        let mut rows = README.lines().filter(|line| line.starts_with("| `"));
        let row = rows.find(|line| line.contains(&format!("`--{long}")));
        let row = row.unwrap_or_else(|| panic!("--{long}"));
        if option.get_action().takes_values() {
            let mut defaults = option.get_default_values().iter();
            assert!(
                defaults.all(|default| row.contains(&*default.to_string_lossy())),
                "{row}"
            );
        }
    }
}

#[test]
fn every_key_of_a_scenario_is_in_the_readme_and_so_is_a_scenario_of_the_repository() {
    let problem = Scenario::parse("[[class]]\nname = \"a\"\nnonsense = 1").unwrap_err();
    let problem = problem.to_string();
    let (_, keys) = problem
        .split_once("expected one of ")
        .expect("it names the keys");
    let keys: Vec<&str> = keys.split(", ").collect();
    assert!(keys.len() > 5, "{problem}");
    for key in keys {
        assert!(README.contains(&format!("\n| {key} |")), "{key}");
    }
    let sample = include_str!("../inputs/scenarios/flash-crowd.toml");
    let indented = |line: &str| {
        if line.is_empty() {
            "\n".into()
        } else {
            format!("    {line}\n")
        }
    };
    let sample: String = sample.lines().map(indented).collect();
    assert!(README.contains(&sample), "{sample}");
}

#[test]
fn every_policy_is_in_the_readme_with_what_it_does() {
    fn check<T>(option: &str, all: &[Named<T>]) {
        for Named { name, about, .. } in all {
            let row = format!("| `--{option} {name}` | {about} |");
            assert!(README.contains(&row), "{row}");
        }
    }
    check("tracker-index", TrackerIndex::ALL);
    check("peer-selection", selection::ALL);
    check("segment-order", order::ALL);
}
