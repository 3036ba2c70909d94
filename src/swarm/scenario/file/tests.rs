//! What a file may say, and what is said of one that says something else.

use super::*;
use crate::protocol::Rank;
use crate::scenario::Cast;
use crate::settings::Settings;

const EVERYTHING: &str = r#"
[[class]]
name = "seeds"
clients = [1, "3..4"]
leaves = "after one copy"

[[class]]
name = "slow"
share = 0.5
arrives = "1s"
upload_time = "20ms"
leaves = "when done"
stays = "3s"

[[class]]
name = "passers-by"
share = 0.5
conduct = "free rider"
arrives_every = "200ms"
leaves = "1s"
"#;

fn cast(text: &str, clients: usize, seed: u64) -> Result<Cast, String> {
    let settings = Settings {
        seed,
        ..Settings::default()
    };
    let cast = parse(text).and_then(|scenario| scenario.cast(clients, &settings));
    cast.map_err(|wrong| toml_file::located(text, wrong))
}

/// The keys of a class, as the page has them.
fn keys() -> String {
    let page = include_str!("../../../../docs/studies.md");
    let (_, table) = page.split_once("| key of a class |").unwrap();
    let rows = table.lines().skip(2);
    let keys = rows.map_while(|row| Some(row.strip_prefix("| `")?.split_once('`')?.0));
    format!("`{}`", keys.collect::<Vec<_>>().join("`, `"))
}

fn in_class(cast: &Cast, class: &str) -> Vec<u32> {
    let members = cast.iter().filter(|role| role.class == class);
    members.map(|role| role.client.0).collect()
}

#[test]
fn every_key_makes_the_part_that_it_says() {
    let seconds = Duration::from_secs;
    let cast = cast(EVERYTHING, 8, 1).unwrap();
    assert_eq!(in_class(&cast, "seeds"), [1, 3, 4]);
    let seed = Part {
        leaving: Leaving::AfterOneCopy,
        ..Part::default()
    };
    assert_eq!(cast.part(Rank(3)), seed);
    let [slow, passers_by] = ["slow", "passers-by"].map(|class| in_class(&cast, class));
    // 5 clients are left for two halves.
    assert_eq!((slow.len(), passers_by.len()), (3, 2), "{slow:?}");
    for client in slow {
        let part = Part {
            arrival: seconds(1),
            upload_time: Some(Duration::from_millis(20)),
            leaving: Leaving::WhenDone(seconds(3)),
            ..Part::default()
        };
        assert_eq!(cast.part(Rank(client)), part);
    }
    let mut last = Duration::ZERO;
    for client in passers_by {
        let part = cast.part(Rank(client));
        assert_eq!(part.conduct, Conduct::FreeRider);
        assert_eq!(part.leaving, Leaving::At(part.arrival + seconds(1)));
        assert!(part.arrival > last, "one comes after another");
        last = part.arrival;
    }
}

#[test]
fn who_is_in_no_class_does_as_always_and_an_empty_scenario_changes_nothing() {
    assert!(cast("", 9, 1).unwrap().is_empty());
    let tenth = "[[class]]\nname = \"a\"\nshare = 0.1";
    let cast = cast(tenth, 40, 1).unwrap();
    assert_eq!(in_class(&cast, "a").len(), 4);
    let plain = (1..=40).filter(|&rank| cast.part(Rank(rank)) == Part::default());
    assert_eq!(plain.count(), 40, "nothing sets them apart but a name");
    let named = (1..=40).filter(|&rank| cast.class(Rank(rank)).is_some());
    assert_eq!(named.count(), 4);
}

#[test]
fn the_same_seed_deals_the_same_parts_and_another_one_others() {
    let casts = [1, 1, 2].map(|seed| cast(EVERYTHING, 30, seed).unwrap());
    assert_eq!(casts[0], casts[1]);
    assert_ne!(in_class(&casts[0], "slow"), in_class(&casts[2], "slow"));
}

