//! Where a sheet is written: lines of a width, and tables.

use console::measure_text_width;

/// Text in lines.
pub(super) struct Paper {
    pub(super) text: String,
    width: usize,
}

impl Paper {
    /// An empty one, whose lines take `width` columns.
    pub(super) fn new(width: usize) -> Paper {
        let text = String::new();
        Paper { text, width }
    }

    /// Writes a line as it is.
    pub(super) fn line(&mut self, line: &str) {
        self.text += line.trim_end();
        self.text.push('\n');
    }

    /// Writes a line as it is; or as words behind these spaces where it is too long, and no part of a table.
    pub(super) fn sentence(&mut self, spaces: &str, text: &str) {
        let line = format!("{spaces}{text}");
        if measure_text_width(&line) <= self.width || text.contains("  ") {
            self.line(&line);
        } else {
            self.words(spaces, text);
        }
    }

    /// Writes words behind a label, in as many lines as they take.
    pub(super) fn words(&mut self, label: &str, words: &str) {
        let indent = measure_text_width(label);
        let mut line = label.to_owned();
        let mut is_empty = true;
        for word in words.split_whitespace() {
            let fits = measure_text_width(&line) + 1 + measure_text_width(word) <= self.width;
            if !is_empty && !fits {
                self.line(&line);
                line = " ".repeat(indent);
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line += word;
            is_empty = false;
        }
        self.line(&line);
    }

    /// Writes an empty line and a table. Its first `words` columns are words, the others figures; a last
    /// column without a heading is words again. What has no room in its line has another one: names in front, and
    /// words at the end.
    pub(super) fn table(&mut self, words: usize, rows: &[Vec<String>]) {
        let columns = rows[0].len();
        let mut widths: Vec<usize> = (0..columns)
            .map(|column| longest(rows.iter().map(|row| &row[column][..])))
            .collect();
        let has_words = rows[0][columns - 1].is_empty();
        let figures = &widths[1..columns - usize::from(has_words)];
        let figures: usize = figures.iter().map(|width| width + 2).sum();
        let room = self.width.saturating_sub(figures).max(LEAST_NAME);
        let is_short = |name: &&str| measure_text_width(name) <= room;
        let names = rows.iter().map(|row| &row[0][..]);
        widths[0] = longest(names.filter(is_short));
        let is_text =
            |column: usize| column < words || column + 1 == columns && rows[0][column].is_empty();
        self.line("");
        for row in rows {
            let mut line = String::new();
            for (column, mut cell) in row.iter().map(|cell| &cell[..]).enumerate() {
                if column == 0 && !is_short(&cell) {
                    self.line(cell);
                    cell = "";
                }
                let length = measure_text_width(&line) + 2 + measure_text_width(cell);
                if has_words && column + 1 == columns && length > self.width {
                    self.line(&line);
                    line = String::new();
                    self.words("      ", cell);
                    continue;
                }
                let space = " ".repeat(widths[column] - measure_text_width(cell));
                let between = if column == 0 { "" } else { "  " };
                line += between;
                if is_text(column) {
                    line += cell;
                    line += &space;
                } else {
                    line += &space;
                    line += cell;
                }
            }
            if !line.is_empty() {
                self.line(&line);
            }
        }
    }
}

/// The least room for a name in a table, in columns.
const LEAST_NAME: usize = 10;

/// The width of the longest text.
pub(super) fn longest<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(measure_text_width).max().unwrap_or(0)
}
