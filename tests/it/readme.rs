//! The README and the pages of `docs/` say what the program does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bittorrent::cli::Arguments;
use clap::CommandFactory;
use judge::checks::{Check, Subject};
use judge::command::Answer;
use judge::seen::condition::CONDITIONS;
use lab::check::CheckOutcome;
use lab::rules::Rule;
use serde_json::Value;
use support::job::{prepare, program};
use swarm::exit::Exit;
use swarm::policy::{Named, TrackerIndex, order, selection};
use swarm::protocol::Tag;
use swarm::scenario::Scenario;

/// A page, by its place in the repository.
fn page(place: &str) -> String {
    let path = root().join(place);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All of them, by their places.
fn pages() -> BTreeMap<String, String> {
    let docs = fs::read_dir(root().join("docs")).expect("there are pages");
    let docs = docs.map(|entry| entry.expect("a folder can be listed").file_name());
    let docs = docs.map(|name| format!("docs/{}", name.to_string_lossy()));
    let docs = docs.filter(|place| place.ends_with(".md"));
    docs.chain(["README.md".into(), "CONTRIBUTING.md".into()])
        .map(|place| (place.clone(), page(&place)))
        .collect()
}

/// What a page has between a heading and the next one.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, rest) = page.split_once(heading).expect(heading);
    rest.split("\n#").next().expect("a part")
}

/// What pages have in backticks on one line.
fn quoted(page: &str) -> impl Iterator<Item = &str> {
    page.lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
}

#[test]
fn the_readme_is_short() {
    let lines = page("README.md").lines().count();
    assert!(lines <= 200, "{lines} lines");
}

#[test]
fn every_exit_status_is_in_the_pages() {
    let failures = page("docs/failures.md");
    for exit in Exit::ALL {
        let row = format!("| {} | {exit} |", exit.status());
        assert!(failures.contains(&row), "{row}");
    }
    let trace = page("docs/trace.md");
    for outcome in CheckOutcome::ALL {
        let row = format!("| {} | {outcome} |", outcome as u8);
        assert!(trace.contains(&row), "{row}");
    }
    let grading = page("docs/grading.md");
    for answer in Answer::ALL {
        let row = format!("| {} | {answer} |", answer as u8);
        assert!(grading.contains(&row), "{row}");
    }
}

#[test]
fn every_check_of_a_grading_and_every_condition_is_in_its_page() {
    let grading = page("docs/grading.md");
    let headings = [
        (Subject::Outcome, "\n### How runs end"),
        (Subject::Mpi, "\n### The use of MPI"),
        (Subject::Assignment, "\n### The assignment"),
    ];
    for check in Check::ALL {
        let (_, heading) = headings
            .iter()
            .find(|(subject, _)| *subject == check.subject())
            .expect("a part");
        let row = format!("\n| `{}` |", check.name());
        assert!(section(&grading, heading).contains(&row), "{row}");
    }
    for condition in &CONDITIONS {
        let row = format!("\n| {} | `{}` |", condition.words, condition.name);
        assert!(grading.contains(&row), "{row}");
    }
}

#[test]
fn every_option_is_in_the_pages_with_its_default() {
    let pages = pages();
    let rows = pages.values().flat_map(|page| page.lines());
    let rows: Vec<&str> = rows.filter(|line| line.starts_with("| `")).collect();
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
        let names = [' ', '`'].map(|end| format!("`--{long}{end}"));
        let mut named =
            (rows.iter()).filter(|row| names.iter().any(|name| row.contains(name.as_str())));
        if option.get_action().takes_values() {
            let has_default = |row: &&&str| {
                let mut defaults = option.get_default_values().iter();
                defaults.all(|default| row.contains(&*default.to_string_lossy()))
            };
            assert!(named.any(|row| has_default(&row)), "--{long}");
        } else {
            assert!(named.next().is_some(), "--{long}");
        }
    }
}

