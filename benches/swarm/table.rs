//! Tables, for people and for programs.

use std::fmt;
use std::fs;

use serde::Serialize;
use serde_json::json;

/// A title, a row of names, and rows of cells.
#[derive(Serialize)]
pub struct Table {
    pub title: String,
    pub columns: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(title: impl Into<String>, columns: &[&'static str]) -> Table {
        Table {
            title: title.into(),
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

/// As Markdown.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "**{}**\n", self.title)?;
        writeln!(f, "| {} |", self.columns.join(" | "))?;
        writeln!(f, "|{}", "---|".repeat(self.columns.len()))?;
        self.rows
            .iter()
            .try_for_each(|row| writeln!(f, "| {} |", row.join(" | ")))
    }
}

/// Writes tables as JSON: the title, the names of the columns and the rows of each.
pub fn write(path: &str, machine: &str, tables: &[Table]) {
    let all = json!({ "machine": machine, "tables": tables });
    let text = serde_json::to_string_pretty(&all).expect("tables can be written");
    fs::write(path, text + "\n").expect("the target folder can be written to");
    println!("\n(also in {path})");
}

/// A number of three significant digits or so.
pub fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// A ratio beside its target.
pub fn against(ratio: f64, target: &str) -> String {
    format!("**{ratio:.2}** ({target})")
}
