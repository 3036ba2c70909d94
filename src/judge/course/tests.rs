use std::process::Command;

use super::*;
use crate::told::samples::grading;

/// Submissions, and a place for their grades.
struct Course {
    folder: tempfile::TempDir,
}

const PROGRAM: &str = "int main(void) { return 0; }\n";
const MAKEFILE: &str = "build:\n\t@cc -o tema2 tema2.c\n";

impl Course {
    fn new() -> Course {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("all")).unwrap();
        Course { folder }
    }

    fn all(&self) -> PathBuf {
        self.folder.path().join("all")
    }

    fn output(&self) -> PathBuf {
        self.folder.path().join("grades")
    }

    /// Puts these files there, in folders that are created.
    fn with(self, files: &[(&str, &str)]) -> Course {
        for (path, text) in files {
            let path = self.all().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        self
    }

    /// Grades them: every program is as that of the sample is.
    fn grade(&self, settings: &str) -> (Vec<Row>, Vec<String>) {
        let mut graded = Vec::new();
        let rows = grade_all(
            &self.all(),
            &self.output(),
            settings,
            &mut |program, name| {
                assert!(Command::new(program).status().unwrap().success());
                graded.push(name.to_owned());
                Ok(grading())
            },
        );
        (rows.unwrap(), graded)
    }

    /// Why the only submission has no verdicts.
    fn problem(&self) -> String {
        let (mut rows, graded) = self.grade("");
        assert!(graded.is_empty());
        rows.remove(0).result.unwrap_err()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.output().join(name)).unwrap()
    }
}

#[test]
fn every_folder_is_built_and_graded_and_has_a_row() {
    let course = Course::new().with(&[
        ("b <i>/Makefile", MAKEFILE),
        ("b <i>/tema2.c", PROGRAM),
        ("a/src/Makefile", MAKEFILE),
        ("a/src/tema2.c", PROGRAM),
        ("c/Makefile", MAKEFILE),
        ("c/tema2.c", "int main(void) {\n    return nothing;\n}\n"),
        (".hidden/Makefile", MAKEFILE),
        ("list.txt", "not a submission"),
    ]);
    fs::create_dir(course.output()).unwrap();
    fs::write(course.output().join("b <i>.html"), "its page").unwrap();
    let (rows, graded) = course.grade("");
    assert_eq!(graded, ["a", "b <i>"]);
    let names: Vec<&str> = rows.iter().map(|row| &row.name[..]).collect();
    assert_eq!(names, ["a", "b <i>", "c"]);
    let csv = course.read("marks.csv");
    let mut lines = csv.lines();
    assert_eq!(
        lines.next(),
        Some("name,total,of,wrong,cannot be told,problem")
    );
    assert_eq!(lines.next(), Some("a,38,40,outputs sources,serving,"));
    assert_eq!(lines.next(), Some("b <i>,38,40,outputs sources,serving,"));
    let c = lines.next().unwrap();
    assert!(
        c.starts_with("c,,,,,it does not build: tema2.c:2:12: error: "),
        "{c}"
    );
    let page = course.read("index.html");
    assert!(
        page.contains("<tr><td>a<td>38 of 40<td>outputs sources<td>serving<td>\n"),
        "{page}"
    );
    let link = "<a href=\"./b%20%3Ci%3E.html\">b &lt;i&gt;</a>";
    assert!(page.contains(link), "{page}");
    assert_eq!(
        serde_json::from_str::<Grading>(&course.read("a.json")).unwrap(),
        grading()
    );
    let left = fs::read_dir(course.all().join("a/src")).unwrap().count();
    assert_eq!(left, 2, "nothing is written in a submission");
}

#[test]
fn what_is_finished_is_graded_again_only_after_a_change() {
    let files = [("a/Makefile", MAKEFILE), ("a/tema2.c", PROGRAM)];
    let course = Course::new().with(&files).with(&[("b/Makefile", "")]);
    let (rows, graded) = course.grade("");
    assert_eq!(graded, ["a"]);
    assert_eq!(course.grade(""), (rows, vec![]), "nothing has changed");
    assert_eq!(course.grade("other tests").1, ["a"]);
    let course = course.with(&[("a/tema2.c", "int main(void) { return 0 * 1; }\n")]);
    assert_eq!(course.grade("other tests").1, ["a"]);
    fs::remove_file(course.output().join("a.json")).unwrap();
    assert_eq!(course.grade("other tests").1, ["a"], "there is no report");
    assert!(course.grade("other tests").1.is_empty());
}

