//! `bittorrent study`.

mod files;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

const STUDY: &str = r#"
title = "Does it <work>?"
claim = "It does."
source = "Nobody, 2026"
finding = { text = "It did.", of = "00000000" }

[combinations.design]
E = {}
least = { peer-selection = "least-busy", upload-slots = 0 }

[options]
flash-crowd = true
segments = 5
upload-time = "1ms"
latency = "10us..90us"

[[grids]]
repetitions = 6
axes.clients = [3, 5]
axes.design = ["E", "least"]

[[grids]]
repetitions = 2
at-once = 1
axes.clients = [9]
axes.design = ["E"]

[[pictures]]
name = "makespan"
title = "How long does it take?"
x = "clients"
y = "makespan"
lines = "design"
log = "x"
"#;

fn folder(study: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("works.toml"), study).expect("it can be written");
    folder
}

/// Runs `bittorrent study` in a folder, on this number of cores.
fn study(folder: &Path, cores: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(support::job::program());
    command.arg("study").args(arguments).current_dir(folder);
    command.env("RAYON_NUM_THREADS", cores);
    command.output().expect("the program can be run")
}

/// Runs the study of a folder, which goes well. Returns what it said on standard error.
fn well(folder: &Path, cores: &str, arguments: &[&str]) -> String {
    let arguments = [&["works.toml"], arguments].concat();
    let output = study(folder, cores, &arguments);
    let errors = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(0), "{errors}");
    errors
}

fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let entries = entries.map(|entry| entry.expect("it can be listed"));
    let read = |entry: fs::DirEntry| {
        let text = fs::read_to_string(entry.path()).expect("text");
        (entry.file_name().to_string_lossy().into_owned(), text)
    };
    entries.map(read).collect()
}

#[test]
fn a_study_gives_the_same_bytes_on_one_core_and_on_many_and_after_an_interruption() {
    let [one, many] = [(); 2].map(|()| folder(STUDY));
    well(one.path(), "1", &["--page", "page.md"]);
    well(many.path(), "4", &["--page", "page.md"]);
    let whole = files(&one.path().join("works"));
    assert_eq!(
        whole.keys().collect::<Vec<_>>(),
        ["index.html", "makespan.svg", "results.csv"]
    );
    assert!(whole == files(&many.path().join("works")));
    assert_eq!(whole["results.csv"].lines().count(), 1 + 2 * 2 * 6 + 2);

    let results = one.path().join("works/results.csv");
    let length = whole["results.csv"].len();
    for left in [0, length / 3, length / 2, length - 1] {
        fs::write(&results, &whole["results.csv"][..left]).expect("it can be written");
        well(one.path(), "4", &[]);
        assert!(
            whole == files(&one.path().join("works")),
            "from {left} bytes"
        );
    }

    let page = fs::read_to_string(one.path().join("page.md")).expect("a page");
    assert!(page.contains("\n## Does it <work>?\n"), "{page}");
    assert!(page.contains("\n![How long does it take?](works/makespan.svg)\n"));
    assert!(page.contains("\n| clients | E | least |\n|---|---|---|\n| 3 | 0.00"));
    let row = page.lines().find(|line| line.starts_with("| 9 | "));
    let row = row.expect("a row of the second grid");
    assert!(row.ends_with(")* | - |"), "too few for an interval: {row}");
    let html = &whole["index.html"];
    assert!(html.contains("<h1>Does it &lt;work&gt;?</h1>") && html.contains("<svg "));
    assert!(
        !html.contains("src=") && !html.contains("url("),
        "no network"
    );
}

