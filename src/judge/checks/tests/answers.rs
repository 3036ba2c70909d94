//! R4, R9: who gives what it does not have.

use super::{Format, MadeUp, varied};
use crate::checks::{Check, Shown};

#[test]
fn who_says_yes_without_looking_is_found_out() {
    for format in [Format::HashBothWays, Format::HashInTheQuestion] {
        // Client 3 is the first to fetch a segment, and client 4 cannot have it yet.
        let made = MadeUp::whole(format, 5, 40, |client, segment| match client {
            3 if segment == 16 => 4,
            _ => 1 + segment % 2,
        });
        let evidence = made.wrong(Check::Answers);
        assert_eq!(
            evidence.said,
            "client 3 took segment 17 of file1 from client 4, which did not have it"
        );
        assert!(evidence.details[0].starts_with("client 4 began to download segment 17 of file1"));
    }
}

#[test]
fn a_hash_that_is_sent_before_it_came_is_found_out_without_a_question() {
    let made = MadeUp::whole(
        Format::HashInTheAnswer,
        5,
        40,
        |client, segment| match client {
            3 if segment == 16 => 4,
            _ => 1 + segment % 2,
        },
    );
    let said = "client 3 took segment 17 of file1 from client 4, which did not have it";
    assert_eq!(made.wrong(Check::Answers).said, said);
}

#[test]
fn who_does_not_want_a_file_has_nothing_of_it() {
    let mut made = MadeUp::whole(Format::HashInTheQuestion, 5, 40, varied);
    made.known.files[0].owners.remove(&swarm::protocol::Rank(2));
    let evidence = made.wrong(Check::Answers);
    let said = "client 3 took segment 2 of file1 from client 2, which did not have it";
    assert_eq!(evidence.said, said);
    let detail = "client 2 neither owns file1 nor wants it";
    assert_eq!(evidence.details[0], detail);
}

#[test]
fn who_may_have_had_it_is_not_accused() {
    // Client 5 asks client 4 after client 4 has asked for the segment itself.
    let made = MadeUp::whole(
        Format::HashInTheQuestion,
        5,
        40,
        |client, segment| match client {
            5 => 4,
            _ => 1 + segment % 2,
        },
    );
    assert_eq!(made.shown(Check::Answers), Ok(Shown::Right));
}

#[test]
fn an_answer_that_nobody_relies_on_is_no_offence() {
    let mut made = MadeUp::swarm(5, 40);
    made.register();
    for segment in 0..40 {
        for client in 3..=5 {
            // All are asked whether they have it, one after another, and the second gives it: it
            // is not asked again.
            for member in [1, 2, 4] {
                if member != client {
                    made.ask(client, member, &[segment]);
                    made.answer(member, client, &[]);
                }
            }
        }
    }
    made.finish();
    assert!(!matches!(made.shown(Check::Answers), Ok(Shown::Wrong(_))));
}

#[test]
fn a_few_answers_that_are_right_prove_nothing() {
    let made = MadeUp::whole(Format::HashInTheQuestion, 4, 20, |_, segment| {
        1 + segment % 2
    });
    assert!(made.shown(Check::Answers).is_err());
}
