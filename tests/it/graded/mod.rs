//! The page of a grading that is made up, in a real browser where there is one.

mod made_up;

use std::fs;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use judge::checks::Check;
use judge::seen::run::Run;
use judge::told::grading::Verdict;
use judge::told::page::{Failing, page};
use made_up::{HOSTILE, busy, deadlock, grading, known, place};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::browser::visit;
use crate::show::told;

/// Writes the page of a run. Returns its folder, too, which goes with it.
fn written(run: &Run, title: &str) -> (TempDir, PathBuf) {
    let failing = Failing {
        check: Check::Hang,
        title: title.into(),
        place: place(),
        known: known(),
        run: run.clone(),
    };
    let html = page(&grading(), Some(&failing)).expect("a page");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("g.html");
    fs::write(&path, html).expect("a file");
    (folder, path)
}

#[test]
fn the_page_of_a_grading_says_what_is_wrong_and_why() {
    let (_folder, path) = written(&deadlock(), "clients 1 and 2 wait for each other");
    let told = told(&path);
    assert_eq!(told["headline"], "tema2: 3 things are wrong");
    assert_eq!(told["grading"]["seed"], u64::MAX.to_string());
    assert_eq!(told["failing"]["calls_in_all"], 19);
    let script = "
        const text = (selector) => [...document.querySelectorAll(selector)].map((it) => it.textContent);
        return {
            title: one('h1').textContent,
            verdicts: [...document.querySelectorAll('.checks li')].map((it) => it.dataset.verdict[0]).join(''),
            hang: one('[data-check=hang]').textContent,
            titles: text('h2'),
            notes: text('#notes li'),
            tests: text('#tests tbody tr'),
            printed: one('#printed pre').textContent,
            explained: text('#explained .said'),
            bold: [...document.querySelectorAll('b')].filter((it) => it.textContent === 'x').length,
        };";
    let Some(said) = visit(&path, script) else {
        return;
    };
    assert_eq!(said["thrown"], Value::Null);
    assert_eq!(said["title"], told["headline"]);
    assert_eq!(
        said["verdicts"], "wrrrwrrrrrrrwccrrrrrrr",
        "the worst of each subject first"
    );
    assert_eq!(said["titles"][0], "How the runs end: 1 wrong, 3 right");
    let hang = said["hang"].as_str().unwrap();
    for expected in [
        "Clients 1 and 2 wait for each other: each is in MPI_Ssend",
        HOSTILE,
        "Hint: send without waiting",
        "Wrong in 3 of 12 runs; with 95 % confidence the rate is from 9 % to 53 %. 1 more run did not tell.",
        "with synchronous sends, run 2, seed of the noise 18446744073709551615",
    ] {
        assert!(hang.contains(expected), "{expected}: {hang}");
    }
    let note = format!("Its memory is never empty {HOSTILE}.");
    assert_eq!(said["notes"], json!([note]));
    assert_eq!(said["explained"].as_array().map(Vec::len), Some(3));
    assert!(
        said["tests"][1].as_str().unwrap().contains(HOSTILE),
        "{said}"
    );
    assert!(
        said["printed"].as_str().unwrap().contains(HOSTILE),
        "{said}"
    );
    assert_eq!(said["bold"], 0);
}

/// Messages that nobody took, as the page is told of them.
fn lost(run: &Run) -> usize {
    let (_folder, path) = written(run, "a run");
    let column = told(&path)["failing"]["messages"]["taken"]["i32"].clone();
    let bytes = STANDARD.decode(column.as_str().expect("text"));
    let bytes = bytes.expect("Base64");
    bytes.chunks(4).filter(|it| *it == [0xff; 4]).count()
}

#[test]
fn a_message_to_a_rank_with_calls_that_were_not_recorded_may_have_been_taken() {
    let mut run = deadlock();
    assert_eq!(lost(&run), 3);
    run.recording.ranks[0].is_cut = true;
    assert_eq!(lost(&run), 2);
}

