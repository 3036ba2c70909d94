//! What is wrong by the other rules.

use super::{ANSWER, DOWNLOAD, Format, MadeUp, RECOGNISED, TO_TRACKER, UPLOAD, varied};
use crate::checks::{Check, Shown};
use crate::seen::calls::{Kind, Peer, Tag};
use crate::seen::made_up::{ms, polling, taken};
use swarm::protocol::Rank;

#[test]
fn a_client_of_one_thread_is_wrong() {
    for format in [Format::HashBothWays, Format::NoHash] {
        let mut made = MadeUp::right(format);
        for call in &mut made.rank(4).calls {
            call.thread = DOWNLOAD;
        }
        made.rank(4).threads.truncate(1);
        let evidence = made.wrong(Check::TwoThreads);
        assert!(
            evidence.said.starts_with("client 4 talks"),
            "{}",
            evidence.said
        );
    }
}

/// One thread may call MPI for all others.
#[test]
fn what_a_thread_does_that_calls_nothing_of_mpi_is_not_known() {
    let mut made = MadeUp::right(Format::HashBothWays);
    for client in 3..=5 {
        let record = made.rank(client);
        (record.calls.iter_mut()).for_each(|call| call.thread = DOWNLOAD);
        record.threads.truncate(2);
    }
    let why = "thread 1 of client 3 calls nothing of MPI, and what it does is not seen";
    assert!(made.is_untold(Check::TwoThreads, why));
    // It was made for show.
    for client in 3..=5 {
        made.rank(client).threads[1].ended = Some(ms(0));
    }
    made.wrong(Check::TwoThreads);
}

/// A thread that only looks, and to which nothing comes, is not one that serves; but perhaps nobody asked it.
#[test]
fn a_thread_that_looks_in_vain_does_not_talk() {
    let listening = |format| {
        let mut made = MadeUp::right(format);
        for client in 3..=5 {
            let record = made.rank(client);
            record
                .calls
                .iter_mut()
                .for_each(|call| call.thread = DOWNLOAD);
            record.threads[usize::from(UPLOAD)].polling = Some(polling(Peer::Any, Tag::Any));
        }
        made
    };
    let Ok(Shown::Lacking(evidence)) = listening(Format::HashBothWays).shown(Check::TwoThreads)
    else {
        panic!("nobody serves in a thread of its own");
    };
    let idle = "thread 1 of client 3 listens, and no client's message came to it";
    assert_eq!(evidence.details[1], idle);
    assert!(listening(Format::NoHash).is_untold(Check::TwoThreads, idle));
    // It is told to stop, and nothing else.
    let mut made = listening(Format::NoHash);
    for client in 3..=5 {
        made.rank(client).threads[usize::from(UPLOAD)].polling = None;
        made.receive((client, UPLOAD), Peer::Any, Tag::Any).taken = Some(taken(0, 7));
    }
    assert!(made.is_untold(Check::TwoThreads, idle));
    // One of them does.
    let mut made = listening(Format::HashBothWays);
    made.send((4, UPLOAD), 3, ANSWER);
    assert_eq!(made.shown(Check::TwoThreads), Ok(Shown::Right));
}

#[test]
fn a_client_that_nobody_asks_may_be_seen_with_one_thread() {
    let made = MadeUp::whole(Format::HashBothWays, 3, 40, |_, segment| 1 + segment % 2);
    assert!(made.shown(Check::TwoThreads).is_err());
}

#[test]
fn a_list_of_hashes_that_is_cut_is_wrong() {
    let mut made = MadeUp::right(Format::HashBothWays);
    made.run.recording.ranks[2].calls[0].segments.truncate(25);
    let evidence = made.wrong(Check::Registration);
    assert_eq!(
        evidence.said,
        "client 2 told the tracker of 25 of the 40 segments of file1"
    );
}

#[test]
fn a_hash_that_two_messages_share_is_not_missed() {
    for missing in [vec![12], vec![39], vec![9, 19, 29, 39]] {
        let mut made = MadeUp::right(Format::HashBothWays);
        let call = &mut made.run.recording.ranks[2].calls[0];
        call.segments.retain(|segment| !missing.contains(segment));
        assert!(made.shown(Check::Registration).is_err(), "{missing:?}");
    }
}