#[test]
fn the_options_of_a_run_are_under_the_headings_that_its_help_has() {
    let options = page("docs/options.md");
    let mut command = Arguments::command();
    command.build();
    for option in command
        .get_arguments()
        .filter(|option| !option.is_hide_set())
    {
        let heading = option.get_help_heading().unwrap_or("Help");
        let long = option.get_long().expect("every option has a long name");
        let table = section(&options, &format!("\n### {heading}\n"));
        assert!(
            table.contains(&format!("`--{long}")),
            "--{long} under {heading}"
        );
    }
}

#[test]
fn every_key_of_a_scenario_is_in_its_page_and_so_is_a_scenario_of_the_repository() {
    let studies = page("docs/studies.md");
    let (_, problem) = Scenario::parse("[[class]]\nname = \"a\"\nnonsense = 1").unwrap_err();
    let (_, keys) = problem
        .split_once("expected one of ")
        .expect("it names the keys");
    let keys: Vec<&str> = keys.split(", ").collect();
    assert!(keys.len() > 5, "{problem}");
    for key in keys {
        assert!(studies.contains(&format!("\n| {key} |")), "{key}");
    }
    let sample = include_str!("../../inputs/scenarios/flash-crowd.toml");
    let indented = |line: &str| {
        if line.is_empty() {
            "\n".into()
        } else {
            format!("    {line}\n")
        }
    };
    let sample: String = sample.lines().map(indented).collect();
    assert!(studies.contains(&sample), "{sample}");
}

#[test]
fn every_policy_is_in_its_page_with_what_it_does() {
    fn check<T>(option: &str, all: &[Named<T>]) {
        let designs = page("docs/designs.md");
        for Named { name, about, .. } in all {
            let row = format!("| `--{option} {name}` | {about} |");
            assert!(designs.contains(&row), "{row}");
        }
    }
    check("tracker-index", TrackerIndex::ALL);
    check("peer-selection", selection::ALL);
    check("segment-order", order::ALL);
}

#[test]
fn every_message_and_every_rule_is_in_the_page_of_the_protocol() {
    let protocol = page("docs/protocol.md");
    for tag in Tag::ALL {
        assert!(protocol.contains(&format!("\n| {tag} |")), "{tag}");
    }
    for rule in Rule::ALL.into_iter().filter(|rule| *rule != Rule::Messages) {
        assert!(protocol.contains(&format!("\n* **{rule}** ")), "{rule}");
    }
}

#[test]
fn every_field_of_a_report_is_in_its_page() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("report.json");
    let output = Command::new(support::job::program())
        .args(["simulate", "--flash-crowd", "--clients", "9"])
        .args(["--segments", "20", "--upload-time", "5ms", "--seed", "1"])
        .arg("--scenario")
        .arg(root().join("inputs/scenarios/flash-crowd.toml"))
        .arg("--report")
        .arg(&path)
        .output()
        .expect("the program can be run");
    assert!(output.status.success(), "{output:?}");
    let report = fs::read_to_string(&path).expect("a report");
    let mut report: Value = serde_json::from_str(&report).expect("JSON");
    let mut settings = report["settings"].take();

    let mut fields = BTreeSet::new();
    collect_fields(&report, &mut fields);
    let mut own = |field: &str| {
        let value = settings.as_object_mut().expect("an object").remove(field);
        fields.insert(field.to_owned());
        value.expect(field)
    };
    own("clients");
    let mut of_part = BTreeSet::new();
    collect_fields(&own("scenario"), &mut of_part);
    assert!(fields.contains("end_game_share") && of_part.contains("conduct"));
    let told = page("docs/report.md");
    let is_told = |field: &String| told.contains(&format!("`{field}`"));
    for field in fields {
        assert!(is_told(&field), "{field}");
    }
    let keys = page("docs/studies.md");
    for field in of_part {
        let is_key = keys.contains(&format!("\n| `{field}` |"));
        assert!(is_key || is_told(&field), "{field}");
    }
    let options = page("docs/options.md");
    for setting in settings.as_object().expect("an object").keys() {
        let option = format!("`--{}", setting.replace('_', "-"));
        assert!(options.contains(&option), "{option}");
    }
}

