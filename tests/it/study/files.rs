//! What the file of a study says: which runs there are, and what is wrong in it.

use super::folder;

const STUDY: &str = r#"
title = "t"
claim = "c"
source = "s"
seed = 5

[options]
flash-crowd = true
segments = 10
window = 3

[combinations.design]
one = { window = 1, tracker-grants = true }
two = { tracker-grants = false, upload-time = "5ms" }

[[grids]]
repetitions = 2
axes.clients = [3, 4]
axes.design = ["one", "two"]

[[grids]]
repetitions = 1
at-once = 1
axes.clients = [50]
axes.design = ["two"]

[[pictures]]
name = "p"
title = "?"
x = "clients"
y = "makespan"
lines = "design"
log = "xy"
"#;

#[test]
fn every_combination_of_every_grid_runs_with_the_same_seeds() {
    let folder = folder(STUDY);
    super::well(folder.path(), "1", &[]);
    let files = super::files(&folder.path().join("works"));
    let mut rows = csv::Reader::from_reader(files["results.csv"].as_bytes());
    let shown = rows.records().map(|row| {
        let row: Vec<String> = row.expect("a row").iter().map(String::from).collect();
        format!("{} | {}", row[..4].join(" "), row[row.len() - 1])
    });
    let shown: Vec<String> = shown.collect();
    let one = "--flash-crowd --segments=10 --clients=3 --window=1 --tracker-grants";
    let two = |clients| {
        format!("--flash-crowd --segments=10 --window=3 --clients={clients} --upload-time=5ms")
    };
    assert_eq!(shown[0], format!("3 one 1 5 | {one}"));
    assert_eq!(shown[1], format!("3 one 2 6 | {one}"));
    assert_eq!(shown[2], format!("3 two 1 5 | {}", two(3)));
    assert_eq!(shown[8], format!("50 two 1 5 | {}", two(50)));
    assert_eq!(shown.len(), 9);
    assert!(files["index.html"].contains("All with --flash-crowd --segments=10. "));
}

#[test]
fn the_last_seed_that_there_is_can_be_had() {
    let folder = folder(&STUDY.replace("seed = 5", "seed = 18446744073709551614"));
    super::well(folder.path(), "1", &[]);
    let files = super::files(&folder.path().join("works"));
    assert!(files["results.csv"].contains("3,one,1,18446744073709551614,"));
    assert!(files["results.csv"].contains(",18446744073709551615,"));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let mut wrong = String::new();
    for (good, bad, problem) in [
        (
            "seed = 5",
            "sede = 5",
            "5:1: unknown field `sede`, expected one of `title`, ",
        ),
        (
            "seed = 5",
            "seed = -5",
            "5:8: invalid value: integer `-5`, expected u64",
        ),
        (
            "seed = 5",
            "seed = 18446744073709551615",
            "5:8: expected at most 18446744073709551614, found 18446744073709551615",
        ),
        ("seed = 5", "seed = ", "5:8: "),
        (
            "window = 3",
            "windows = 3",
            "10:11: simulate has no option 'windows'; it has 'input-dir', ",
        ),
        (
            "window = 3",
            "window = 3\nupload-time = 'x'",
            "11:15: invalid value 'x' for '--upload-time <TIME>': ",
        ),
        (
            "window = 3",
            "window = 3\npeer-selection = 'best'",
            "11:18: invalid value 'best' for '--peer-selection <POLICY>' [possible values: round-robin, ",
        ),
        (
            "window = 3",
            "seed = 3",
            "10:1: a study has no --seed for its runs",
        ),
        (
            "flash-crowd = true",
            "files = 0",
            "8:9: invalid value '0' for '--files <F>'",
        ),
        (
            "flash-crowd = true",
            "",
            "16:1: the following required arguments were not provided: --files",
        ),
        (
            "\"5ms\"",
            "2025-01-01",
            "14:47: expected a text, a number, true or false",
        ),
        ("[3, 4]", "[3, 3]", "16:1: 3, one: twice in the grids"),
        (
            "[\"one\", \"two\"]",
            "[\"one\", \"three\"]",
            "19:23: expected one of 'one', 'two'",
        ),
        (
            "axes.clients = [50]\n",
            "",
            "21:1: expected the axes of the first grid, in its order: clients, design",
        ),
        (
            "combinations.design",
            "combinations.other",
            "12:15: expected an axis, one of 'clients', 'design'",
        ),
        (
            "axes.clients = [3, 4]",
            "axes.makespan = [3, 4]",
            "21:1: expected the axes of the first grid",
        ),
        (
            "repetitions = 2",
            "repetitions = 0",
            "17:15: expected 1 to 1000, found 0",
        ),
        (
            "name = \"p\"",
            "name = \"../p\"",
            "28:8: expected a name of letters, digits and '-'",
        ),
        (
            "x = \"clients\"",
            "x = \"client\"",
            "30:5: expected an axis, one of 'clients', 'design'",
        ),
        (
            "x = \"clients\"\ny = \"makespan\"\nlines = \"design\"",
            "x = \"design\"\ny = \"makespan\"\nlines = \"clients\"",
            "30:5: expected numbers above 0 for a logarithmic axis",
        ),
        (
            "\"makespan\"",
            "\"makspan\"",
            "31:5: expected a figure, one of 'segments', ",
        ),
        (
            "seed = 5",
            "moments = ['2ms', '1ms']",
            "5:19: expected a later time than the one before",
        ),
        ("seed = 5", "moments = ['soon']", "5:12: "),
        (
            "window = 3",
            "moments = ['1ms']",
            "10:1: a study has no --moments for its runs",
        ),
        (
            "lines = \"design\"",
            "",
            "28:8: say which 'design' is drawn: only.design = [...]",
        ),
        (
            "\"xy\"",
            "\"xz\"",
            "33:7: unknown variant `xz`, expected one of `none`, `x`, `y`, `xy`",
        ),
        (
            "\"xy\"",
            "\"xy\"\nonly.design = [\"three\"]",
            "28:8: 'design' has none of the values that are drawn",
        ),
    ] {
        assert!(STUDY.contains(good), "{good}");
        let text = STUDY.replacen(good, bad, 1);
        let folder = folder(&text);
        let output = super::study(folder.path(), "1", &["works.toml", "--dry-run"]);
        assert_eq!(output.status.code(), Some(2), "{bad}");
        let error = String::from_utf8(output.stderr).expect("text");
        if !error.starts_with(&format!("bittorrent: works.toml:{problem}")) {
            wrong += &format!("{bad}: {error}\n");
        }
    }
    assert_eq!(wrong, "");
}
