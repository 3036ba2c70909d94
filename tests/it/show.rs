//! The page that `show` makes of a trace, in a real browser where there is one.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::browser::visit;
use serde_json::{Value, json};
use support::job::{Job, Outcome, hash, program};
use swarm::manifest::Manifest;

/// Runs `show` in a folder. Returns what it printed, and what it complained of.
fn show(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(program());
    let output = command
        .arg("show")
        .args(arguments)
        .current_dir(folder)
        .output();
    let output = output.expect("the program can be run");
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("text"));
    (output.status.code(), stdout, stderr)
}

/// The page of the trace `t.jsonl` of a job.
fn page(job: &Outcome) -> PathBuf {
    let (status, stdout, stderr) = show(job.folder.path(), &["t.jsonl"]);
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    assert!(stdout.starts_with("t.html: "), "{stdout}");
    job.folder.path().join("t.html")
}

/// What the page is told.
pub fn told(page: &Path) -> Value {
    let html = fs::read_to_string(page).expect("a page");
    let (_, rest) = html.split_once("type=\"application/json\">").expect("data");
    let (data, _) = rest.split_once("</script>").expect("the end of the data");
    serde_json::from_str(data).expect("JSON")
}

/// Two clients own a file and two want it. One of the latter owns what the others want.
fn swarm() -> Job {
    let file = |name: &str, letter, segments: usize| {
        format!(
            "{name} {segments} {}",
            (hash(letter) + " ").repeat(segments)
        )
    };
    let owner = || format!("1 {} 1 b", file("a", 'x', 45));
    let inputs = [
        owner(),
        owner(),
        format!("1 {} 1 a", file("b", 'y', 30)),
        "0 2 a b".into(),
    ];
    Job::with_inputs(&inputs).arguments(&["--trace", "t.jsonl", "--report", "r.json", "-o", "out"])
}