/// The names of all fields; not those that stand for a tag or a class.
fn collect_fields(value: &Value, fields: &mut BTreeSet<String>) {
    if let Some(values) = value.as_array() {
        for value in values {
            collect_fields(value, fields);
        }
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        fields.insert(name.clone());
        match (name.as_str(), value.as_object()) {
            ("messages" | "classes", Some(named)) => {
                for value in named.values() {
                    collect_fields(value, fields);
                }
            }
            _ => collect_fields(value, fields),
        }
    }
}

/// The commands for a terminal, each with what it prints there. They are run in a folder that has the
/// repository's inputs, and that stands for `/tmp`.
#[test]
fn the_commands_of_the_pages_work_and_a_simulation_prints_what_they_say() {
    let mut tried = 0;
    for place in ["docs/trace.md", "docs/studies.md", "docs/course.md"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let inputs = root().join("inputs");
        std::os::unix::fs::symlink(inputs, folder.path().join("inputs")).expect("a link");
        let page = page(place);
        let lines: Vec<&str> = page.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let Some(command) = line.strip_prefix("    $ ./bittorrent ") else {
                continue;
            };
            // What somebody else has to write first.
            if ["forged.jsonl", "asking.toml"]
                .iter()
                .any(|name| command.contains(name))
            {
                continue;
            }
            tried += 1;
            let command = command.replace("/tmp", &folder.path().to_string_lossy());
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("timeout 60 {} {command}", program())]);
            prepare(&mut shell, folder.path());
            let output = shell.output().expect("there is a shell");
            assert!(output.status.success(), "{place}: {line}: {output:?}");
            if command.starts_with("simulate ") {
                let shown = lines[number + 1..]
                    .iter()
                    .map_while(|line| line.strip_prefix("    "));
                let shown = shown.take_while(|line| !line.starts_with("$ "));
                let printed = String::from_utf8(output.stdout).expect("text");
                assert!(shown.eq(printed.lines()), "{place}: {line}: {printed}");
            }
        }
    }
    assert!(tried > 8, "{tried}");
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    for (place, text) in &pages {
        let links = text.split("](").skip(1);
        let links = links.filter_map(|rest| rest.split_once(')'));
        for (link, _) in links.filter(|(link, _)| !link.starts_with("https://")) {
            let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
            let folder = Path::new(place).parent().expect("a page is in a folder");
            let target = match target {
                "" => PathBuf::from(place),
                target => folder.join(target),
            };
            let target = root().join(target);
            assert!(target.exists(), "{place}: {link}");
            if !anchor.is_empty() {
                let text = fs::read_to_string(&target).expect("a page");
                let mut headings = text.lines().filter(|line| line.starts_with('#'));
                assert!(
                    headings.any(|line| self::anchor(line) == anchor),
                    "{place}: {link}"
                );
            }
        }
    }
}

/// What a link says for a heading.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let known = heading
        .chars()
        .filter(|&letter| letter.is_alphanumeric() || " -_".contains(letter));
    known.collect::<String>().replace(' ', "-")
}

#[test]
fn every_file_and_every_test_that_a_page_names_is_there() {
    let mut sources = Vec::new();
    for folder in ["src", "tests"] {
        collect_sources(&root().join(folder), &mut sources);
    }
    for (place, text) in pages() {
        for name in quoted(&text) {
            let is_file = ["src/", "tests/", "inputs/", "docs/"]
                .iter()
                .any(|folder| name.starts_with(folder));
            if is_file && !name.contains('*') {
                assert!(root().join(name).exists(), "{place}: {name}");
            }
            let is_test = name.matches('_').count() > 3
                && name
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
            if is_test && name.starts_with(|letter: char| letter.is_ascii_lowercase()) {
                let test = format!("fn {name}()");
                assert!(
                    sources.iter().any(|text| text.contains(&test)),
                    "{place}: {name}"
                );
            }
        }
    }
}

fn collect_sources(folder: &Path, sources: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository") {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() {
            collect_sources(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(fs::read_to_string(&path).expect("source is text"));
        }
    }
}