#[test]
fn arrivals_one_after_another_take_the_time_that_they_are_to_take_on_average() {
    let text = "[[class]]\nname = \"a\"\nshare = 1\narrives = \"5s\"\narrives_every = \"10ms\"";
    let cast = cast(text, 10_000, 1).unwrap();
    let last = cast.part(Rank(10_000)).arrival;
    let expected = Duration::from_secs(5 + 100);
    assert!(last.abs_diff(expected) < Duration::from_secs(4), "{last:?}");
    let is_short = |client: &u32| {
        let gap = cast.part(Rank(client + 1)).arrival - cast.part(Rank(*client)).arrival;
        gap < Duration::from_millis(10)
    };
    let short = (1..10_000).filter(is_short).count();
    // 1 - 1/e of the gaps are shorter than the mean.
    assert!(short.abs_diff(6321) < 200, "{short}");
}

#[test]
fn what_is_wrong_is_said_with_line_and_column() {
    let class = |rest: &str| format!("[[class]]\nname = \"ä\"\n{rest}");
    let rank = "expected the rank of a client, 1 or more, or ranks such as \"4..9\"";
    let cases = [
        ("[[class]]\nshare = 1".into(), "1:1: missing field `name`".into()),
        (
            "[[class]]\nname = \"\"\nshare = 1".into(),
            "2:8: expected a name, found none".into(),
        ),
        (class(""), "1:1: expected clients or a share, found neither".into()),
        ("seed = 1".into(), "1:1: unknown field `seed`, expected `class`".into()),
        ("[[class]\n".into(), "1:9: unclosed array table, expected `]`".into()),
        (
            class("share = 1\n  colour = 1"),
            format!("4:3: unknown field `colour`, expected one of {}", keys()),
        ),
        (
            class("share = 1\nclients = [1]"),
            "3:9: expected either clients or a share, found both".into(),
        ),
        (
            class("share = 1.5"),
            "3:9: expected a share of more than 0 and at most 1, found 1.5".into(),
        ),
        (
            class("share = nan"),
            "3:9: expected a share of more than 0 and at most 1, found NaN".into(),
        ),
        (
            class("share = \"half\""),
            "3:9: expected a share of more than 0 and at most 1, found \"half\"".into(),
        ),
        (
            class("share = 0.6\n[[class]]\nname = \"b\"\nshare = 0.5"),
            "6:9: expected shares that are at most 1 together, found 1.1".into(),
        ),
        (
            class("share = 0.6\n") + &class("share = 0.1"),
            "5:8: expected a name of its own, found 'ä' again".into(),
        ),
        (class("clients = [2, 0]"), format!("3:15: {rank}, found 0")),
        (class("clients = [\"9..4\"]"), format!("3:12: {rank}, found \"9..4\"")),
        (
            class("clients = [1, 2,\n  5]"),
            "4:3: client 5: the last client has rank 4".into(),
        ),
        (
            class("clients = [1, \"2..3\", 3]"),
            "3:23: client 3: expected it in one class, found it in 'ä' as well".into(),
        ),
        (
            class("share = 1\narrives = \"soon\""),
            "4:11: expected a time such as \"200ms\", at most a year, found \"soon\"".into(),
        ),
        (
            class("share = 1\narrives = true"),
            "4:11: invalid type: boolean `true`, expected a time such as \"200ms\", \
             at most a year"
                .into(),
        ),
        (
            class("share = 1\nstays = \"2years\""),
            "4:9: expected a time such as \"200ms\", at most a year, found \"2years\"".into(),
        ),
        (
            class("share = 1\narrives_every = \"1year\""),
            "4:17: client 1 would arrive after more than a year".into(),
        ),
        (
            class("share = 1\narrives_every = \"0s\""),
            "4:17: expected a time between two arrivals, found none: leave it out".into(),
        ),
        (
            class("share = 1\nconduct = \"nice\""),
            "4:11: expected \"honest\", \"corrupt\" or \"free rider\", found \"nice\"".into(),
        ),
        (
            class("share = 1\nleaves = \"later\""),
            "4:10: expected \"never\", \"when done\", \"after one copy\" or a time such as \"2s\", \
             at most a year, found \"later\""
                .into(),
        ),
        (
            class("share = 1\nleaves = \"2s\"\nstays = \"2s\""),
            "5:9: expected stays only with leaves = \"when done\"".into(),
        ),
        (
            class("share = 1\nleaves = \"after one copy\"\nconduct = \"free rider\""),
            "4:10: expected an honest client to leave after one copy, for no other gives one"
                .into(),
        ),
    ];
    let check = |(text, expected): (String, String)| {
        assert_eq!(cast(&text, 4, 1).unwrap_err(), expected, "{text}");
    };
    cases.into_iter().for_each(check);
}
