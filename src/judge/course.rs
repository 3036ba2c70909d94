//! Every submission of a course (`--all`), one after another: built, graded, and a row of a table.
//!
//! A submission that is graded already is graded again only if it or the settings have changed. What is
//! wrong with a submission is its row, and keeps no other from being graded.

mod apart;
mod build;
mod files;
mod index;
mod row;
mod sanitize;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
pub use apart::{Sheets, grade, look, serve};
pub use row::{Row, Verdicts};
pub use sanitize::Look;
use swarm::shown::Shown;

use crate::runs::stop::Stop;
use crate::told::grading::{Grading, Sanitized};
use swarm::output;
use swarm::say;
use swarm::signals::Interrupted;

/// How long the build of a submission may take.
const BUILD_TIME: Duration = Duration::from_secs(60);

/// The file that lists the graded submissions with their fingerprints. No submission has a hidden name.
const GRADED: &str = ".graded.json";

/// The file with a row for each submission, for spreadsheets.
const MARKS: &str = "marks.csv";

/// The file that lists all submissions, without its ending.
const INDEX: &str = "index";

/// A folder that macOS adds to archives, with what it knows of the files. It is no submission.
const OF_MACOS: &str = "__MACOSX";

/// A submission on its way.
struct Submission {
    name: String,
    folder: PathBuf,
    /// Changes when it or the settings change.
    fingerprint: String,
    /// What came of it, once it is graded, or cannot be.
    row: Option<Row>,
}

/// Grades a program that was built, by the name of its submission, and with what a sanitizer has shown of it.
pub type GradeOne<'a> = dyn FnMut(&Path, &str, Option<Sanitized>) -> Result<Sheets> + 'a;

/// Builds and grades each folder in `folder`, and writes `marks.csv`, `index.html`, and a `<NAME>.json` and a
/// `<NAME>.html` each to `output`. `settings` is what the verdicts follow from besides the submission. With `look`,
/// each is built again with a sanitizer, and looked at.
///
/// # Errors
/// When the folder cannot be read, the tables not be written, or it is to stop. A submission that cannot be
/// graded has a row that says why.
pub fn grade_all(
    folder: &Path,
    output: &Path,
    settings: &str,
    stop: &Stop,
    mut look: Option<&mut Look<'_>>,
    grade_one: &mut GradeOne<'_>,
) -> Result<Vec<Row>> {
    let settings = &format!("{settings} {}", look.is_some());
    fs::create_dir_all(output).with_context(|| format!("cannot create {}", output.shown()))?;
    let mut graded = graded_before(output);
    let mut all = Vec::new();
    let submissions = submissions(folder, output)?;
    look_at_places(output, submissions.iter().map(|(name, _)| &**name))?;
    for (name, folder) in submissions {
        let fingerprint =
            named(&name, &folder).and_then(|()| files::fingerprint(&folder, settings));
        let (fingerprint, result) = match fingerprint {
            Ok(fingerprint) => {
                let is_graded = graded.get(&name) == Some(&fingerprint);
                let before = is_graded.then(|| read(output, &name)).flatten();
                let verdicts = before.map(|grading| Verdicts::from(&grading));
                (fingerprint, verdicts.map(Ok))
            }
            Err(problem) => (String::new(), Some(Err(format!("{problem:#}")))),
        };
        let row = result.map(|result| Row {
            name: name.clone(),
            result,
        });
        all.push(Submission {
            name,
            folder,
            fingerprint,
            row,
        });
    }
    write_tables(output, &all)?;
    for place in 0..all.len() {
        let submission = &mut all[place];
        if submission.row.is_some() {
            continue;
        }
        let name = submission.name.clone();
        let sheets = build::build(&submission.folder, &[], BUILD_TIME, stop).and_then(|built| {
            let look = look.as_deref_mut();
            let sanitized =
                look.map(|look| sanitize::sanitize(&submission.folder, BUILD_TIME, stop, look));
            grade_one(&built.program, &name, sanitized.transpose()?)
        });
        let interrupted = || {
            let output = output.shown();
            let why = format!("{output}/marks.csv has what is done, and the same command goes on");
            anyhow::Error::new(Interrupted).context(why)
        };
        if stop.is_asked_for() {
            return Err(interrupted());
        }
        let verdicts = sheets.and_then(|sheets| {
            let report = serde_json::to_vec_pretty(&sheets.grading)?;
            output::write(&output.join(format!("{name}.json")), &report)?;
            output::write(&output.join(format!("{name}.html")), sheets.page.as_bytes())?;
            Ok(Verdicts::from(&sheets.grading))
        });
        if verdicts.is_err() && stop.is_asked_for() {
            return Err(interrupted()); // while nobody read what was written
        }
        if verdicts.is_ok() {
            graded.insert(name.clone(), submission.fingerprint.clone());
            let list = serde_json::to_vec_pretty(&graded)?;
            output::write(&output.join(GRADED), &list)?;
        }
        let result = verdicts.map_err(|problem| format!("{problem:#}"));
        submission.row = Some(Row { name, result });
        write_tables(output, &all)?;
    }
    for row in all.iter().filter_map(|it| it.row.as_ref()) {
        if row.result.is_err() {
            forget(output, &row.name);
        }
    }
    write_tables(output, &all)?;
    Ok(all.into_iter().filter_map(|it| it.row).collect())
}

