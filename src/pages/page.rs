//! The template of all pages. A page is one file, with its style and its script inside.

use anyhow::{Context, Result};
use serde::Serialize;

const PAGE: &str = include_str!("page.html");

/// The body of a page that a script draws.
const DRAWN: &str = include_str!("drawn.html");

/// How drawn pages look.
const STYLE: &str = include_str!("style.css");

/// What the script of every drawn page builds on.
const SCRIPT: [&str; 7] = [
    include_str!("columns.js"),
    include_str!("elements.js"),
    include_str!("words.js"),
    include_str!("state.js"),
    include_str!("theme.js"),
    include_str!("canvas.js"),
    include_str!("timeview.js"),
];

/// How a thing is marked. `style.css` and `elements.js` have the look of each.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// As it should be.
    Good,
    /// Wrong.
    Bad,
    /// Nobody can tell.
    Doubt,
}

/// A page that a script draws in the browser.
pub struct DrawnPage<'a> {
    /// The title, until the script sets another.
    pub title: &'a str,
    /// The elements that the script fills, as HTML.
    pub main: &'a str,
    /// Its own styles, behind the common one.
    pub style: &'a [&'a str],
    /// Its own scripts, behind the common ones.
    pub script: &'a [&'a str],
}

impl DrawnPage<'_> {
    /// The page, with what its script is told.
    ///
    /// # Errors
    /// When `told` cannot be written as JSON.
    pub fn telling(&self, told: &impl Serialize) -> Result<String> {
        // No text of it may end the element that it stands in.
        let told = serde_json::to_string(told).context("cannot describe the run")?;
        let told = told.replace('<', "\\u003c");
        let style = [&[STYLE], self.style].concat().join("\n");
        let script = [&SCRIPT[..], self.script].concat().join("\n");
        let body = filled(
            DRAWN,
            &[
                ("{{main}}", self.main),
                ("{{told}}", &told),
                ("{{script}}", &script),
            ],
        );
        Ok(page(self.title, &style, &body))
    }
}

/// A page in one file that needs no network. The style is CSS, the body HTML.
pub fn page(title: &str, style: &str, body: &str) -> String {
    let title = escaped(title);
    filled(
        PAGE,
        &[
            ("{{title}}", &title),
            ("{{style}}", style),
            ("{{body}}", body),
        ],
    )
}

/// Fills the places of a template, which are given in their order. A content that looks like a place is none.
fn filled(template: &str, contents: &[(&str, &str)]) -> String {
    let length: usize = contents.iter().map(|(_, content)| content.len()).sum();
    let mut filled = String::with_capacity(template.len() + length);
    let mut rest = template;
    for (place, content) in contents {
        let (before, behind) = rest.split_once(place).expect("the template has this place");
        filled += before;
        filled += content;
        rest = behind;
    }
    filled + rest
}

/// Text that does nothing in a page. HTML has no control characters but tabs and line breaks, and some characters
/// turn a line around: U+FFFD stands for these.
pub fn escaped(text: &str) -> String {
    let turns = |it| matches!(it, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let is_none = |it: char| turns(it) || it.is_control() && !matches!(it, '\n' | '\t');
    text.replace(is_none, "\u{fffd}")
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_is_text_and_steers_nothing() {
        let text = "<b>&\u{1b}[2J\r\n\t\0\u{202e}fdp é";
        let expected = "&lt;b&gt;&amp;\u{fffd}[2J\u{fffd}\n\t\u{fffd}\u{fffd}fdp é";
        assert_eq!(escaped(text), expected);
    }

    #[test]
    fn what_is_told_neither_ends_its_element_nor_fills_another_place() {
        let page = DrawnPage {
            title: "a < b",
            main: "<main></main>",
            style: &[],
            script: &["draw();"],
        };
        let html = page.telling(&"{{script}}</script>").unwrap();
        assert!(html.contains("<title>a &lt; b</title>"));
        assert!(html.contains(r#"json">"{{script}}\u003c/script>"</script>"#));
        assert!(html.contains("\ndraw();\n})();"));
    }
}
