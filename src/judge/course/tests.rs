use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::Command;

use anyhow::bail;
use rustix::fs::{CWD, FileType, Mode, OFlags, mkdirat, mknodat, openat};

use super::*;
use crate::told::samples::grading;

/// Submissions, and a place for their grades.
struct Course {
    folder: tempfile::TempDir,
}

const PROGRAM: &str = "int main(void) { return 0; }\n";
/// What grading makes of every program here.
fn sheets() -> Sheets {
    Sheets {
        grading: grading(),
        page: "its page".into(),
    }
}

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
            &Stop::default(),
            None,
            &mut |program, name, _| {
                assert!(Command::new(program).status().unwrap().success());
                graded.push(name.to_owned());
                Ok(sheets())
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
        c.starts_with("c,-,-,,,it does not build: tema2.c:2:12: error: "),
        "{c}"
    );
    let page = course.read("index.html");
    assert!(
        page.contains("<a href=\"./a.html\">a</a><td>38 of 40<td>outputs sources<td>serving<td>\n"),
        "{page}"
    );
    let link = "<a href=\"./b%20%3Ci%3E.html\">b &lt;i&gt;</a>";
    assert!(page.contains(link), "{page}");
    assert_eq!(
        serde_json::from_str::<Grading>(&course.read("a.json")).unwrap(),
        grading()
    );
    assert!(page.contains("<tr><td>c<td>-<td>"), "{page}");
    assert_eq!(course.read("b <i>.html"), "its page");
    let left = fs::read_dir(course.all().join("a/src")).unwrap().count();
    assert_eq!(left, 2, "nothing is written in a submission");
}

#[test]
fn the_grades_of_an_earlier_time_are_no_submission() {
    let course = Course::new().with(&[
        ("a/Makefile", MAKEFILE),
        ("a/tema2.c", PROGRAM),
        ("out/.graded.json", "{}"),
        ("out/a.json", "{}"),
    ]);
    let (rows, graded) = course.grade("");
    assert_eq!((rows.len(), graded), (1, vec!["a".to_owned()]));
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
    let refuse_a = &mut |_: &Path, name: &str, _| match name {
        "a" => bail!("mpirun is not there"),
        _ => Ok(sheets()),
    };
    let stop = Stop::default();
    grade_all(&course.all(), &course.output(), "", &stop, None, refuse_a).unwrap();
    let csv = course.read("marks.csv");
    assert!(csv.contains("\na,-,-,,,mpirun is not there\n"), "{csv}");
    let mut rows_meanwhile = String::new();
    let look = &mut |_: &Path, name: &str, _| {
        assert_eq!(name, "a");
        rows_meanwhile = course.read("marks.csv");
        Ok(sheets())
    };
    grade_all(&course.all(), &course.output(), "", &stop, None, look).unwrap();
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
        &[],
        BUILD_TIME,
        &Stop::default(),
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
    let built = build::build(
        &course.all().join("a"),
        &[],
        Duration::ZERO,
        &Stop::default(),
    );
    let problem = built.unwrap_err().to_string();
    assert_eq!(
        problem,
        "it does not build: make build takes longer than 0s"
    );
}

#[test]
fn a_folder_that_cannot_be_graded_is_refused() {
    let course = Course::new().with(&[("__MACOSX/a/Makefile", MAKEFILE)]);
    let refused = grade_all(
        &course.all(),
        &course.output(),
        "",
        &Stop::default(),
        None,
        &mut |_, _, _| Ok(sheets()),
    );
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("expected a folder for each submission"));
    let inside = Course::new().with(&[("a/Makefile", ""), ("grades/b.txt", "")]);
    let output = inside.all().join("grades");
    let stop = Stop::default();
    let rows = grade_all(&inside.all(), &output, "", &stop, None, &mut |_, _, _| {
        Ok(sheets())
    });
    assert_eq!(rows.unwrap().len(), 1, "the output is no submission");
}

