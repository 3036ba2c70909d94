//! The page that lists all submissions.

use std::fmt::Write;

use super::row::{Row, SANITIZED, are_sanitized};
use pages::document::{Document, Part, Words};

const COLUMNS: [&str; 5] = ["submission", "marks", "wrong", "cannot be told", "problem"];

/// A row for each submission, with a link to its page where it is graded.
pub(super) fn page<'a>(rows: impl Iterator<Item = &'a Row> + Clone) -> String {
    let more = are_sanitized(rows.clone()).then_some(SANITIZED);
    let columns = COLUMNS.into_iter().chain(more);
    let mut table: Vec<Vec<Words>> = vec![columns.map(Words::from).collect()];
    for row in rows {
        let [total, of, wrong, untold, problem] = row.cells();
        let (name, marks) = match row.result {
            Ok(_) => (
                Words::Link(row.name.clone(), format!("{}.html", in_address(&row.name))),
                format!("{total} of {of}"),
            ),
            Err(_) => (Words::from(&row.name), total),
        };
        let cells = [marks, wrong, untold, problem].map(Words::from);
        let more = more.map(|_| Words::from(row.sanitized().unwrap_or_default()));
        table.push([name].into_iter().chain(cells).chain(more).collect());
    }
    let csv = Words::Link("marks.csv".into(), "marks.csv".into());
    let page = Document {
        title: "Grades".into(),
        parts: vec![
            Part::Table(table),
            Part::Paragraph(vec!["The same is in ".into(), csv, ".".into()]),
        ],
    };
    page.html(include_str!("index.css"))
}

/// A name in an address: all but letters, digits and a few others by their bytes.
fn in_address(name: &str) -> String {
    let mut address = String::from("./"); // or a colon would end the name of a protocol
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            address.push(byte.into());
        } else {
            write!(address, "%{byte:02X}").expect("a string takes everything");
        }
    }
    address
}