#[test]
fn an_interrupted_course_goes_on_and_keeps_the_rows_behind() {
    let course = Course::new().with(&[
        ("a/Makefile", MAKEFILE),
        ("a/tema2.c", PROGRAM),
        ("b/Makefile", MAKEFILE),
        ("b/tema2.c", PROGRAM),
    ]);
    let refuse_a = &mut |_: &Path, name: &str| match name {
        "a" => bail!("mpirun is not there"),
        _ => Ok(grading()),
    };
    grade_all(&course.all(), &course.output(), "", refuse_a).unwrap();
    let csv = course.read("marks.csv");
    assert!(
        csv.contains("\na,,,,,it could not be graded: mpirun is not there\n"),
        "{csv}"
    );
    let mut rows_meanwhile = String::new();
    let look = &mut |_: &Path, name: &str| {
        assert_eq!(name, "a");
        rows_meanwhile = course.read("marks.csv");
        Ok(grading())
    };
    grade_all(&course.all(), &course.output(), "", look).unwrap();
    assert!(rows_meanwhile.contains("\nb,38,"), "{rows_meanwhile}");
    assert!(course.read("marks.csv").contains("\na,38,"));
}

#[test]
fn a_program_that_was_handed_in_compiled_is_not_taken_for_the_one_that_is_built() {
    let course = Course::new().with(&[("a/Makefile", "build: tema2\n"), ("a/other.c", PROGRAM)]);
    let folder = course.all().join("a");
    let mut compiler = Command::new("cc");
    compiler
        .args(["-o", "tema2", "other.c"])
        .current_dir(folder);
    assert!(compiler.status().unwrap().success());
    let problem = course.problem();
    let expected =
        "it does not build: make: *** No rule to make target 'tema2', needed by 'build'.";
    assert!(problem.starts_with(expected), "{problem}");
}

#[test]
fn of_several_programs_the_one_is_meant_that_run_starts() {
    let makefile = "build:\n\t@cc -o tema2 tema2.c && cp tema2 helper && cp tema2 libx.so\n";
    let run = "EXE = ./tema2\nrun: build\n\tmpirun -np 4 $(EXE)\n";
    let course =
        |makefile: &str| Course::new().with(&[("a/Makefile", makefile), ("a/tema2.c", PROGRAM)]);
    assert_eq!(
        course(makefile).problem(),
        "make build makes several programs (helper, tema2), and no target 'run' starts one of them"
    );
    let built = build::build(
        &course(&format!("{makefile}{run}")).all().join("a"),
        BUILD_TIME,
    );
    assert!(built.unwrap().program.ends_with("tema2"));
}

#[test]
fn who_cannot_be_built_is_told_why() {
    let problem = |makefile: &str| Course::new().with(&[("a/Makefile", makefile)]).problem();
    assert_eq!(problem("build:\n"), "make build makes no program");
    assert!(problem("all:\n").contains("No rule to make target 'build'"));
    let problem = problem("build:\n\t@echo working\n\tno-such-compiler x.c\n");
    assert!(
        problem.contains("no-such-compiler: No such file"),
        "{problem}"
    );
    let problem = Course::new().with(&[("a/tema2.c", PROGRAM)]).problem();
    assert_eq!(
        problem,
        "expected a Makefile in its folder or in src, found none"
    );
}

#[test]
fn a_build_that_takes_too_long_is_ended() {
    let course = Course::new().with(&[("a/Makefile", "build:\n\t@sleep 1000 & sleep 1000\n")]);
    let built = build::build(&course.all().join("a"), Duration::ZERO);
    let problem = built.unwrap_err().to_string();
    assert_eq!(
        problem,
        "it does not build: make build takes longer than 0s"
    );
}

#[test]
fn a_folder_that_cannot_be_graded_is_refused() {
    let course = Course::new();
    let refused = |course: &Course| {
        let refused = grade_all(&course.all(), &course.output(), "", &mut |_, _| {
            Ok(grading())
        });
        refused.unwrap_err().to_string()
    };
    assert!(refused(&course).contains("expected a folder for each submission"));
    let course = course.with(&[("index/Makefile", MAKEFILE)]);
    assert!(refused(&course).contains("rename the folder"));
    let inside = Course::new().with(&[("a/Makefile", ""), ("grades/a.json", "")]);
    let output = inside.all().join("grades");
    let rows = grade_all(&inside.all(), &output, "", &mut |_, _| Ok(grading())).unwrap();
    assert_eq!(rows.len(), 1, "the output is no submission");
}
