use super::*;
use crate::seen::condition::Condition;

fn place(condition: Condition, run: usize) -> Place {
    Place {
        test: "test1".into(),
        condition,
        run,
        noise: None,
    }
}

/// What is judged of a check that the runs as it is have shown like this.
fn judged(runs: Vec<Result<Shown, Unseen>>) -> Judgement {
    let mut observations = Observations::default();
    for (number, seen) in (1..).zip(runs) {
        let place = place(Condition::AsItIs, number);
        observations.see(place, true, vec![(Check::Sources, seen)]);
    }
    let (mut counted, beyond) = observations.judgements();
    assert_eq!(counted.len(), Check::ALL.len());
    assert_eq!(beyond, []);
    counted.retain(|judgement| judgement.check == Check::Sources);
    counted.remove(0)
}

fn wrong(said: &str) -> Result<Shown, Unseen> {
    Ok(Shown::Wrong(Evidence::new(said, "look")))
}

fn lacking(said: &str) -> Result<Shown, Unseen> {
    Ok(Shown::Lacking(Evidence::new(said, "look")))
}

fn untold(reason: &str) -> Result<Shown, Unseen> {
    Err(Unseen(reason.into()))
}

#[test]
fn one_wrong_run_is_enough() {
    let runs = vec![
        Ok(Shown::Right),
        wrong("a"),
        untold("no"),
        lacking("l"),
        wrong("b"),
    ];
    let judgement = judged(runs);
    assert_eq!(judgement.verdict, Verdict::Wrong);
    assert_eq!(
        (judgement.wrong, judgement.right, judgement.untold),
        (2, 1, 2)
    );
    assert_eq!(judgement.evidence.unwrap().said, "a");
    assert_eq!(judgement.place, Some(place(Condition::AsItIs, 2)));
    assert_eq!(judgement.reason, None);
}

#[test]
fn the_run_that_is_told_of_is_the_first_of_the_plainest_condition() {
    let mut observations = Observations::default();
    let runs = [
        (Condition::Lying, 1),
        (Condition::Synchronous, 1),
        (Condition::Noise, 1),
        (Condition::Noise, 2),
        (Condition::AsItIs, 7),
        (Condition::AsItIs, 8),
        (Condition::Noise, 3),
    ];
    for (condition, run) in runs {
        let said = format!("{condition} {run}");
        let seen = vec![(Check::Hang, wrong(&said))];
        observations.see(place(condition, run), true, seen);
    }
    let (counted, _) = observations.judgements();
    let hang = counted.into_iter().find(|it| it.check == Check::Hang);
    let hang = hang.unwrap();
    assert_eq!(hang.place, Some(place(Condition::AsItIs, 7)));
    assert_eq!(hang.evidence.unwrap().said, "as it is 7");
}

#[test]
fn one_run_that_shows_what_the_others_lack_is_enough() {
    let mut runs: Vec<Result<Shown, Unseen>> = (0..9).map(|_| lacking("never")).collect();
    runs.push(Ok(Shown::Right));
    let judgement = judged(runs);
    assert_eq!(judgement.verdict, Verdict::Right);
    assert_eq!(
        (judgement.wrong, judgement.right, judgement.untold),
        (0, 1, 9)
    );
    assert_eq!(judgement.evidence, None);
}

#[test]
fn what_lacks_is_wrong_only_when_enough_runs_gave_occasion() {
    let runs = |number| (0..number).map(|_| lacking("never")).collect::<Vec<_>>();
    let enough = judged(runs(5));
    assert_eq!(enough.verdict, Verdict::Wrong);
    assert_eq!((enough.wrong, enough.untold, enough.rate), (5, 0, None));
    assert_eq!(enough.evidence.unwrap().said, "never");
    let mut few = runs(4);
    few.extend([untold("no"), untold("no")]);
    let few = judged(few);
    assert_eq!(few.verdict, Verdict::CannotBeTold);
    assert_eq!((few.wrong, few.untold), (0, 6));
    let reason = "only 4 runs gave occasion, and 5 are needed: never";
    assert_eq!(few.reason.as_deref(), Some(reason));
    assert_eq!(few.evidence, None);
}

#[test]
fn what_cannot_be_told_has_the_most_frequent_reason() {
    let runs = vec![untold("rare"), untold("often"), untold("often")];
    let judgement = judged(runs);
    assert_eq!(judgement.verdict, Verdict::CannotBeTold);
    assert_eq!(judgement.reason.as_deref(), Some("often"));
    let judgement = judged(vec![]);
    assert_eq!(judgement.verdict, Verdict::CannotBeTold);
    assert_eq!(
        judgement.reason.as_deref(),
        Some("no run was made that could show it")
    );
    assert_eq!(judgement.rate, None);
}

#[test]
fn what_the_assignment_does_not_promise_is_judged_apart() {
    let mut observations = Observations::default();
    let place = place(Condition::AsItIs, 1);
    observations.see(place.clone(), true, vec![(Check::Crash, Ok(Shown::Right))]);
    observations.see(place, false, vec![(Check::Crash, wrong("beyond"))]);
    let (counted, beyond) = observations.judgements();
    let verdict = |judgements: Vec<Judgement>| {
        let found = judgements.into_iter().find(|it| it.check == Check::Crash);
        found.unwrap().verdict
    };
    assert_eq!(verdict(counted), Verdict::Right);
    assert_eq!(verdict(beyond), Verdict::Wrong);
}

#[test]
fn the_interval_is_wilsons() {
    // From the tables of Newcombe, "Two-sided confidence intervals for the single proportion", 1998.
    for (times, of, low, high) in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ] {
        let [least, most] = wilson(times, of).unwrap();
        assert!((least - low).abs() < 5e-5, "{times} of {of}: {least}");
        assert!((most - high).abs() < 5e-5, "{times} of {of}: {most}");
    }
    assert_eq!(wilson(0, 0), None);
    let right = judged((0..60).map(|_| Ok(Shown::Right)).collect());
    let [least, most] = right.rate.unwrap();
    assert!(least == 0.0 && (0.059..0.061).contains(&most), "{most}");
}