/// A run in which client 3 tells the tracker nothing by itself before others ask, and what it does instead.
fn with_a_late_client(instead: fn(&mut MadeUp)) -> MadeUp {
    let mut made = MadeUp::swarm(5, 40);
    let all: Vec<u32> = (0..40).collect();
    made.tell(1, &all);
    instead(&mut made);
    made.tell(2, &all);
    for client in [4, 5] {
        made.tell(client, &[]);
    }
    for segment in 0..40 {
        for client in 3..=5 {
            made.fetch(
                Format::HashBothWays,
                client,
                varied(client, segment),
                segment,
            );
            if segment % 10 == 9 {
                made.tell(client, &[]);
            }
        }
    }
    made.finish();
    made
}

#[test]
fn who_is_heard_of_through_others_is_not_unheard() {
    let said = with_a_late_client(|_| {}).wrong(Check::Registration).said;
    assert!(
        said.ends_with("before the tracker heard of client 3"),
        "{said}"
    );
    // Client 4 tells client 2, which tells the tracker.
    let passed_on = with_a_late_client(|made| {
        for (from, to) in [(3, 4), (4, 2)] {
            made.send((from, DOWNLOAD), to, 9).at_once();
            made.take((to, DOWNLOAD), from, 9).at_once();
        }
    });
    let shown = passed_on.shown(Check::Registration);
    assert!(!matches!(shown, Ok(Shown::Wrong(_))), "{shown:?}");
    // In vain, for it comes to client 2 after that one has told the tracker.
    let too_late = with_a_late_client(|made| {
        made.tell(2, &[]);
        made.send((3, DOWNLOAD), 4, 9).at_once();
        made.take((4, DOWNLOAD), 3, 9).until(2_000);
    });
    too_late.wrong(Check::Registration);
}

#[test]
fn hashes_that_went_to_another_client_may_have_been_passed_on() {
    let mut made = MadeUp::swarm(5, 40);
    let rest: Vec<u32> = (25..40).collect();
    made.send_hashes((2, DOWNLOAD), 1, 9, &rest);
    made.take((1, DOWNLOAD), 2, 9).at_once();
    made.register();
    made.finish();
    let told = made.run.recording.ranks[2]
        .calls
        .iter_mut()
        .find(|call| call.segments.len() == 40);
    told.expect("it has told the tracker").segments.truncate(25);
    assert!(made.shown(Check::Registration).is_err());
    made.run.recording.ranks[2].calls.remove(0);
    made.run.recording.ranks[1].calls.remove(0);
    made.wrong(Check::Registration);
}

#[test]
fn hashes_may_come_to_the_tracker_by_a_gather() {
    let mut made = MadeUp::right(Format::HashBothWays);
    for client in [1, 2] {
        let call = &mut made.run.recording.ranks[client].calls[0];
        call.kind = Kind::Gatherv;
    }
    assert_eq!(made.shown(Check::Registration), Ok(Shown::Right));
    for client in [1, 2] {
        made.run.recording.ranks[client].calls[0].peer = Peer::One(Rank(3));
    }
    assert!(made.shown(Check::Registration).is_err());
}

#[test]
fn who_asks_before_all_have_registered_is_wrong() {
    for format in RECOGNISED {
        let mut made = MadeUp::swarm(5, 40);
        let all: Vec<u32> = (0..40).collect();
        made.tell(1, &all);
        made.fetch(format, 3, 1, 0);
        made.tell(2, &all);
        for segment in 0..40 {
            for client in 3..=5 {
                made.fetch(format, client, varied(client, segment), segment);
            }
        }
        made.finish();
        let evidence = made.wrong(Check::Registration);
        let start = "client 3 asked client 1 for a segment ";
        let end = "before the tracker knew all files of client 2";
        assert!(evidence.said.starts_with(start), "{}", evidence.said);
        assert!(evidence.said.ends_with(end), "{}", evidence.said);
    }
}

#[test]
fn an_early_message_that_nobody_understands_is_not_wrong() {
    let mut made = MadeUp::swarm(5, 40);
    made.ask(3, 1, &[]);
    made.register();
    made.finish();
    assert!(made.shown(Check::Registration).is_err());
}

/// A run in which clients get every segment from the tracker.
fn from_the_tracker() -> MadeUp {
    let mut made = MadeUp::swarm(5, 40);
    made.register();
    for segment in 0..40 {
        for client in 3..=5 {
            made.tell(client, &[]);
            made.send_hashes((0, 0), client, ANSWER, &[segment]);
            made.take((client, DOWNLOAD), 0, ANSWER).at_once();
        }
    }
    made.finish();
    made
}