#[test]
fn what_is_done_is_not_done_again_unless_it_is_to_be_begun_anew() {
    let folder = folder(STUDY);
    let dry_run = || {
        let output = study(folder.path(), "2", &["works.toml", "--dry-run"]);
        String::from_utf8(output.stdout).expect("text")
    };
    let line = "works: 26 runs of 5 combinations, 0 of them done; 440 segments to download\n";
    assert_eq!(dry_run(), line);
    assert!(!folder.path().join("works").exists());
    well(folder.path(), "2", &[]);
    let line = "works: 26 runs of 5 combinations, 26 of them done; 0 segments to download\n";
    assert_eq!(dry_run(), line);

    // A figure that no run would give stays until all are done anew.
    let path = folder.path().join("works/results.csv");
    let results = fs::read_to_string(&path).expect("results");
    let forged = results.replacen("3,E,1,1,10,", "3,E,1,1,11,", 1);
    assert_ne!(forged, results);
    fs::write(&path, &forged).expect("it can be written");
    well(folder.path(), "2", &[]);
    assert_eq!(fs::read_to_string(&path).expect("results"), forged);
    well(folder.path(), "2", &["--force"]);
    assert_eq!(fs::read_to_string(&path).expect("results"), results);

    let other = STUDY.replace("segments = 5", "segments = 6");
    fs::write(folder.path().join("works.toml"), other).expect("it can be written");
    let refused = study(folder.path(), "2", &["works.toml"]);
    let error = String::from_utf8(refused.stderr).expect("text");
    assert_eq!(refused.status.code(), Some(2));
    let start =
        "bittorrent: works/results.csv is of another study (--force begins it anew): line 2: ";
    assert!(error.starts_with(start), "{error}");
    assert_eq!(fs::read_to_string(&path).expect("results"), results);
}

#[test]
fn a_finding_that_was_written_of_other_results_does_not_pass_in_silence() {
    let folder = folder(STUDY);
    let warning = well(folder.path(), "2", &[]);
    let start = "warning: works: the finding was not written of these results; \
                 if it is true of them, say of = \"";
    let mark = warning
        .strip_prefix(start)
        .unwrap_or_else(|| panic!("{warning}"));
    let read = || fs::read_to_string(folder.path().join("works/index.html")).expect("a page");
    assert!(read().contains("It did. (This was written of other results"));

    let confirmed = STUDY.replace("00000000", mark.trim_end().trim_end_matches('"'));
    fs::write(folder.path().join("works.toml"), confirmed).expect("it can be written");
    assert_eq!(well(folder.path(), "2", &[]), "");
    assert!(read().contains("It did.</p>"));
}

#[test]
fn a_study_that_cannot_be_carried_out_is_refused_with_the_place() {
    let bad = STUDY.replace("segments = 5", "segmets = 5");
    let folder = folder(&bad);
    let output = study(folder.path(), "1", &["works.toml"]);
    let error = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2));
    let start = "bittorrent: works.toml:13:11: simulate has no option 'segmets'; it has ";
    assert!(error.starts_with(start), "{error}");
    assert!(!folder.path().join("works").exists());

    // A path in a study is relative to its file.
    let inputs = STUDY.replace("flash-crowd = true\nsegments = 5", "input-dir = 'in'");
    let inputs = inputs.replace("axes.clients", "axes.window");
    let inputs = inputs.replace("x = \"clients\"", "x = \"window\"");
    fs::create_dir(folder.path().join("deeper")).expect("a folder");
    fs::write(folder.path().join("deeper/works.toml"), inputs).expect("it can be written");
    let output = study(folder.path(), "1", &["deeper/works.toml"]);
    let error = String::from_utf8(output.stderr).expect("text");
    let start = "bittorrent: works, window 3, design E: cannot list the inputs in deeper/in: ";
    assert!(error.starts_with(start), "{error}");
}

