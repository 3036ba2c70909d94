//! What is read from top to bottom: written once, and made a page of HTML or a part of one in Markdown.

use crate::page::{escaped, page};

/// Paragraphs, tables and pictures below a title.
pub struct Document {
    /// Its heading.
    pub title: String,
    /// What stands below it, in its order.
    pub parts: Vec<Part>,
}

/// A part of a document.
pub enum Part {
    /// Words in a row.
    Paragraph(Vec<Words>),
    /// Rows of cells, the first of which name the columns.
    Table(Vec<Vec<Words>>),
    /// A picture. HTML has it inside, Markdown names its file.
    Picture {
        /// What it shows.
        title: String,
        /// The name of its file.
        file: String,
        /// The picture itself, as SVG.
        svg: String,
    },
}

/// Words that look alike.
pub enum Words {
    /// Words as they are.
    Plain(String),
    /// Words that stand out.
    Bold(String),
    /// Words that lead to an address.
    Link(String, String),
}

impl<T: Into<String>> From<T> for Words {
    fn from(text: T) -> Words {
        Words::Plain(text.into())
    }
}

impl Document {
    /// A page for the browser, which looks as the style (CSS) says.
    pub fn html(&self, style: &str) -> String {
        let parts: String = self.parts.iter().map(Part::html).collect();
        let body = format!("<h1>{}</h1>\n{parts}", escaped(&self.title));
        page(&self.title, style, &body)
    }

    /// A part of a page: the title is a heading of the second level. The pictures are in `folder`.
    pub fn markdown(&self, folder: &str) -> String {
        let parts = self.parts.iter().map(|part| part.markdown(folder));
        let parts: String = parts.collect();
        format!("## {}\n{parts}", self.title)
    }
}

impl Part {
    fn html(&self) -> String {
        match self {
            Part::Paragraph(words) => format!(
                "<p>{}</p>\n",
                words.iter().map(Words::html).collect::<String>()
            ),
            Part::Table(rows) => {
                let row = |(number, row): (usize, &Vec<Words>)| {
                    let tag = if number == 0 { "th" } else { "td" };
                    let cells = row.iter().map(|cell| format!("<{tag}>{}", cell.html()));
                    format!("<tr>{}\n", cells.collect::<String>())
                };
                let rows = rows.iter().enumerate().map(row);
                format!("<table>\n{}</table>\n", rows.collect::<String>())
            }
            Part::Picture { svg, .. } => format!("<figure>\n{svg}\n</figure>\n"),
        }
    }

    fn markdown(&self, folder: &str) -> String {
        match self {
            Part::Paragraph(words) => format!(
                "\n{}\n",
                words.iter().map(Words::markdown).collect::<String>()
            ),
            Part::Table(rows) => {
                let row = |(number, row): (usize, &Vec<Words>)| {
                    let cells: Vec<String> = row.iter().map(Words::markdown).collect();
                    let line = match number {
                        0 => format!("|{}\n", "---|".repeat(row.len())),
                        _ => String::new(),
                    };
                    format!("| {} |\n{line}", cells.join(" | "))
                };
                format!("\n{}", rows.iter().enumerate().map(row).collect::<String>())
            }
            Part::Picture { title, file, .. } => format!("\n![{title}]({folder}/{file})\n"),
        }
    }
}

impl Words {
    fn html(&self) -> String {
        match self {
            Words::Plain(text) => escaped(text),
            Words::Bold(text) => format!("<b>{}</b>", escaped(text)),
            Words::Link(text, address) => format!("<a href=\"{address}\">{}</a>", escaped(text)),
        }
    }

    fn markdown(&self) -> String {
        match self {
            Words::Plain(text) => text.clone(),
            Words::Bold(text) => format!("**{text}**"),
            Words::Link(text, address) => format!("[{text}]({address})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_and_markdown_say_the_same() {
        let document = Document {
            title: "a < b".into(),
            parts: vec![
                Part::Paragraph(vec![Words::Bold("Source.".into()), " x & y".into()]),
                Part::Table(vec![
                    vec!["n".into(), "<i>".into()],
                    vec!["1".into(), Words::Link("one".into(), "1.html".into())],
                ]),
                Part::Picture {
                    title: "p".into(),
                    file: "p.svg".into(),
                    svg: "<svg/>".into(),
                },
            ],
        };
        let html = document.html("");
        let body = "<h1>a &lt; b</h1>\n<p><b>Source.</b> x &amp; y</p>\n\
                    <table>\n<tr><th>n<th>&lt;i&gt;\n<tr><td>1<td><a href=\"1.html\">one</a>\n</table>\n\
                    <figure>\n<svg/>\n</figure>\n";
        assert!(html.contains(body), "{html}");
        assert_eq!(
            document.markdown("f"),
            "## a < b\n\n**Source.** x & y\n\n| n | <i> |\n|---|---|\n| 1 | [one](1.html) |\n\n![p](f/p.svg)\n"
        );
    }
}