#[test]
fn a_tracker_that_serves_is_wrong() {
    let evidence = from_the_tracker().wrong(Check::Peers);
    assert_eq!(
        evidence.said,
        "client 3 has all 40 segments of file1 and never received a message from another client"
    );
}

#[test]
fn a_tracker_that_serves_one_client_is_wrong() {
    let mut made = from_the_tracker();
    // The others ask an owner and client 3, and it asks nobody.
    for segment in 0..40 {
        made.fetch(Format::HashInTheQuestion, 4, 1 + segment % 2 * 2, segment);
        made.fetch(Format::HashInTheQuestion, 5, 1 + segment % 2 * 2, segment);
    }
    let evidence = made.wrong(Check::Peers);
    assert!(
        evidence
            .said
            .starts_with("client 3 got file1 from the tracker")
    );
}

/// Clients greet each other, and write what the tracker has told them.
#[test]
fn who_never_asks_for_what_it_has_is_noted() {
    let greeting = |times: usize| {
        let mut made = MadeUp::swarm(5, 40);
        made.register();
        let all: Vec<u32> = (0..40).collect();
        for client in 3..=5 {
            made.send_hashes((0, 0), client, ANSWER, &all);
            made.take((client, DOWNLOAD), 0, ANSWER).at_once();
            for _ in 0..times {
                made.ask(1, client, &[]);
            }
        }
        made.finish();
        made
    };
    let Ok(Shown::Lacking(evidence)) = greeting(1).shown(Check::Peers) else {
        panic!("no segment came from a client");
    };
    assert_eq!(
        evidence.said,
        "client 3 has all 40 segments of its files, whose hashes came from the tracker, and other clients sent it only \
         1 message"
    );
    // One message may answer many questions.
    assert!(greeting(2).shown(Check::Peers).is_err());
}

#[test]
fn hashes_that_came_in_ways_that_are_not_recorded_are_not_accused() {
    let mut made = MadeUp::swarm(5, 40);
    made.register();
    made.finish();
    assert!(made.shown(Check::Peers).is_err());
}

#[test]
fn hashes_that_may_have_come_in_a_collective_operation_are_not_accused() {
    // What client 3 gets by this comes from other clients, too.
    let gets: [(Kind, Peer, bool); 6] = [
        (Kind::Barrier, Peer::None, false),
        (Kind::Bcast, Peer::One(Rank(0)), false),
        (Kind::Ibcast, Peer::One(Rank(1)), true),
        (Kind::Gather, Peer::One(Rank(3)), true),
        (Kind::Igatherv, Peer::One(Rank(0)), false),
        (Kind::Alltoallv, Peer::None, true),
    ];
    for (kind, root, gets) in gets {
        let mut made = from_the_tracker();
        made.call((3, DOWNLOAD), kind).peer = root;
        let accused = made.wrong(Check::Peers).said.starts_with("client 3");
        assert_eq!(accused, !gets, "{kind}");
    }
}

#[test]
fn whole_files_are_wrong_where_nobody_calls_anything() {
    let mut made = MadeUp::swarm(5, 40);
    made.finish();
    let evidence = made.wrong(Check::Peers);
    assert!(evidence.details[0].starts_with("no message brought them"));
    made.rank(1).is_cut = true;
    assert!(made.shown(Check::Peers).is_err());
}

#[test]
fn one_source_for_long_downloads_is_wrong() {
    for format in RECOGNISED {
        let made = MadeUp::whole(format, 5, 100, |_, _| 1);
        let evidence = made.wrong(Check::Sources);
        assert_eq!(
            evidence.said,
            "client 3 got all 100 segments of file1 from client 1, though 2 clients own it"
        );
        assert_eq!(
            evidence.details[0],
            "client 3, file1: 100 (100 %) from client 1"
        );
        assert!(evidence.details[3].ends_with("served 300 segments: 2.0 times the mean"));
    }
}

#[test]
fn one_source_for_a_short_download_may_be_chance() {
    let made = MadeUp::whole(Format::HashBothWays, 4, 20, |_, _| 1);
    assert!(matches!(made.shown(Check::Sources), Ok(Shown::Lacking(_))));
    let made = MadeUp::whole(
        Format::HashBothWays,
        4,
        20,
        |client, segment| match client {
            3 => 1,
            _ => varied(client, segment),
        },
    );
    assert!(made.shown(Check::Sources).is_err());
    let made = MadeUp::whole(Format::HashBothWays, 4, 19, |_, _| 1);
    assert!(made.shown(Check::Sources).is_err());
}

