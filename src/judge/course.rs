//! Every submission of a course (`--all`), one after another: built, graded, and a row of a table.
//!
//! A submission that is graded already is graded again only if it or the settings have changed.

mod build;
mod files;
mod index;
mod row;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
pub use row::{Row, Verdicts};

use crate::runs::sandbox::Interrupted;
use crate::told::grading::Grading;

/// How long the build of a submission may take.
const BUILD_TIME: Duration = Duration::from_secs(60);

/// The file that lists the graded submissions with their fingerprints. No submission has a hidden name.
const GRADED: &str = ".graded.json";

/// The file that lists all submissions, without its ending.
const INDEX: &str = "index";

/// A submission on its way.
struct Submission {
    name: String,
    folder: PathBuf,
    /// Changes when it or the settings change.
    fingerprint: String,
    /// What came of it, once it is graded.
    row: Option<Row>,
}

/// Builds and grades each folder in `folder`, and writes `marks.csv`, `index.html` and a `<NAME>.json` each
/// to `output`, where `grade_one` may write `<NAME>.html`. `settings` is what the verdicts follow from
/// besides the submission.
///
/// # Errors
/// When the folder cannot be read, or the output not be written. A submission that cannot be graded
/// has a row that says why.
pub fn grade_all(
    folder: &Path,
    output: &Path,
    settings: &str,
    grade_one: &mut dyn FnMut(&Path, &str) -> Result<Grading>,
) -> Result<Vec<Row>> {
    fs::create_dir_all(output).with_context(|| format!("cannot create {}", output.display()))?;
    let mut graded = graded_before(output);
    let mut all = Vec::new();
    for (name, folder) in submissions(folder, output)? {
        let fingerprint = files::fingerprint(&folder, settings)?;
        let is_graded = graded.get(&name) == Some(&fingerprint);
        let before = is_graded.then(|| read(output, &name)).flatten();
        let row = before.map(|grading| Row {
            name: name.clone(),
            result: Ok(Verdicts::from(&grading)),
        });
        all.push(Submission {
            name,
            folder,
            fingerprint,
            row,
        });
    }
    for place in 0..all.len() {
        let submission = &mut all[place];
        if submission.row.is_some() {
            continue;
        }
        let name = submission.name.clone();
        let grading = build::build(&submission.folder, BUILD_TIME).and_then(|built| {
            let grading = grade_one(&built.program, &name);
            grading.context("it could not be graded")
        });
        let result = match grading {
            Ok(grading) => {
                let report = serde_json::to_vec_pretty(&grading)?;
                save(&output.join(format!("{name}.json")), &report)?;
                graded.insert(name.clone(), submission.fingerprint.clone());
                save(&output.join(GRADED), &serde_json::to_vec_pretty(&graded)?)?;
                Ok(Verdicts::from(&grading))
            }
            Err(problem) if problem.is::<Interrupted>() => return Err(problem),
            Err(problem) => Err(format!("{problem:#}")),
        };
        submission.row = Some(Row { name, result });
        write_tables(output, &all)?;
    }
    write_tables(output, &all)?;
    Ok(all.into_iter().filter_map(|it| it.row).collect())
}

/// The folders in a folder, by name, but for hidden ones and the output.
fn submissions(folder: &Path, output: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let output = output.canonicalize().ok();
    let mut submissions = BTreeMap::new();
    let cannot = || format!("cannot read {}", folder.display());
    for entry in fs::read_dir(folder).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        if !path.is_dir() || path.canonicalize().ok() == output {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_str();
        let Some(name) = name.filter(|&name| name != INDEX) else {
            let shown = path.display();
            bail!("{shown}: expected a name in UTF-8 other than '{INDEX}': rename the folder");
        };
        if !name.starts_with('.') {
            submissions.insert(name.to_owned(), path);
        }
    }
    if submissions.is_empty() {
        bail!(
            "{}: expected a folder for each submission, found none",
            folder.display()
        );
    }
    Ok(submissions)
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

/// Writes the rows so far, as text for spreadsheets and as a page.
fn write_tables(output: &Path, all: &[Submission]) -> Result<()> {
    let rows = all.iter().filter_map(|it| it.row.as_ref());
    save(&output.join("marks.csv"), &row::csv(rows.clone())?)?;
    let has_page = |name: &str| output.join(format!("{name}.html")).is_file();
    let page = index::page(rows, &has_page);
    save(&output.join(format!("{INDEX}.html")), page.as_bytes())
}

/// Writes a file, whole or not at all.
fn save(path: &Path, content: &[u8]) -> Result<()> {
    let write = || {
        let mut file = tempfile::Builder::new()
            .prefix(".grades")
            .permissions(fs::Permissions::from_mode(0o666)) // without what the umask takes
            .tempfile_in(path.parent().unwrap_or(Path::new(".")))?;
        file.write_all(content)?;
        file.persist(path)?;
        std::io::Result::Ok(())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