#[test]
fn what_cannot_be_told_is_not_called_wrong() {
    let mut grading = grading();
    for judgement in &mut grading.checks {
        judgement.verdict = judgement.verdict.max(Verdict::CannotBeTold);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("g.html");
    fs::write(&path, page(&grading, None).expect("a page")).expect("a file");
    let headline = "tema2: nothing is wrong, and 5 things cannot be told";
    assert_eq!(told(&path)["headline"], headline);
    let script =
        "return [one('h1').textContent, one('#outcome').className, one('#failing').hidden];";
    if let Some(said) = visit(&path, script) {
        assert_eq!(said, json!([headline, "doubt", true]));
    }
}

#[test]
fn the_calls_of_a_deadlock_can_be_looked_at() {
    let (_folder, path) = written(&deadlock(), "clients 1 and 2 wait for each other");
    let script = "
        const it = window.bittorrent, said = { drawn: it.drawn() };
        const box = one('#diagram').getBoundingClientRect();
        const over = ([x, y]) => {
            const point = { clientX: box.left + x, clientY: box.top + y, bubbles: true };
            one('#diagram').dispatchEvent(new PointerEvent('pointermove', point));
            it.redraw();
            return one('#tooltip').hidden ? '' : [...one('#tooltip').children].map((it) => it.textContent).join('; ');
        };
        const calls = it.counts.slice(0, 6).reduce((sum, n) => sum + n);
        const all = Array.from({ length: calls }, (_, call) => {
            const [left, width, top, high] = it.barOf(call);
            return over([Math.min(left + width / 2, 1180), top + high / 2]);
        });
        said.waiting = all.find((told) => told.startsWith('MPI_Ssend'));
        said.looking = all.find((told) => told.startsWith('MPI_Iprobe'));
        said.took = all.find((told) => told.startsWith('MPI_Recv') && told.includes('file1'));
        said.lost = Array.from({ length: it.counts[6] }, (_, way) => it.told(calls + way)).filter(({ facts }) => facts.includes('nobody took it'));
        const view = it.view();
        const wheel = { deltaY: -300, bubbles: true, cancelable: true, clientX: box.left + 600, clientY: box.top + 60 };
        one('#diagram').dispatchEvent(new WheelEvent('wheel', wheel));
        said.zooms = it.view()[1] - it.view()[0] < view[1] - view[0];
        one('#fit').click();
        it.redraw();
        said.fitted = it.drawn();
        one('[data-use=Messages]').click();
        one('[data-use=Sends]').click();
        it.redraw();
        said.without = it.drawn();
        return said;";
    let Some(said) = visit(&path, script) else {
        return;
    };
    assert_eq!(said["thrown"], Value::Null);
    // All calls, and what a thread looks for.
    let drawn = json!({ "calls": 20, "messages": 7 });
    assert_eq!(
        (&said["drawn"], &said["fitted"]),
        (&drawn, &drawn),
        "{said}"
    );
    assert_eq!(said["without"], json!({ "calls": 13, "messages": 0 }));
    assert_eq!(said["zooms"], true);
    let text = |name: &str| said[name].as_str().unwrap_or_default();
    assert!(
        text("waiting").contains("to client 2, tag 7, 33 bytes, MPI_CHAR"),
        "{said}"
    );
    assert!(text("waiting").contains("and never returned"), "{said}");
    assert!(
        text("looking").contains("called 12,345 times since"),
        "{said}"
    );
    assert!(text("took").contains("hashes of file1[0–2]"), "{said}");
    assert_eq!(said["lost"].as_array().map(Vec::len), Some(3), "{said}");
}

#[test]
fn many_calls_are_drawn_and_of_too_many_the_last_ones() {
    let (_folder, path) = written(&busy(2_000), "client 2 dies");
    let script = "return window.bittorrent.drawn();";
    if let Some(drawn) = visit(&path, script) {
        assert_eq!(drawn, json!({ "calls": 4_003, "messages": 2_000 }));
    }
    let (_folder, path) = written(&busy(15_000), "client 2 dies");
    assert_eq!(told(&path)["failing"]["calls_in_all"], 30_003);
    let script = "return [window.bittorrent.drawn().calls, one('#note').textContent];";
    if let Some(said) = visit(&path, script) {
        assert_eq!(said[0], 20_000);
        let note = said[1].as_str().unwrap();
        assert!(
            note.contains("Only the last 20,000 of 30,003 are here"),
            "{note}"
        );
    }
}