/// Its results would go to the folder above, or into that of all studies.
#[test]
fn a_study_without_a_name_of_its_own_is_refused() {
    for name in ["..toml", "...toml"] {
        let folder = folder(STUDY);
        let path = folder.path().join(name);
        fs::rename(folder.path().join("works.toml"), path).expect("it is there");
        let output = study(folder.path(), "1", &[name, "-o", "new/inside"]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        let errors = String::from_utf8(output.stderr).expect("text");
        assert!(errors.contains("as in NAME.toml"), "{errors}");
        assert!(!folder.path().join("new").exists(), "{name}");
    }
}

#[test]
fn classes_of_clients_have_figures_of_their_own() {
    let study_text = STUDY
        .replace(
            "[combinations",
            "classes = ['late', 'rider']\n[combinations",
        )
        .replace("E = {}", "E = { scenario = 'parts.toml' }")
        .replace("y = \"makespan\"", "y = \"completion-median.late\"");
    let folder = folder(&study_text);
    let parts = "[[class]]\nname = 'late'\nclients = [2]\narrives = '1s'\n\
                 [[class]]\nname = 'rider'\nclients = [3]\nconduct = 'free rider'\n";
    fs::write(folder.path().join("parts.toml"), parts).expect("it can be written");
    well(folder.path(), "1", &[]);
    let files = files(&folder.path().join("works"));
    let mut rows = csv::Reader::from_reader(files["results.csv"].as_bytes());
    let columns = rows.headers().expect("a header").clone();
    let mut parted = 0;
    for row in rows.records() {
        let row = row.expect("a row");
        let of = |name| &row[columns.iter().position(|it| it == name).expect(name)];
        let is_parted = of("design") == "E";
        parted += u32::from(is_parted);
        let expected = if is_parted {
            ["1", "1", "0"]
        } else {
            ["", "", ""]
        };
        assert_eq!(
            ["files.late", "files.rider", "served.rider"].map(of),
            expected
        );
        assert_eq!(of("completion-median.late").is_empty(), !is_parted);
    }
    assert_eq!(parted, 14);

    let unknown = study_text.replace("'rider'", "'ridre'");
    fs::write(folder.path().join("works.toml"), unknown).expect("it can be written");
    let output = study(folder.path(), "1", &["works.toml", "--force"]);
    let error = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2));
    let expected = "bittorrent: works: expected a class of a scenario, found 'ridre', of which \
                    no client is\n";
    assert_eq!(error, expected);
}

#[test]
fn moments_have_figures_of_their_own_and_can_be_drawn() {
    let study_text = STUDY.replace(
        "[combinations",
        "moments = ['0ms', '6ms', '1s']\n[combinations",
    ) + "[[pictures]]\nname = 'done'\ntitle = 'When?'\nx = 'moment'\ny = 'clients-done'\n\
           lines = 'design'\nonly.clients = [3]\n";
    let folder = folder(&study_text);
    well(folder.path(), "1", &[]);
    let files = files(&folder.path().join("works"));
    let mut rows = csv::Reader::from_reader(files["results.csv"].as_bytes());
    let columns = rows.headers().expect("a header").clone();
    for row in rows.records() {
        let row = row.expect("a row");
        let of = |name| &row[columns.iter().position(|it| it == name).expect(name)];
        let clients: f64 = of("clients").parse().expect("a number");
        let number = |name| of(name).parse::<f64>().expect(name);
        assert_eq!(
            ["rarest.0ms", "links-busy.0ms", "clients-done.0ms"].map(of),
            ["", "0", "0"]
        );
        // A client needs 5 ms, and the seed is done from the start.
        assert!(number("links-busy.6ms") > 0.0, "{row:?}");
        assert!(
            (1.0 / clients..1.0).contains(&number("clients-done.6ms")),
            "{row:?}"
        );
        assert_eq!(number("rarest.1s"), clients);
        assert_eq!(["links-busy.1s", "clients-done.1s"].map(number), [0.0, 1.0]);
    }
    let picture = &files["done.svg"];
    for word in [
        "time since the start",
        "1s",
        "part of the clients that have all they want",
    ] {
        assert!(picture.contains(word), "{word}");
    }
}

#[test]
fn every_study_of_the_repository_can_be_carried_out() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let studies = fs::read_dir(repository.join("inputs/studies")).expect("there are studies");
    let paths = studies.map(|entry| entry.expect("it can be listed").path());
    let paths: Vec<_> = paths.filter(|path| path.is_file()).collect();
    assert!(paths.len() >= 4);
    for path in paths {
        let path = path.to_str().expect("a readable path");
        let nowhere = tempfile::tempdir().expect("a temporary folder");
        let output = study(nowhere.path(), "1", &[path, "--dry-run"]);
        assert_eq!(output.status.code(), Some(0), "{path}: {output:?}");
    }
}
