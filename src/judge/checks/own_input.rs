//! Whether a client needs no other input than its own. Only tests are judged that come out right otherwise.

use crate::checks::evidence::*;
use crate::seen::run::{split, squeezed};

pub(super) fn judge(scene: &Scene<'_>) -> Result<Shown, Unseen> {
    let run = scene.run;
    if run.ending.hung.is_some() {
        return unseen("the run hung, with an input of its own for each client");
    }
    let missing = scene.known.outputs().find(|(name, hashes)| {
        let is_right = |bytes: &Vec<u8>| {
            let lines = split(bytes).into_iter().map(squeezed);
            lines.eq(hashes.iter().map(|hash| hash.as_bytes().to_vec()))
        };
        !run.outputs.get(name).is_some_and(is_right)
    });
    let how = match missing {
        None if run.has_ended_well() => return Ok(Shown::Right),
        None => "the run fails".into(),
        Some((name, _)) => format!("{name} is not written as it should be"),
    };
    let said = format!("{how} where each client finds only its own input");
    let hint = "client R reads in<R>.txt and no other; what others have it hears from the tracker, and the \
                tracker from them";
    let detail = "with all inputs in one folder, the same test came out right in every plain run";
    wrong(Evidence::new(said, hint).with_details(vec![detail.into()]))
}
