//! What is written is read again, and what is not of a study is refused.

use std::fs;

use super::earlier::known;
use super::*;
use crate::study::file;
use crate::study::metrics::METRICS;
use crate::study::samples::simulation;

fn study(fixed: &str) -> Study {
    let text = format!(
        "title = 't'\nclaim = 'c'\nsource = 's'\nseed = 7\npictures = []\n\
         options = {{ flash-crowd = true, segments = 3, {fixed} }}\n\
         grids = [{{ repetitions = 2, axes.clients = [2, 3] }}]"
    );
    file::study(&text, "t", Path::new(""), simulation).expect("a good study")
}

fn row(number: usize) -> Figures {
    let mut row = vec![Some(0.5); METRICS.len()];
    row[0] = Some(number as f64 + 0.1);
    row[3] = None; // the lower bound is not known
    row
}

/// Writes the four rows of a study.
fn write_all(path: &Path, study: &Study, runs: &[StudyRun<'_>]) {
    let mut results = Results::go_on(path, study, runs, EarlierResults::default()).unwrap();
    (0..4).for_each(|number| results.add(number, row(number)).unwrap());
}

#[test]
fn rows_come_in_the_order_of_the_study_whatever_ends_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.csv");
    let study = study("window = 1");
    let runs = study.runs();
    let mut results = Results::go_on(&path, &study, &runs, EarlierResults::default()).unwrap();
    for number in [2, 0, 3] {
        results.add(number, row(number)).unwrap();
    }
    assert_eq!(results.figures.len(), 1, "the others wait for the second");
    results.add(1, row(1)).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("clients,repetition,seed,segments,missing,makespan,"));
    for (line, start) in lines[1..]
        .iter()
        .zip(["2,1,7,0.1,", "2,2,8,1.1,", "3,1,7,2.1,"])
    {
        assert!(line.starts_with(start), "{line}");
    }
    let options = "--flash-crowd --segments=3 --window=1 --clients=3";
    assert!(lines[4].ends_with(options), "{}", lines[4]);
    let known = EarlierResults::read(&path, &study, &runs, false).unwrap();
    assert_eq!(known.figures, [0, 1, 2, 3].map(row));
}

#[test]
fn results_go_on_behind_the_last_whole_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.csv");
    let study = study("window = 1");
    let runs = study.runs();
    write_all(&path, &study, &runs);
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let known = EarlierResults::read(&path, &study, &runs, false).unwrap();
        let done = known.figures.len();
        let lines = whole[..length]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        assert_eq!(done, lines.saturating_sub(1));
        let mut results = Results::go_on(&path, &study, &runs, known).unwrap();
        (done..4).for_each(|number| results.add(number, row(number)).unwrap());
        assert!(fs::read(&path).unwrap() == whole, "after {length} bytes");
    }
}

#[test]
fn the_results_of_another_study_are_not_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.csv");
    let (one, other) = (study("window = 1"), study("window = 2"));
    let runs = one.runs();
    let mut results = Results::go_on(&path, &one, &runs, EarlierResults::default()).unwrap();
    results.add(0, row(0)).unwrap();
    let refused = |study: &Study| {
        let error = EarlierResults::read(&path, study, &study.runs(), false).unwrap_err();
        let path = path.display();
        let start = format!("{path} is of another study (--force begins it anew): ");
        let text = format!("{error:#}");
        text.strip_prefix(&start)
            .unwrap_or_else(|| panic!("{text}"))
            .to_owned()
    };
    assert_eq!(
        refused(&other),
        "line 2: expected the options --flash-crowd --segments=3 --window=2 --clients=2, \
         found --flash-crowd --segments=3 --window=1 --clients=2"
    );
    let later = Study {
        seed: 8,
        ..study("window = 1")
    };
    assert_eq!(refused(&later), "line 2: expected 2,1,8, found 2,1,7");
    fs::write(&path, "some,thing\n").unwrap();
    assert!(refused(&one).starts_with("line 1: expected the columns clients,repetition,"));
}

