//! `bittorrent study`: from the files of studies to what they leave.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use super::carry_out::Plan;
use super::crew::{Crew, Stop};
use super::definition::Study;
use super::page::{INDEX, PagePlaces, StudyPage};
use super::picture::Picture;
use super::results::RESULTS;
use super::runs::Runs;
use super::setting::Parse;
use swarm::exit::Exit;
use swarm::output::{Claims, Held, Output};
use swarm::say;
use swarm::shown::{Shown, on_a_line};
use swarm::signals::{self, Interrupt, Interrupted};

/// Studies that are to be carried out.
#[derive(Debug, Clone)]
pub struct Studies {
    /// Their files.
    pub files: Vec<PathBuf>,
    /// Where each gets a folder of its name.
    pub output_dir: PathBuf,
    /// Only say how much there is to do.
    pub dry_run: bool,
    /// Begin them anew, whatever there is of their results.
    pub force: bool,
    /// Where a page about all of them goes, in Markdown.
    pub page: Option<PathBuf>,
    /// Where ranks carry them out: for how long each may not be heard of. `None`: for ever.
    pub stall_timeout: Option<Duration>,
}

impl Studies {
    /// Reads their files.
    ///
    /// # Errors
    /// When one cannot be read, or makes no sense; or when two have the same name.
    pub fn read(&self, parse: Parse) -> Result<Runs> {
        Runs::read(&self.files, parse)
    }

    /// Has a crew carry out what was read, one study after the other, and says what is to be the exit status.
    ///
    /// # Errors
    /// When nothing was started, because of a study's options, of results that are not its own, or of a place that
    /// cannot be written to; or when a page could not be written or nothing be printed.
    pub fn run(&self, runs: &Runs, crew: &mut impl Crew) -> Result<Exit> {
        let (studies, parse) = (&runs.studies, runs.parse);
        let plans = || {
            let plan = |study| Plan::new(study, &self.folder(study), self.force, parse);
            studies.iter().map(plan).collect::<Result<Vec<_>>>()
        };
        if self.dry_run {
            for plan in plans()? {
                say::line(plan.line())?;
            }
            return Ok(Exit::Complete);
        }
        let mut claims = Claims::default();
        // Before the results are read: nobody else adds to them.
        let _held = self.hold(&mut claims, studies)?;
        let plans = plans()?;
        let places = self.claim(claims, studies)?;
        Interrupt::on_signals()?;
        let mut page = String::from(HEAD);
        let mut unsaid = None;
        for plan in plans {
            let (study, folder) = (plan.study, plan.folder.clone());
            let results = folder.join(RESULTS);
            let told = match plan.carry_out(runs.first(study), crew) {
                Ok(figures) => StudyPage::new(study, &figures),
                Err(stop) => return Ok(stopped(&stop, &results)),
            };
            page += "\n";
            page += &told.document.markdown(&self.pictures(study));
            if let Some(warning) = &told.warning {
                say::problem(warning);
            }
            told.write(places.of(&study.name))?;
            let page = folder.join(INDEX);
            let said = say::line(format_args!("{}: {}", on_a_line(&study.name), page.shown()));
            unsaid = unsaid.or(said.err());
        }
        if let Some(output) = places.page_of_all {
            output.write(&|out| out.write_all(page.as_bytes()))?;
        }
        // Studies go on though nobody can be told.
        unsaid.map_or(Ok(Exit::Complete), |why| Err(why.into()))
    }

    /// Makes the folders of the studies, and has them for this command alone.
    fn hold(&self, claims: &mut Claims, studies: &[Study]) -> Result<Vec<Held>> {
        let hold = |study| {
            let folder = self.folder(study);
            claims.folder("--output-dir", &folder)?;
            claims.hold("--output-dir", &folder)
        };
        studies.iter().map(hold).collect()
    }

    /// Looks at the places of all that the studies leave.
    fn claim(&self, mut claims: Claims, studies: &[Study]) -> Result<Places> {
        for path in &self.files {
            claims.input("a study", path);
        }
        let mut of_studies = HashMap::new();
        for study in studies {
            let folder = self.folder(study);
            claims.file("--output-dir", &folder.join(RESULTS))?;
            let pictures = study.pictures.iter().map(Picture::file);
            let names = pictures.chain([INDEX.into()]);
            let outputs = names.map(|name| {
                let output = claims.file("--output-dir", &folder.join(&name))?;
                Ok((name, output))
            });
            of_studies.insert(study.name.clone(), outputs.collect::<Result<_>>()?);
        }
        let page_of_all = claims.optional("--page", self.page.as_deref())?;
        claims.new_folders().keep();
        Ok(Places {
            of_studies,
            page_of_all,
        })
    }

    /// Where a study leaves what comes out.
    fn folder(&self, study: &Study) -> PathBuf {
        let name = Path::new(&study.name);
        let is_here = self.output_dir == Path::new(".");
        if is_here {
            name.to_owned()
        } else {
            self.output_dir.join(name)
        }
    }

    /// Where the page finds the pictures of a study.
    fn pictures(&self, study: &Study) -> String {
        let folder = self.folder(study);
        let from = self.page.as_deref().and_then(Path::parent);
        let inside = folder.strip_prefix(from.unwrap_or(Path::new("")));
        inside.unwrap_or(&folder).shown()
    }
}

/// Where all goes that studies leave, but for their results.
struct Places {
    /// By the names of the studies.
    of_studies: HashMap<String, PagePlaces>,
    page_of_all: Option<Output>,
}

impl Places {
    fn of(&self, study: &str) -> &PagePlaces {
        &self.of_studies[study]
    }
}

/// What the page of all studies begins with.
const HEAD: &str = "\
# What came out of the studies

This page has a claim for each study, what came out of it, and the figures. `bittorrent study` made it from the
files in `inputs/studies/`, and `make studies` makes it again.
";

/// Tells the user why a study has ended before its end.
fn stopped(stop: &Stop, path: &Path) -> Exit {
    let path = path.shown();
    let (why, exit) = match stop {
        Stop::Signal => {
            let why =
                format!("{Interrupted}; {path} has what is done, and the same command goes on");
            (why, Exit::Stalled)
        }
        Stop::Lost(lost) => {
            let why = format!("{lost}; {path} has what is done, and the same command goes on");
            (why, Exit::Stalled)
        }
        Stop::Broken(exit, why) => (why.clone(), *exit),
        Stop::NotWritten(error) => {
            let why = format!("cannot write {path}: {error}");
            (why, signals::exit_status(Exit::NotWritten))
        }
    };
    say::problem(format_args!("bittorrent: {why}"));
    exit
}
