use super::*;
use crate::study::samples::simulation;

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
    let study = study(STUDY, "t", Path::new(""), simulation).unwrap();
    let runs = study.runs();
    let shown: Vec<String> = runs
        .iter()
        .map(|run| format!("{} | {}", run.head().join(" "), run.options()))
        .collect();
    let one = "--flash-crowd --segments=10 --clients=3 --window=1 --tracker-grants";
    let two = |clients| {
        format!("--flash-crowd --segments=10 --window=3 --clients={clients} --upload-time=5ms")
    };
    assert_eq!(shown[0], format!("3 one 1 5 | {one}"));
    assert_eq!(shown[1], format!("3 one 2 6 | {one}"));
    assert_eq!(shown[2], format!("3 two 1 5 | {}", two(3)));
    assert_eq!(shown[8], format!("50 two 1 5 | {}", two(50)));
    assert_eq!(shown.len(), 9);
    assert_eq!(
        study.common_options().unwrap(),
        "--flash-crowd --segments=10"
    );
}
