//! What others have written, as it is shown: names of folders, words of compilers, lines of a program. It must
//! not steer a terminal, nor be a formula in a spreadsheet.

use std::ffi::OsStr;
use std::path::Path;

/// What has a name that somebody else may have chosen. In words for the user it is always shown by this.
pub trait Shown {
    /// It as a part of a line: as [`on_a_line`] has it.
    fn shown(&self) -> String;
}

impl Shown for Path {
    fn shown(&self) -> String {
        on_a_line(&self.to_string_lossy())
    }
}

impl Shown for OsStr {
    fn shown(&self) -> String {
        on_a_line(&self.to_string_lossy())
    }
}

/// A text for a terminal. In place of each character that could steer it or turn its lines around is U+FFFD;
/// only line breaks and tabs stay.
pub fn harmless(text: &str) -> String {
    text.replace(is_harmful, "\u{fffd}")
}

/// A text for one line of a terminal: [`harmless`], and without line breaks and tabs.
pub fn on_a_line(text: &str) -> String {
    harmless(text).replace(['\n', '\t'], "\u{fffd}")
}

/// A text for a cell of a spreadsheet: [`harmless`], and behind an apostrophe if it would be a formula.
pub fn cell(text: &str) -> String {
    let text = harmless(text);
    let is_formula = text.starts_with([
        '\t', '=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ]);
    if is_formula { format!("'{text}") } else { text }
}

/// A number that somebody has written, in a few digits however large or small it is.
pub fn number(number: f64) -> String {
    const MANY: f64 = 1e15;
    let is_short = number == 0.0 || (1.0 / MANY..MANY).contains(&number.abs());
    if is_short || !number.is_finite() {
        number.to_string()
    } else {
        format!("{number:e}")
    }
}

fn is_harmful(character: char) -> bool {
    let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || character.is_control() && !matches!(character, '\n' | '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_is_gone_and_everything_else_stays() {
        assert_eq!(
            harmless("a\u{1b}[2Jb\r\n\tc\0\u{9b}d\u{7f}"),
            "a\u{fffd}[2Jb\u{fffd}\n\tc\u{fffd}\u{fffd}d\u{fffd}"
        );
        assert_eq!(harmless("x\u{202e}fdp"), "x\u{fffd}fdp");
        assert_eq!(on_a_line("a\nb\t"), "a\u{fffd}b\u{fffd}");
        for plain in ["", "Ștefan: 5 = 4 + 1", "éà 日本 🙂"] {
            assert_eq!(
                (harmless(plain), cell(plain)),
                (plain.to_owned(), plain.to_owned())
            );
        }
    }

    #[test]
    fn no_number_is_long() {
        for (written, shown) in [
            (1e300, "1e300"),
            (-2.5e-300, "-2.5e-300"),
            (1.5, "1.5"),
            (-0.001, "-0.001"),
            (0.0, "0"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(number(written), shown);
        }
    }

    #[test]
    fn no_cell_is_a_formula() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "＝1+1"] {
            assert_eq!(cell(formula), format!("'{formula}"));
        }
        assert_eq!(cell("\t=1"), "'\t=1");
        assert_eq!(cell("a\n=1"), "a\n=1");
    }
}
