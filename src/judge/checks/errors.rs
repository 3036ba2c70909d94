//! Whether no call of MPI returns an error. A message that is cut off is one.

use crate::checks::evidence::*;

/// The error class of a message that is longer than there is room for.
const TRUNCATED: i32 = 1;

pub(super) fn judge(scene: &Scene<'_>) -> Result<Shown, Unseen> {
    let calls = || scene.run.recording.calls();
    let failed = || calls().filter(|(_, call)| call.error.is_some());
    let Some((rank, call)) = failed().min_by_key(|(_, call)| call.started) else {
        scene.saw_all_calls()?;
        return Ok(Shown::Right);
    };
    let Call { peer, tag, .. } = call;
    let (who, function) = (who(rank), call.function());
    let (said, hint) = if call.error == Some(TRUNCATED) {
        let message =
            cut_off(scene, rank, call).unwrap_or_else(|| format!("from {peer} with {tag}"));
        let room = count(call.bytes, "byte");
        (
            format!("{who} has room for {room} in {function}, too little for a message {message}"),
            "make the count of the receive as large as the longest message with this tag, or ask MPI_Probe and \
             MPI_Get_count first",
        )
    } else {
        let class = call.error.unwrap_or_default();
        (
            format!("{function} failed in {who} with error class {class} ({peer}, {tag})"),
            "see the arguments of that call: the rank, the tag, the count, and the buffer",
        )
    };
    let number = failed().count();
    wrong(Evidence::new(said, hint).with_details(vec![
        format!("that was at {}", seconds(call.started)),
        format!("{} failed in this run", count(number, "call")),
    ]))
}

/// The message that a call had no room for: `of 8 bytes from client 1 with tag 5`.
fn cut_off(scene: &Scene<'_>, rank: Rank, call: &Call) -> Option<String> {
    let words = |from, tag, bytes| {
        let bytes = count(bytes, "byte");
        Some(format!("of {bytes} from {} with tag {tag}", who(from)))
    };
    if let Some(taken) = call.taken.filter(|taken| taken.bytes > call.bytes) {
        return words(taken.from, taken.tag, taken.bytes);
    }
    let message = scene.messages.iter().find(|message| {
        message.to == rank
            && message.taken.is_none_or(|taken| std::ptr::eq(taken, call))
            && message.sent.bytes > call.bytes
            && Pattern::of(call).matches(message)
    })?;
    match message.sent.tag {
        Tag::One(tag) => words(message.from, tag, message.sent.bytes),
        Tag::Any | Tag::None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Check;
    use crate::seen::made_up::MadeUp;

    #[test]
    fn a_message_without_enough_room_is_said_with_both_lengths() {
        let mut made_up = MadeUp::new(3);
        made_up.send((1, 0), 2, 5).bytes = 31;
        made_up.send((1, 0), 2, 5);
        let call = made_up.receive((2, 1), Peer::Any, Tag::One(5));
        (call.bytes, call.error) = (31, Some(TRUNCATED));
        let seen = made_up.wrong(Check::Errors);
        assert_eq!(
            seen.said,
            "client 2 has room for 31 bytes in MPI_Recv, too little for a message of 32 bytes from client 1 with tag 5"
        );
        let last = seen.details.last().expect("the number of failures");
        assert_eq!(last, "1 call failed in this run");
    }

    #[test]
    fn a_message_without_enough_room_is_known_from_the_receive_or_not_at_all() {
        let mut made_up = MadeUp::new(3);
        let call = made_up.take((2, 1), 1, 5);
        (call.bytes, call.error) = (31, Some(TRUNCATED));
        let seen = made_up.wrong(Check::Errors);
        assert!(
            seen.said
                .ends_with("a message of 32 bytes from client 1 with tag 5")
        );
        made_up.rank(2).calls[0].taken = None;
        let seen = made_up.wrong(Check::Errors);
        assert!(
            seen.said
                .ends_with("too little for a message from client 1 with tag 5")
        );
    }

    #[test]
    fn another_error_is_said_with_its_class() {
        let mut made_up = MadeUp::new(3);
        made_up.send((1, 0), 2, 5).error = Some(6);
        let seen = made_up.wrong(Check::Errors);
        assert_eq!(
            seen.said,
            "MPI_Send failed in client 1 with error class 6 (client 2, tag 5)"
        );
    }

    #[test]
    fn no_error_is_right_where_all_calls_are_known() {
        let mut made_up = MadeUp::new(3);
        made_up.send((1, 0), 2, 5);
        assert_eq!(made_up.shown(Check::Errors), Ok(Shown::Right));
        made_up.rank(2).is_cut = true;
        assert!(made_up.is_untold(Check::Errors, "client 2 did more"));
    }
}