/// The folders in a folder, by name, but for hidden ones, that of macOS, and the output. What else is there is named
/// to the user: somebody may have handed it in.
fn submissions(folder: &Path, output: &Path) -> Result<Vec<(String, PathBuf)>> {
    let output = output.canonicalize().ok();
    ensure!(
        output.is_none() || folder.canonicalize().ok() != output,
        "{}: the grades are to have a folder of their own: name another --output-dir",
        folder.shown()
    );
    let mut submissions = Vec::new();
    let mut left_out = Vec::new();
    let cannot = || format!("cannot read {}", folder.shown());
    for entry in fs::read_dir(folder).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        let name = path.file_name().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        if name.starts_with('.') || name == OF_MACOS || path.canonicalize().ok() == output {
            continue;
        }
        if !path.is_dir() {
            left_out.push((path, "it is no folder"));
        } else if path.join(GRADED).exists() {
            left_out.push((path, "it has the grades of an earlier time"));
        } else {
            submissions.push((name, path));
        }
    }
    left_out.sort();
    for (path, why) in left_out {
        let path = path.shown();
        say::problem(format_args!("warning: {path} is not graded: {why}"));
    }
    ensure!(
        !submissions.is_empty(),
        "{}: expected a folder for each submission, found none",
        folder.shown()
    );
    submissions.sort();
    Ok(submissions)
}

/// Looks at the places of all that is to be written, before anything is. An output folder that has a list of grades is
/// ours, and what is in it may be replaced; in another one nothing is.
///
/// # Errors
/// When something is there that is not ours, or no file.
fn look_at_places<'a>(output: &Path, names: impl Iterator<Item = &'a str>) -> Result<()> {
    let list = output.join(GRADED);
    let is_ours = list.exists();
    let of_one = |name: &str| ["json", "html"].map(|ending| format!("{name}.{ending}"));
    let files = names.flat_map(of_one);
    for file in files.chain([MARKS.to_owned(), format!("{INDEX}.html")]) {
        let path = output.join(file);
        // One that is no file name is a row of the table.
        let Ok(there) = fs::symlink_metadata(&path) else {
            continue;
        };
        let shown = path.shown();
        ensure!(
            !there.is_dir(),
            "cannot write {shown}: it is a folder: name another --output-dir"
        );
        ensure!(
            is_ours,
            "{shown} would be replaced, and is of no earlier grading: name another --output-dir"
        );
    }
    if !is_ours {
        output::write(&list, b"{}")?;
    }
    Ok(())
}

/// Whether files can have the name of a submission.
fn named(name: &str, folder: &Path) -> Result<()> {
    let is_whole = folder.file_name().and_then(|name| name.to_str()).is_some();
    ensure!(
        is_whole && name != INDEX,
        "expected a name in UTF-8 other than '{INDEX}': rename the folder"
    );
    Ok(())
}

/// The submissions that are graded already, with their fingerprints. Empty if that cannot be read: then
/// all are graded again.
fn graded_before(output: &Path) -> BTreeMap<String, String> {
    let text = fs::read(output.join(GRADED)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

fn read(output: &Path, name: &str) -> Option<Grading> {
    let text = fs::read(output.join(format!("{name}.json"))).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Removes what an earlier time left of a submission that has no verdicts now.
fn forget(output: &Path, name: &str) {
    if name != INDEX {
        for ending in ["json", "html"] {
            let _ = fs::remove_file(output.join(format!("{name}.{ending}"))); // if there is one
        }
    }
}

/// Writes the rows so far, as text for spreadsheets and as a page.
fn write_tables(output: &Path, all: &[Submission]) -> Result<()> {
    let rows = all.iter().filter_map(|it| it.row.as_ref());
    output::write(&output.join(MARKS), &row::csv(rows.clone())?)?;
    let page = index::page(rows);
    output::write(&output.join(format!("{INDEX}.html")), page.as_bytes())?;
    Ok(())
}