#[test]
fn the_page_of_a_run_draws_every_message_and_can_be_used() {
    let job = swarm().run();
    assert_eq!(job.status, Some(0), "{}", job.stderr);
    let page = page(&job);
    let told = told(&page);
    let report = serde_json::to_value(job.report("r.json")).expect("JSON");
    let sent = report["measured"]["messages"].as_object().expect("by tag");
    let sent: u64 = sent
        .values()
        .map(|volume| volume["messages"].as_u64().unwrap())
        .sum();
    assert_eq!(told["messages"]["count"], sent);

    let script = "
        const it = window.bittorrent, said = {};
        const note = (name) => { it.redraw(); said[name] = it.arrows(); };
        note('all');
        said.outcome = one('#outcome').textContent;
        said.holding = document.querySelectorAll('#rules [data-verdict=\"holds\"]').length;

        one('#legend [data-tag=\"SEGMENT\"]').click();
        note('without segments');
        one('#legend [data-tag=\"SEGMENT\"]').click();
        note('all again');
        const choose = (selector, value) => {
            one(selector).value = value;
            one(selector).dispatchEvent(new Event('change', { bubbles: true }));
        };
        choose('#rank', '4');
        note('of client 4');
        choose('#rank', '');
        choose('#file', '1');
        note('of file b');
        choose('#file', '');

        const view = it.view();
        const box = one('#diagram').getBoundingClientRect();
        const point = { clientX: box.left + box.width / 2, clientY: box.top + 40 };
        const wheel = { deltaY: -300, bubbles: true, cancelable: true, ...point };
        one('#diagram').dispatchEvent(new WheelEvent('wheel', wheel));
        note('zoomed');
        const narrow = it.view();
        const column = (name) => {
            const bytes = Uint8Array.from(atob(run.messages.columns[name].f64), (it) => it.charCodeAt(0));
            return new Float64Array(bytes.buffer);
        };
        const run = JSON.parse(one('#run').textContent);
        const [posted, taken] = ['posted', 'taken'].map(column);
        const underway = (_, id) => posted[id] <= narrow[1] && taken[id] >= narrow[0];
        said.underway = [...posted].filter(underway).length;
        said.zooms = narrow[1] - narrow[0] < view[1] - view[0];
        one('#fit').click();
        note('fitted');

        one('#time').value = one('#time').min;
        one('#time').dispatchEvent(new Event('input', { bubbles: true }));
        said.first = [1, 2, 3, 4].map(it.held);
        const start = it.time();
        one('#play').click();
        await soon();
        said.plays = it.time() > start;
        one('#play').click();
        one('#time').value = one('#time').max;
        one('#time').dispatchEvent(new Event('input', { bubbles: true }));
        said.last = [1, 2, 3, 4].map(it.held);
        return said;";
    let Some(said) = visit(&page, script) else {
        return;
    };
    assert_eq!(said["thrown"], Value::Null);
    for all in ["all", "all again", "fitted"] {
        assert_eq!(said[all], sent, "{said}");
    }
    let number = |name: &str| said[name].as_u64().expect("a number");
    let segments = report["measured"]["messages"]["SEGMENT"]["messages"]
        .as_u64()
        .unwrap();
    assert_eq!(number("without segments"), sent - segments);
    assert_eq!(number("zoomed"), number("underway"));
    for part in ["of client 4", "of file b"] {
        assert!(number(part) > 0 && number(part) < sent, "{part}: {said}");
    }
    assert!(
        said["outcome"]
            .as_str()
            .unwrap()
            .contains("very rule holds"),
        "{said}"
    );
    assert_eq!(said["holding"], 13);
    assert_eq!(
        (&said["zooms"], &said["plays"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(said["first"], json!([0, 0, 0, 0]));
    assert_eq!(said["last"], json!([30, 30, 45, 75]));
}

#[test]
fn the_page_marks_an_offence_and_leads_to_it() {
    let job = Job::with_inputs(&[format!("1 f 1 {} 0", hash('a')), "0 1 f".into()])
        .arguments(&["--trace", "t.jsonl"])
        .run();
    let path = job.folder.path().join("t.jsonl");
    let text = fs::read_to_string(&path).expect("a trace");
    let ack = format!("{{\"Ack\":\"{}\"}}", hash('a'));
    fs::write(&path, text.replace(&ack, "\"Nack\"")).expect("a file");
    let page = page(&job);
    let told = told(&page);
    let r9 = &told["rules"][8];
    assert_eq!(
        (&r9["rule"], &r9["place"]["thread"]),
        (&json!("R9"), &json!("upload"))
    );
    let script = "
        const it = window.bittorrent;
        one('button[data-offence=\"R9\"]').click();
        await soon();
        it.redraw();
        return {
            selected: it.selected(),
            lit: it.lit(),
            view: it.view(),
            text: one('#rules').textContent,
        };";
    let Some(said) = visit(&page, script) else {
        return;
    };
    assert_eq!(said["thrown"], Value::Null);
    assert_eq!(said["selected"], r9["place"]["message"], "{said}");
    assert_eq!(
        said["lit"].as_array().map(Vec::len),
        Some(2),
        "with its request: {said}"
    );
    let time = r9["place"]["time"].as_f64().unwrap();
    let [start, end] = [0, 1].map(|end| said["view"][end].as_f64().unwrap());
    assert!(start <= time && time <= end, "{said}");
    let text = said["text"].as_str().unwrap();
    assert!(text.contains(r9["offence"].as_str().unwrap()), "{text}");
}

/// A name may look like HTML, and like what every object has in JavaScript.
#[test]
fn a_name_does_nothing_in_the_page() {
    let names = ["<b>x&amp;\"'", "__proto__"];
    let files = names
        .map(|name| format!("{name} 1 {}", hash('a')))
        .join(" ");
    let job = Job::with_inputs(&[format!("2 {files} 0"), format!("0 2 {}", names.join(" "))])
        .arguments(&["--trace", "t.jsonl"])
        .run();
    assert_eq!(job.status, Some(0), "{}", job.stderr);
    let script = "
        const files = [...one('#file').options].map((option) => option.textContent);
        window.bittorrent.redraw();
        const bold = [...document.querySelectorAll('b')].filter((it) => it.textContent.startsWith('x'));
        return { files, bold: bold.length, at: window.bittorrent.held(2) };";
    let Some(said) = visit(&page(&job), script) else {
        return;
    };
    assert_eq!(
        (&said["thrown"], &said["bold"]),
        (&Value::Null, &json!(0)),
        "{said}"
    );
    for name in names {
        let files = said["files"].as_array().expect("a list");
        assert!(
            files
                .iter()
                .any(|file| file.as_str().unwrap().contains(name)),
            "{said}"
        );
    }
}

/// The figures of the page are those of the report, but for its clocks.
#[test]
fn the_page_has_the_figures_of_the_report() {
    let without_times = |mut measured: Value| {
        let times = ["makespan", "lower_bound", "optimality", "completion"];
        let clients = measured["clients"].as_array_mut().expect("a list");
        for client in clients {
            client["completion_time"].take();
            for download in client["downloads"].as_array_mut().expect("a list") {
                for time in ["begun", "completion_time", "end_game_share"] {
                    download[time].take();
                }
            }
        }
        times.iter().for_each(|time| _ = measured[time].take());
        measured
    };
    for options in [
        &[][..],
        &["--tracker-grants", "--corrupt", "1"],
        &["--upload-time", "1ms"],
    ] {
        let job = swarm().arguments(options).run();
        let report = serde_json::to_value(job.report("r.json")).expect("JSON");
        let told = told(&page(&job));
        let [ours, theirs] = [&told, &report].map(|it| it["measured"].clone());
        let makespan = |measured: &Value| measured["makespan"].as_f64().expect("a time");
        assert!(
            (makespan(&ours) - makespan(&theirs)).abs() < 0.01,
            "{options:?}"
        );
        assert_eq!(without_times(ours), without_times(theirs), "{options:?}");
        assert_eq!(told["settings"], report["settings"]);
    }
}

#[test]
fn a_run_that_was_broken_off_has_a_page_of_all_that_is_known() {
    let job = Job::with_inputs(&["0 0", "0 0"]);
    let pipe = job.folder.path().join("in2.txt"); // nobody ever writes into it
    fs::remove_file(&pipe).unwrap();
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let job = job.arguments(&["--trace", "t.jsonl", "--stall-timeout", "3s"]);
    let job = job.run();
    let folder = job.folder.path();
    assert_eq!(job.status, Some(4), "{}", job.stderr);
    let (status, stdout, stderr) = show(folder, &["t.jsonl"]);
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    assert!(stdout.contains("the run was broken off"), "{stdout}");
    let page = folder.join("t.html");
    assert_eq!(told(&page)["complete"], false);
    let script = "window.bittorrent.redraw(); return { arrows: window.bittorrent.arrows() };";
    let Some(said) = visit(&page, script) else {
        return;
    };
    assert_eq!(said["arrows"], 1, "the INIT of client 1: {said}");
}

/// Killed: nothing is said any more. Told to end: the ranks still say what they know.
#[test]
fn a_run_that_is_killed_or_ended_has_a_page_and_a_verdict() {
    for (rank, signal) in [(3, "KILL"), (0, "TERM")] {
        let large = (hash('x') + "\n").repeat(50_000);
        let owner = format!("2 f 1 {} large 50000 {large} 0", hash('a'));
        let wanting = "0 2 f large".to_owned();
        let mut job = Job::with_inputs(&[owner, wanting.clone(), wanting])
            .arguments(&["--trace", "t.jsonl", "--upload-time", "1ms"])
            .start();
        // A thread's events come to its part some time after they happened. When the part of client
        // 1's upload is this long, a client has asked for segments of the second file, and its
        // first file is on record: the list of hashes that came in between is longer than what
        // waits.
        job.wait_for_bytes("t.jsonl.parts/1.upload", 8 << 10);
        job.signal(rank, signal);
        let job = job.end();
        assert_ne!(job.status, Some(0), "{signal}");
        let told = told(&page(&job));
        assert_eq!(told["complete"], false, "{signal}");
        let verdicts = told["rules"].as_array().expect("a list");
        let broken: Vec<_> = (verdicts.iter())
            .filter(|rule| rule["verdict"] == "broken")
            .collect();
        assert!(broken.is_empty(), "{signal}: {broken:?}");
        assert!(told["messages"]["count"].as_u64() > Some(50), "{signal}");
        let saved = told["deeds"].as_array().expect("a list");
        assert!(saved.iter().any(|deed| deed[3] == "saved"), "{signal}");
    }
}

/// The nanoseconds of a time in microseconds, as it is written.
fn exact(time: &Value) -> u64 {
    let text = time.to_string();
    let (whole, fraction) = text.split_once('.').expect("a decimal");
    format!("{whole}{fraction:0<3}").parse().expect("a number")
}

/// How many slices begin before the one before them on their track has ended, or end behind the start of
/// the next.
fn overlapping(slices: &[&Value], nanoseconds: impl Fn(&Value) -> u64) -> usize {
    let mut ends: HashMap<(u64, u64), u64> = HashMap::new();
    let of = |slice: &Value, name: &str| slice[name].as_u64().expect("a number");
    let overlaps = slices.iter().filter(|slice| {
        let start = nanoseconds(&slice["ts"]);
        let track = (of(slice, "pid"), of(slice, "tid"));
        let before = ends.insert(track, start + nanoseconds(&slice["dur"]));
        before.is_some_and(|end| start < end)
    });
    overlaps.count()
}

/// Every message begins one arrow and ends it, on the tracks of its threads.
#[test]
fn the_perfetto_viewer_gets_a_track_for_each_thread_and_an_arrow_for_each_message() {
    let job = swarm().run();
    let folder = job.folder.path();
    let (status, stdout, stderr) =
        show(folder, &["t.jsonl", "--perfetto", "p.json", "-o", "x.html"]);
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    assert!(stdout.contains("\np.json: "), "{stdout}");
    let count = told(&folder.join("x.html"))["messages"]["count"]
        .as_u64()
        .unwrap();
    let text = fs::read_to_string(folder.join("p.json")).expect("a file");
    let entries: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    let of = |ph: &str| {
        entries
            .iter()
            .filter(|entry| entry["ph"] == ph)
            .collect::<Vec<_>>()
    };
    let ids = |ph: &str| {
        let mut ids: Vec<u64> = of(ph)
            .iter()
            .map(|entry| entry["id"].as_u64().unwrap())
            .collect();
        ids.sort_unstable();
        ids
    };
    let all: Vec<u64> = (1..=count).collect();
    assert_eq!((ids("s"), ids("f")), (all.clone(), all));
    let slices = of("X");
    assert!(slices.len() > 1000, "{}", slices.len());
    assert_eq!(overlapping(&slices, exact), 0);
    // Versions of the viewer that read floats cut off what is no whole nanosecond.
    let cut = |time: &Value| (time.as_f64().expect("a number") * 1000.0) as u64;
    assert_eq!(overlapping(&slices, cut), 0);
    let names: Vec<&str> = (of("M")
        .iter()
        .filter(|entry| entry["name"] == "thread_name"))
    .map(|entry| entry["args"]["name"].as_str().unwrap())
    .collect();
    assert_eq!(names.len(), 9, "{names:?}");
}

#[test]
fn only_messages_of_a_time_are_drawn_if_it_is_said() {
    let job = swarm().run();
    let all = told(&page(&job));
    let deeds = all["deeds"].as_array().expect("a list");
    let saved = deeds.iter().find(|deed| deed[3] == "saved");
    let time = saved.expect("files are saved")[0].as_f64().unwrap();
    let half = format!("{}ns", (time * 1e9) as u64);
    let (status, _, stderr) = show(job.folder.path(), &["t.jsonl", "--from", &half]);
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    let part = told(&job.folder.path().join("t.html"));
    let count = |told: &Value| told["messages"]["count"].as_u64().unwrap();
    assert!(
        count(&part) > 0 && count(&part) < count(&all),
        "{} of {}",
        count(&part),
        count(&all)
    );
    assert_eq!(part["measured"], all["measured"]);
    let (status, _, stderr) = show(
        job.folder.path(),
        &["t.jsonl", "--from", "2s", "--to", "1s"],
    );
    assert_eq!(status, Some(2));
    assert!(stderr.contains("--from has to be before --to"), "{stderr}");
}

#[test]
fn what_cannot_be_shown_is_an_error() {
    let job = Job::with_inputs(&[Manifest::default()]).file("t.html", "not a trace");
    for (arguments, expected) in [
        (&["nothing"][..], "nothing: No such file"),
        (&["t.html", "-o", "new"], "t.html:1: expected a whole line"),
        (
            &["t.html", "-o", "t.html"],
            "t.html is also the trace: name another file",
        ),
    ] {
        let (status, _, stderr) = show(job.folder.path(), arguments);
        assert_eq!(status, Some(2), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    }
}