#[test]
fn who_asks_another_owner_how_busy_it_is_is_not_accused() {
    let mut made = MadeUp::swarm(5, 100);
    made.register();
    for segment in 0..100 {
        for client in 3..=5 {
            made.ask(client, 2, &[]);
            made.answer(2, client, &[]);
            made.fetch(Format::HashBothWays, client, 1, segment);
        }
    }
    made.finish();
    assert!(made.shown(Check::Sources).is_err());
}

#[test]
fn who_never_asks_the_tracker_again_is_wrong() {
    for format in RECOGNISED {
        let mut made = MadeUp::right(format);
        let calls = &mut made.run.recording.ranks[4].calls;
        let mut seen = 0;
        calls.retain(|call| {
            let tells = call.tag == crate::seen::calls::Tag::One(TO_TRACKER);
            seen += usize::from(tells);
            !tells || seen == 1 || seen == 5
        });
        let evidence = made.wrong(Check::Updates);
        assert!(
            evidence
                .said
                .starts_with("client 4 downloaded 40 segments of file1 one after another"),
            "{}",
            evidence.said
        );
    }
}

#[test]
fn twenty_segments_may_come_before_the_tracker_is_asked() {
    let mut made = MadeUp::swarm(4, 41);
    made.register();
    for segment in 0..41 {
        for client in 3..=4 {
            made.fetch(Format::HashBothWays, client, 1 + segment % 2, segment);
            if segment % 20 == 19 {
                made.tell(client, &[]);
            }
        }
    }
    made.finish();
    assert_eq!(made.shown(Check::Updates), Ok(Shown::Right));
}

#[test]
fn leechers_that_never_serve_are_noted() {
    for format in RECOGNISED {
        let made = MadeUp::whole(format, 5, 40, |_, segment| 1 + segment % 2);
        let Ok(Shown::Lacking(evidence)) = made.shown(Check::Serving) else {
            panic!("{:?}", made.shown(Check::Serving));
        };
        assert_eq!(
            evidence.said,
            "3 clients downloaded file1, 120 segments in all, and none of them served a segment of \
             it to another"
        );
    }
}

#[test]
fn two_leechers_give_too_little_occasion() {
    let made = MadeUp::whole(Format::HashBothWays, 4, 40, |_, segment| 1 + segment % 2);
    assert!(made.shown(Check::Serving).is_err());
}

#[test]
fn leechers_that_were_asked_may_have_served() {
    let mut made = MadeUp::swarm(5, 40);
    made.register();
    for segment in 0..40 {
        for client in 3..=5 {
            // Which of the two gave it does not show.
            let leecher = if client == 3 { 4 } else { 3 };
            for member in [leecher, 1] {
                made.ask(client, member, &[segment]);
                made.answer(member, client, &[]);
            }
        }
    }
    made.finish();
    assert!(made.shown(Check::Serving).is_err());
}

#[test]
fn who_stops_before_another_is_done_is_wrong() {
    for format in RECOGNISED {
        for rank in [0, 2] {
            let mut made = MadeUp::swarm(5, 40);
            made.register();
            for segment in 0..40 {
                for client in 3..=5 {
                    made.fetch(format, client, 1, segment);
                }
                if segment == 38 {
                    made.stop(rank);
                }
            }
            made.finish();
            let evidence = made.wrong(Check::Stopping);
            let who = if rank == 0 { "the tracker" } else { "client 2" };
            let said =
                format!("{who} called MPI_Finalize 12.000 ms before client 5 had its last segment");
            assert_eq!(evidence.said, said);
        }
    }
}

/// A question that nobody takes, because who is asked has stopped, is evidence; what only tells others is none.
#[test]
fn who_tells_others_what_it_has_asks_nothing() {
    let telling = |segments: &[u32], when: u32| {
        let mut made = MadeUp::swarm(5, 40);
        made.register();
        for segment in 0..40 {
            if segment == when {
                made.send_hashes((3, DOWNLOAD), 4, 9, segments);
            }
            for client in 3..=5 {
                made.fetch(Format::HashBothWays, client, 1, segment);
            }
        }
        made.finish();
        made
    };
    let said = telling(&[20], 20).wrong(Check::Stopping).said;
    let expected = "client 4 called MPI_Finalize, and never took a question of client 3 for segment 21 of file1";
    assert_eq!(said, expected);
    assert_eq!(telling(&[20], 21).shown(Check::Stopping), Ok(Shown::Right));
}
