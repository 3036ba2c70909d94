//! R9. A client that has got segments serves them to others.
//!
//! Whether it is asked is chance: one run in which no client served is no proof.

use std::collections::BTreeSet;

use crate::checks::evidence::*;
use crate::seen::dialogue::Download;

/// A file that fewer clients download is no occasion.
const LEECHERS: usize = 3;

/// A file of fewer segments is no occasion.
const SEGMENTS: u32 = 20;

pub(super) fn judge(scene: &Scene<'_>) -> Result<Shown, Unseen> {
    scene.saw_fetches()?;
    let downloads = scene.dialogue.downloads(scene.known);
    let has_served = |download: &Download| {
        let owners = &scene.known.files[download.file].owners;
        let mut sources = download.fetches.iter().filter_map(|fetch| fetch.from);
        sources.any(|from| !owners.contains(&from))
    };
    if downloads.iter().any(has_served) {
        return Ok(Shown::Right);
    }
    let mut is_occasion = false;
    for (place, file) in scene.known.files.iter().enumerate() {
        let mine = || downloads.iter().filter(|download| download.file == place);
        if file.length < SEGMENTS || mine().count() < LEECHERS {
            continue;
        }
        is_occasion = true;
        if !mine().all(|download| is_by_owners(scene, download)) {
            continue;
        }
        let leechers = mine().count();
        let segments: usize = mine().map(|download| download.fetches.len()).sum();
        let said = format!(
            "{leechers} clients downloaded {}, {segments} segments in all, and none of them served \
             a segment of it to another",
            file.name
        );
        let hint = "the tracker has to list who downloads a file among its peers, and a client's \
                    upload thread has to find the segments that came since the start";
        let served = |owner: Rank| {
            let sources = mine().flat_map(|download| &download.fetches);
            let count = sources.filter(|fetch| fetch.from == Some(owner)).count();
            format!("client {owner}, which owned it from the start, served {count} segments")
        };
        let details = file.owners.iter().map(|&owner| served(owner)).collect();
        return Ok(Shown::Lacking(
            Evidence::new(said, hint).with_details(details),
        ));
    }
    unseen(if is_occasion {
        "who answered is not known for some downloads".to_owned()
    } else {
        format!("no file of {SEGMENTS} segments was downloaded by {LEECHERS} clients")
    })
}

/// Whether a download surely came from owners: they sent the hashes, or nobody else was asked.
fn is_by_owners(scene: &Scene<'_>, download: &Download) -> bool {
    let owners: &BTreeSet<Rank> = &scene.known.files[download.file].owners;
    let mut segments = scene.known.files[download.file].segments();
    segments.all(|segment| {
        let Some(fetch) = scene.dialogue.fetches.get(&(download.client, segment)) else {
            return false;
        };
        let asks = scene.dialogue.asks(download.client, segment);
        let mut asked = asks.iter().map(|ask| ask.to);
        fetch.from.is_some_and(|from| owners.contains(&from))
            && (fetch.answer_has_hash || asked.all(|to| owners.contains(&to)))
    })
}
