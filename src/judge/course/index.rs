//! The page that lists all submissions.

use std::fmt::Write;

use super::row::{Row, names};
use crate::told::points::shown;
use pages::html::escaped;

const TAKES_EVERYTHING: &str = "a string takes everything";

const START: &str = "\
<!DOCTYPE html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>Grades</title>
<style>
body { font: 16px/1.4 sans-serif; margin: 2rem; color-scheme: light dark }
table { border-collapse: collapse }
th, td { padding: .3rem 1rem .3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid #8886 }
td:nth-child(2) { text-align: right; white-space: nowrap }
</style>
<h1>Grades</h1>
<table>
<tr><th>submission<th>marks<th>wrong<th>cannot be told<th>problem
";

const END: &str = "\
</table>
<p>The same is in <a href=\"marks.csv\">marks.csv</a>.</p>
</html>
";

/// A row for each submission, with a link to its page where it has one.
pub(super) fn page<'a>(
    rows: impl Iterator<Item = &'a Row>,
    has_page: &dyn Fn(&str) -> bool,
) -> String {
    let mut page = String::from(START);
    for Row { name, result } in rows {
        let mut link = escaped(name);
        if has_page(name) {
            link = format!("<a href=\"{}.html\">{link}</a>", in_address(name));
        }
        let [marks, wrong, untold, problem] = match result {
            Ok(graded) => [
                format!(
                    "{} of {}",
                    shown(graded.marks.total),
                    shown(graded.marks.of)
                ),
                names(&graded.wrong),
                names(&graded.untold),
                String::new(),
            ],
            Err(problem) => ["", "", "", &escaped(problem)].map(String::from),
        };
        writeln!(
            page,
            "<tr><td>{link}<td>{marks}<td>{wrong}<td>{untold}<td>{problem}"
        )
        .expect(TAKES_EVERYTHING);
    }
    page + END
}

/// A name in an address: all but letters, digits and a few others by their bytes.
fn in_address(name: &str) -> String {
    let mut address = String::from("./"); // or a colon would end the name of a protocol
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            address.push(byte.into());
        } else {
            write!(address, "%{byte:02X}").expect(TAKES_EVERYTHING);
        }
    }
    address
}
