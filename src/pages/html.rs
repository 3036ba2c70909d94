//! Pages in one file, with their style, their script and what they tell inside, and what they share.

use anyhow::{Context, Result};
use serde::Serialize;

/// How a page looks.
pub const STYLE: &str = include_str!("page/style.css");

/// What every page's own script builds on: it goes before that.
const SCRIPT: [&str; 4] = [
    include_str!("page/columns.js"),
    include_str!("page/state.js"),
    include_str!("page/theme.js"),
    include_str!("page/timeview.js"),
];

/// Puts the styles, what is told and the scripts where the page has a place for them.
pub fn page(page: &str, style: &[&str], told: &impl Serialize, script: &[&str]) -> Result<String> {
    // A name is not to end the element that it stands in.
    let told = serde_json::to_string(told).context("cannot describe the run")?;
    let told = told.replace('<', "\\u003c");
    let script = [&SCRIPT[..], script].concat().join("\n");
    let mut filled = String::with_capacity(page.len() + script.len() + told.len());
    let mut rest = page;
    for (place, content) in [
        ("{{style}}", style.join("\n")),
        ("{{run}}", told),
        ("{{script}}", script),
    ] {
        let (before, behind) = rest.split_once(place).expect("the page has a place for it");
        filled += before;
        filled += &content;
        rest = behind;
    }
    Ok(filled + rest)
}

/// Text that does nothing in a page.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
