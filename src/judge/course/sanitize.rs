//! A submission is built again with a sanitizer, and run to see what that reports (`--sanitize`).

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use swarm::launch::Mpi;

use super::{build, files};
use crate::runs::sanitizer::Sanitizers;
use crate::runs::stop::Stop;
use crate::told::grading::Sanitized;
use swarm::signals::Interrupted;

/// What compilers are told besides. The last one is for the lines of the source.
const OPTIONS: &str = "-fsanitize=address,undefined -g";

/// What of it every file has that was compiled so.
const SANITIZER: &str = "address";

/// The most files that are named which have nothing of it.
const MOST_NAMED: usize = 5;

/// Sees what a sanitizer reports of a program: that is built with it.
pub type Look<'a> = dyn FnMut(&Path) -> Result<Sanitized> + 'a;

/// Builds a submission with a sanitizer, and has a look at the program. Whatever goes wrong with that, is said.
///
/// # Errors
/// [`Interrupted`].
pub(super) fn sanitize(
    submission: &Path,
    time_limit: Duration,
    stop: &Stop,
    look: &mut Look<'_>,
) -> Result<Sanitized> {
    let looked = build::build(submission, &variables(), time_limit, stop).and_then(|built| {
        if !Sanitizers::of(&built.program)?.has(SANITIZER) {
            let why = "make build compiles without mpicc and mpic++, and so without a sanitizer";
            return Ok(Sanitized::untold(why));
        }
        let mut without = Vec::new();
        for object in files::objects(built.folder.path())? {
            if !Sanitizers::of(&object)?.has(SANITIZER) {
                let name = object.file_name().unwrap_or_default();
                without.push(name.to_string_lossy().into_owned());
            }
        }
        let mut sanitized = look(&built.program)?;
        if !without.is_empty() && sanitized.untold.is_none() {
            let more = if without.len() > MOST_NAMED {
                ", ..."
            } else {
                ""
            };
            without.truncate(MOST_NAMED);
            let names = without.join(", ");
            let untold = format!("compiled without a sanitizer: {names}{more}");
            sanitized.untold = Some(untold);
        }
        Ok(sanitized)
    });
    if stop.is_asked_for() {
        return Err(Interrupted.into());
    }
    Ok(looked.unwrap_or_else(|problem| Sanitized::untold(format!("{problem:#}"))))
}

/// The variables by which the compilers of MPI libraries call another command, with these options.
fn variables() -> Vec<(&'static str, OsString)> {
    let with_options = |(name, usual): (&'static str, &str)| {
        let users = env::var_os(name).filter(|command| !command.is_empty());
        let mut command = users.unwrap_or_else(|| usual.into());
        command.push(" ");
        command.push(OPTIONS);
        (name, command)
    };
    Mpi::called_by_compilers().map(with_options).collect()
}
