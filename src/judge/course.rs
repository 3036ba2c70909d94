//! `--all`: every submission of a course, one after another: built, graded, and a row of a table.
//!
//! What is finished is not done again, unless the submission or the settings have changed.

mod build;
mod files;
mod index;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::checks::Check;
use crate::runs::sandbox::Interrupted;
use crate::told::grading::{Grading, Marks, Verdict};
use crate::told::points::shown;

/// How long it may take to build a submission.
const BUILD_TIME: Duration = Duration::from_secs(60);

/// Which submissions are graded, with the mark of each. No submission has a hidden name.
const GRADED: &str = ".graded.json";

/// The file that lists all submissions, without its ending.
const INDEX: &str = "index";

/// What came of a submission.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The name of its folder.
    pub name: String,
    /// Its verdicts; or why there are none.
    pub result: Result<Graded, String>,
}

/// The verdicts of a submission, in short.
#[derive(Debug, Clone, PartialEq)]
pub struct Graded {
    /// What it is worth.
    pub marks: Marks,
    /// The checks that are wrong.
    pub wrong: Vec<Check>,
    /// Those that cannot be told.
    pub untold: Vec<Check>,
}

impl From<&Grading> for Graded {
    fn from(grading: &Grading) -> Graded {
        let with = |verdict| {
            let judgements = grading.counted().filter(|it| it.verdict == verdict);
            judgements.map(|judgement| judgement.check).collect()
        };
        Graded {
            marks: grading.marks.clone(),
            wrong: with(Verdict::Wrong),
            untold: with(Verdict::CannotBeTold),
        }
    }
}

impl Row {
    /// Whether something is wrong with it, and be it that it could not be graded.
    pub fn is_wrong(&self) -> bool {
        self.result
            .as_ref()
            .map_or(true, |graded| !graded.wrong.is_empty())
    }
}

/// For the terminal: the marks, and what is wrong.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.result {
            Err(problem) => {
                let first = problem.lines().next().unwrap_or_default();
                write!(f, "{:<20} not graded: {first}", self.name)
            }
            Ok(Graded { marks, wrong, .. }) => {
                let [total, of] = [marks.total, marks.of].map(shown);
                write!(f, "{:<20} {total:>5} of {of}", self.name)?;
                let wrong: Vec<&str> = wrong.iter().map(|check| check.name()).collect();
                if wrong.is_empty() {
                    write!(f, "  nothing is wrong")
                } else {
                    write!(f, "  wrong: {}", wrong.join(", "))
                }
            }
        }
    }
}

/// Builds and grades each folder in `folder`, and leaves `marks.csv`, `index.html`, and `<NAME>.json`
/// for each in `output`, where `grade_one` may leave `<NAME>.html`. `settings` is what the verdicts
/// follow from besides the submission.
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
    let mut marks = marks_before(output);
    let mut all = Vec::new();
    for (name, path) in submissions(folder, output)? {
        let mark = files::mark(&path, settings)?;
        let is_graded = marks.get(&name) == Some(&mark);
        let before = is_graded.then(|| read(output, &name)).flatten();
        let row = before.map(|grading| Row {
            name: name.clone(),
            result: Ok(Graded::from(&grading)),
        });
        all.push((name, path, mark, row));
    }
    for place in 0..all.len() {
        let (name, path, mark, None) = &all[place] else {
            continue;
        };
        let graded = build::build(path, BUILD_TIME).and_then(|built| {
            let graded = grade_one(&built.program, name);
            graded.context("it could not be graded")
        });
        let result = match graded {
            Ok(grading) => {
                let report = serde_json::to_vec_pretty(&grading)?;
                save(&output.join(format!("{name}.json")), &report)?;
                marks.insert(name.clone(), mark.clone());
                save(&output.join(GRADED), &serde_json::to_vec_pretty(&marks)?)?;
                Ok(Graded::from(&grading))
            }
            Err(problem) if problem.is::<Interrupted>() => return Err(problem),
            Err(problem) => Err(format!("{problem:#}")),
        };
        let name = name.clone();
        all[place].3 = Some(Row { name, result });
        write_tables(output, all.iter().filter_map(|(.., row)| row.as_ref()))?;
    }
    write_tables(output, all.iter().filter_map(|(.., row)| row.as_ref()))?;
    Ok(all.into_iter().filter_map(|(.., row)| row).collect())
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

/// Those of an earlier time. What cannot be read is graded again.
fn marks_before(output: &Path) -> BTreeMap<String, String> {
    let text = fs::read(output.join(GRADED)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

fn read(output: &Path, name: &str) -> Option<Grading> {
    let text = fs::read(output.join(format!("{name}.json"))).ok()?;
    serde_json::from_slice(&text).ok()
}

/// As text for spreadsheets, and as a page.
fn write_tables<'a>(output: &Path, rows: impl Iterator<Item = &'a Row> + Clone) -> Result<()> {
    save(&output.join("marks.csv"), &csv(rows.clone())?)?;
    let has_page = |name: &str| output.join(format!("{name}.html")).is_file();
    let page = index::page(rows, &has_page);
    save(&output.join(format!("{INDEX}.html")), page.as_bytes())
}

fn csv<'a>(rows: impl Iterator<Item = &'a Row>) -> Result<Vec<u8>> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(["name", "total", "of", "wrong", "cannot be told", "problem"])?;
    for Row { name, result } in rows {
        let none = String::new;
        let cells = match result {
            Ok(graded) => [
                shown(graded.marks.total),
                shown(graded.marks.of),
                names(&graded.wrong),
                names(&graded.untold),
                none(),
            ],
            Err(problem) => [none(), none(), none(), none(), problem.clone()],
        };
        csv.write_record([name].into_iter().chain(&cells))?;
    }
    Ok(csv.into_inner()?)
}

fn names(checks: &[Check]) -> String {
    let names: Vec<&str> = checks.iter().map(|check| check.name()).collect();
    names.join(" ")
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

#[cfg(test)]
mod tests;
