//! Pages in a real browser, without a window.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The seconds after which the browser is ended.
const PATIENCE: &str = "90";

/// A script to put before the page's scripts. The browser paints nothing, so its frames come by
/// chance: here a timer gives them.
const FRAMES: &str = "<head><script>
    window.requestAnimationFrame = (draw) => setTimeout(() => draw(performance.now()), 16);
    </script>";

/// What goes before the script of a test: what it says, and what the page throws.
const BEFORE: &str = "
    const failures = [];
    addEventListener('error', (event) => failures.push(event.message));
    addEventListener('unhandledrejection', (event) => failures.push(String(event.reason)));
    const one = (selector) => document.querySelector(selector);
    const soon = () => new Promise((done) => setTimeout(done, 200));
";

/// Opens a page, has a script look at it and use it, and returns what the script does. Returns
/// nothing where there is no browser, and says so.
pub fn visit(page: &Path, script: &str) -> Option<Value> {
    let browser = browser()?;
    let html = fs::read_to_string(page).expect("a page");
    let test = format!(
        "<script>{BEFORE}
        (async () => {{ await soon(); {script} }})()
            .catch((error) => ({{ thrown: String(error.stack) }}))
            .then((said) => {{
                const element = document.createElement('pre');
                element.id = 'said';
                element.textContent = JSON.stringify({{ said, failures }});
                document.body.append(element);
            }});
        </script></body>"
    );
    for place in ["<head>", "</body>"] {
        assert_eq!(html.matches(place).count(), 1, "{place}");
    }
    let html = html.replace("<head>", FRAMES).replace("</body>", &test);
    let visited = page.with_extension("visited.html");
    fs::write(&visited, html).expect("a page");
    let profile = tempfile::tempdir().expect("a temporary folder");
    let output = Command::new("timeout")
        .args(["--kill-after=5", PATIENCE])
        .arg(&browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
        ])
        .args([
            "--no-first-run",
            "--disable-background-networking",
            "--disable-sync",
        ])
        .args(["--disable-component-update", "--disable-dev-shm-usage"])
        .args(["--enable-logging=stderr", "--window-size=1280,1600"])
        .args(["--virtual-time-budget=20000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", visited.display()))
        .output()
        .expect("a browser can be started");
    let [dom, log] =
        [output.stdout, output.stderr].map(|it| String::from_utf8_lossy(&it).into_owned());
    let spoken: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("CONSOLE"))
        .collect();
    assert!(spoken.is_empty(), "on the console: {spoken:#?}");
    let said = dom.split_once("<pre id=\"said\">").map(|(_, rest)| rest);
    let said = said.and_then(|rest| rest.split_once("</pre>"));
    let (said, _) = said.unwrap_or_else(|| panic!("the script has not ended: {log}"));
    let said = said
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    let mut said: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(said["failures"], Value::Array(vec![]));
    Some(said["said"].take())
}

/// The browser of this machine.
fn browser() -> Option<String> {
    let is_there = |name: &&str| {
        let mut folders =
            env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect::<Vec<_>>();
        folders.iter_mut().any(|folder| folder.join(name).is_file())
    };
    let known = ["chromium", "chromium-browser", "google-chrome"];
    let found = known.into_iter().find(is_there);
    if found.is_none() {
        assert!(
            env::var_os("REQUIRE_BROWSER").is_none(),
            "REQUIRE_BROWSER is set, and there is no chromium"
        );
        eprintln!("skipped: there is no chromium to open the page in");
    }
    found.map(str::to_owned)
}