#[test]
fn damaged_results_are_refused_with_the_line_and_what_is_above_it_is_good() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.csv");
    let study = study("window = 1");
    let runs = study.runs();
    write_all(&path, &study, &runs);
    let whole = fs::read_to_string(&path).unwrap();
    let read = |text: &str| {
        fs::write(&path, text).unwrap();
        EarlierResults::read(&path, &study, &runs, false).map_err(|error| error.to_string())
    };
    let marked = read(&format!("\u{feff}{whole}")).unwrap();
    assert_eq!(marked.figures.len(), 4, "Excel begins a file like this");
    for (number, column) in [(2, 3), (2, 4), (3, 5), (4, 14)] {
        for cell in [
            "NaN",
            "inf",
            "-inf",
            "-1",
            "",
            "x",
            "1e999",
            "1e308",
            "9007199254740993.5",
            "1,5",
            "\u{1b}[2J",
        ] {
            let mut lines: Vec<Vec<&str>> = whole
                .lines()
                .map(|line| line.split(',').collect())
                .collect();
            lines[number][column] = cell;
            let lines: Vec<String> = lines.iter().map(|line| line.join(",")).collect();
            let text = lines.join("\n") + "\n";
            let error = read(&text).unwrap_err();
            let line = number + 1;
            let start = format!("{}:{line}: ", path.display());
            assert!(error.starts_with(&start), "{error}");
            let good = if line == 3 {
                "1 run".into()
            } else {
                format!("{} runs", line - 2)
            };
            let good = format!("good ({good}): delete this line and all below");
            assert!(
                error.contains(&good) && !error.contains('\u{1b}'),
                "{error}"
            );
            let known = read(&(lines[..number].join("\n") + "\n")).unwrap();
            assert_eq!(known.figures.len(), number - 1);
        }
    }
}

#[test]
fn a_run_in_which_nothing_was_completed_has_no_times() {
    let study = study("window = 1");
    let runs = study.runs();
    let read = |missing: &str, times: [&str; 5]| {
        let mut cells = vec!["0.5"; METRICS.len()];
        let [makespan, minimum, median, p95, maximum] = times;
        cells[1..8].copy_from_slice(&[missing, makespan, "", minimum, median, p95, maximum]);
        let row = runs[0].head().join(",") + "," + &cells.join(",") + "," + &runs[0].options();
        let text = columns(&study).join(",") + "\n" + &row + "\n";
        known(text.as_bytes(), &study, &runs).is_ok()
    };
    assert!(read("1", [""; 5]) && read("1", ["2"; 5]) && read("0", ["2"; 5]));
    assert!(!read("0", [""; 5]), "all files came");
    for place in 0..5 {
        let mut times = ["2"; 5];
        times[place] = "";
        assert!(!read("1", times), "the others say that one came");
    }
}

#[test]
fn what_is_not_of_this_study_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.csv");
    let study = study("window = 1");
    let runs = study.runs();
    write_all(&path, &study, &runs);
    let whole = fs::read_to_string(&path).unwrap();
    let read = |text: &str| {
        fs::write(&path, text).unwrap();
        EarlierResults::read(&path, &study, &runs, false).map_err(|error| format!("{error:#}"))
    };
    let header = columns(&study).join(",") + "\n";
    for (text, why) in [
        ("mine", "line 1: expected the columns clients,"),
        ("clients,mine", "line 1: expected the columns clients,"),
        (
            &(header.clone() + "mine"),
            "line 2: expected 2,1,7, found mine",
        ),
        (&(whole.clone() + "3"), "line 6: expected 4 runs at most"),
        (&"x".repeat(1 << 20), "bytes at most, found more"),
    ] {
        let error = read(text).unwrap_err();
        assert!(
            error.contains(why) && error.contains(" is of another study"),
            "{error}"
        );
    }
    let third = whole.match_indices('\n').nth(2).unwrap().0 + 1;
    let error = read(&(whole[..third].to_owned() + "3,2")).unwrap_err();
    let damaged = ":4: expected 3,1,7, found 3,2; what is above it is good (2 runs)";
    assert!(error.contains(damaged), "{error}");
    assert_eq!(read(&whole[..third + 3]).unwrap().figures.len(), 2);
    fs::remove_file(&path).unwrap();
    for place in [Path::new("/dev/null"), folder.path()] {
        for anew in [false, true] {
            std::os::unix::fs::symlink(place, &path).unwrap();
            let error = EarlierResults::read(&path, &study, &runs, anew).unwrap_err();
            assert!(
                error.to_string().ends_with(": expected a regular file"),
                "{error}"
            );
            fs::remove_file(&path).unwrap();
        }
    }
}

#[test]
fn a_mark_tells_results_apart() {
    assert_eq!(mark(&[row(1), row(2)]), mark(&[row(1), row(2)]));
    assert_ne!(mark(&[row(1), row(2)]), mark(&[row(2), row(1)]));
    assert_ne!(mark(&[vec![None]]), mark(&[vec![Some(0.0)]]));
}