#[test]
fn nothing_is_replaced_that_is_of_no_earlier_grading() {
    let submission = [("a/Makefile", MAKEFILE), ("a/tema2.c", PROGRAM)];
    let refusal = |course: &Course, output: &Path| {
        let stop = Stop::default();
        let rows = grade_all(&course.all(), output, "", &stop, None, &mut |_, _, _| {
            panic!("nothing is to be graded")
        });
        rows.unwrap_err().to_string()
    };
    for name in ["marks.csv", "index.html", "a.json", "a.html"] {
        let course = Course::new().with(&submission);
        let path = course.output().join(name);
        fs::create_dir(course.output()).unwrap();
        fs::write(&path, "precious").unwrap();
        let refused = refusal(&course, &course.output());
        assert!(refused.contains("is of no earlier grading"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        // Not even in a folder of ours is a folder replaced; and that is seen before anything is graded.
        fs::write(course.output().join(GRADED), "{}").unwrap();
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let refused = refusal(&course, &course.output());
        assert!(refused.contains("it is a folder"), "{refused}");
    }
    let course = Course::new().with(&submission);
    let refused = refusal(&course, &course.all());
    assert!(refused.contains("a folder of their own"), "{refused}");
}

/// What is wrong with one submission is its row: all others are graded.
#[test]
fn no_submission_keeps_another_from_being_graded() {
    let program = |name: &str| [format!("{name}/Makefile"), format!("{name}/tema2.c")];
    let mut course = Course::new();
    for name in [
        "deep",
        "good",
        "index",
        "large",
        "sparse",
        "z".repeat(254).as_str(),
    ] {
        let [makefile, source] = program(name);
        course = course.with(&[(&makefile, MAKEFILE), (&source, PROGRAM)]);
    }
    let all = course.all();
    for (name, length) in [("large", 65 << 20), ("sparse", 200 << 30)] {
        let core = fs::File::create(all.join(name).join("core")).unwrap();
        core.set_len(length).unwrap();
    }
    fs::create_dir(all.join(OsStr::from_bytes(b"\xff"))).unwrap();
    // Its path is longer than a path may be.
    let name = "d".repeat(255);
    let mut deep = openat(CWD, all.join("deep"), OFlags::DIRECTORY, Mode::empty()).unwrap();
    for _ in 0..20 {
        mkdirat(&deep, &name, Mode::RWXU).unwrap();
        deep = openat(&deep, &name, OFlags::DIRECTORY, Mode::empty()).unwrap();
    }
    let (rows, graded) = course.grade("");
    assert_eq!(graded.len(), 2, "{graded:?}");
    assert_eq!(graded[0], "good");
    let said: Vec<String> = rows.iter().map(ToString::to_string).collect();
    for (row, expected) in said.iter().zip([
        "deep                 not graded: cannot list deep/ddd",
        "good                    38 of 40",
        "index                not graded: expected a name in UTF-8 other than 'index'",
        "large                not graded: its files have 65 MiB, and at most 64 are read: core has 65",
        "sparse               not graded: its files have 204800 MiB, and at most 64 are read: core",
        "zzz",
        "\u{fffd}                    not graded: expected a name in UTF-8",
    ]) {
        assert!(row.starts_with(expected), "{row}");
    }
    assert!(said[5].contains("not graded: cannot write"), "{}", said[5]);
}

#[test]
fn what_is_no_file_is_not_opened() {
    let files = [("a/Makefile", MAKEFILE), ("a/tema2.c", PROGRAM)];
    let course = Course::new().with(&files);
    let at = |name: &str| course.all().join("a").join(name);
    mknodat(CWD, at("pipe"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let _socket = UnixListener::bind(at("socket")).unwrap();
    for (link, target) in [
        ("zeros", "/dev/zero"),
        ("loop", "loop"),
        ("up", ".."),
        ("nowhere", "/no/where"),
        ("src", "/"),
    ] {
        symlink(target, at(link)).unwrap();
    }
    assert_eq!(course.grade("").1, ["a"]);
    assert!(course.grade("").1.is_empty(), "nothing has changed");
    fs::remove_file(at("zeros")).unwrap();
    symlink("/dev/null", at("zeros")).unwrap();
    assert_eq!(course.grade("").1, ["a"], "a link has changed");

    let course = Course::new();
    fs::create_dir_all(course.all().join("a")).unwrap();
    let makefile = course.all().join("a/Makefile");
    mknodat(CWD, &makefile, FileType::Fifo, Mode::RWXU, 0).unwrap();
    assert!(course.problem().starts_with("expected a Makefile"));
}

#[test]
fn an_archive_may_have_everything_in_one_more_folder() {
    let course = Course::new().with(&[
        ("__MACOSX/a/._Makefile", "nothing"),
        ("a/tema2_ana/tema/Makefile", MAKEFILE),
        ("a/tema2_ana/tema/tema2.c", PROGRAM),
        ("a/tema2_ana/README", "with a file beside it"),
        ("a/__MACOSX/tema2_ana/._Makefile", "nothing"),
        ("b/one/Makefile", MAKEFILE),
        ("b/two/Makefile", MAKEFILE),
    ]);
    let (rows, graded) = course.grade("");
    assert_eq!((rows.len(), &graded[..]), (2, &["a".to_owned()][..]));
    assert_eq!(
        rows[1].result,
        Err("expected a Makefile in its folder or in src, found none".into())
    );
    let course = Course::new().with(&[("a/README", "")]);
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("Makefile"), MAKEFILE).unwrap();
    symlink(elsewhere.path(), course.all().join("a/src")).unwrap();
    assert_eq!(
        course.problem(),
        "its Makefile is in a folder outside of it"
    );
}

#[test]
fn of_an_earlier_time_nothing_is_left_that_is_no_longer_so() {
    let course = Course::new().with(&[("a/Makefile", MAKEFILE), ("a/tema2.c", PROGRAM)]);
    course.grade("");
    assert!(course.output().join("a.html").is_file());
    let course = course.with(&[("a/tema2.c", "int main")]);
    course.grade("");
    for name in ["a.html", "a.json"] {
        assert!(!course.output().join(name).exists(), "{name}");
    }
}

/// What the build calls is the compiler of an MPI library, which calls the one that its variable names.
#[test]
fn each_submission_is_built_again_with_a_sanitizer_and_looked_at() {
    let whole = "build:\n\t$${OMPI_CC:-cc} -o tema2 tema2.c\n";
    let parts = "build:\n\tcc -c util.c\n\t$${OMPI_CC:-cc} -o tema2 tema2.c util.o\n";
    let plain = "build:\n\t@test -z \"$$OMPI_CC\" || { echo error: none of that; exit 1; }\n\tcc -o tema2 tema2.c\n";
    let course = Course::new().with(&[
        ("found/Makefile", whole),
        ("found/tema2.c", PROGRAM),
        ("none/Makefile", MAKEFILE),
        ("none/tema2.c", PROGRAM),
        ("partly/Makefile", parts),
        ("partly/tema2.c", PROGRAM),
        ("partly/util.c", ""),
        ("refuses/Makefile", plain),
        ("refuses/tema2.c", PROGRAM),
    ]);
    let mut looks = 0;
    let mut look = |program: &Path| {
        looks += 1;
        let program = crate::runs::sanitizer::Sanitizers::of(program)?;
        assert!(program.has("address") && program.has("undefined"));
        let found = (looks == 1).then(|| "a fault at tema2.c:1".to_owned());
        Ok(Sanitized {
            found,
            untold: None,
        })
    };
    let rows = grade_all(
        &course.all(),
        &course.output(),
        "",
        &Stop::default(),
        Some(&mut look),
        &mut |program, _, sanitized| {
            let sanitizers = crate::runs::sanitizer::Sanitizers::of(program)?;
            assert!(
                !sanitizers.has("address"),
                "it is the plain one that is graded"
            );
            let mut sheets = sheets();
            sheets.grading.sanitized = sanitized;
            Ok(sheets)
        },
    );
    assert!(
        rows.unwrap()[0]
            .to_string()
            .ends_with("; a fault at tema2.c:1")
    );
    assert_eq!(looks, 2);
    let csv = course.read("marks.csv");
    for (line, expected) in csv.lines().zip([
        ",problem,sanitizer",
        ",,a fault at tema2.c:1",
        ",,\"cannot be told: make build compiles without mpicc and mpic++, and so without a sanitizer\"",
        ",,cannot be told: compiled without a sanitizer: util.o",
        ",,cannot be told: it does not build: error: none of that",
    ]) {
        assert!(line.ends_with(expected), "{csv}");
    }
    let page = course.read("index.html");
    assert!(page.contains("<td>a fault at tema2.c:1"), "{page}");
    // Who asks for that only now has all graded again, and who does not ask sees no such column.
    assert_eq!(course.grade("").1.len(), 4);
    assert!(!course.read("marks.csv").contains("sanitizer"));
}
