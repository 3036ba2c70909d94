//! Whether the data of a message has the type that its receive names.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::checks::evidence::*;

pub(super) fn judge(scene: &Scene<'_>) -> Result<Shown, Unseen> {
    scene.saw_all_receives()?;
    // Which message of a flow a call took is known only where no two calls send or take at once.
    let mut flows: BTreeMap<_, Vec<(Message<'_>, &Call)>> = BTreeMap::new();
    for &message in &scene.messages {
        if let Some(taken) = message.taken {
            let (from, to, sent) = (message.from, message.to, message.sent);
            let flow = flows.entry((sent.comm, from, to, sent.tag));
            flow.or_default().push((message, taken));
        }
    }
    let is_ordered = |flow: &Vec<(Message<'_>, &Call)>| {
        flow.windows(2).all(|pair| {
            let [(before, taken_before), (next, taken_next)] = pair else {
                return true;
            };
            in_turn(before.sent, next.sent) && in_turn(taken_before, taken_next)
        })
    };
    let mut misread = Vec::new();
    for (message, taken) in flows.into_values().filter(is_ordered).flatten() {
        let is_whole = message.surely_taken().is_some() && message.sent.bytes > 0;
        if let (Some(sent), Some(wanted), true) = (basic(message.sent), basic(taken), is_whole)
            && sent.1 != wanted.1
        {
            misread.push((message, taken, [sent, wanted]));
        }
    }
    misread.sort_by_key(|(message, ..)| message.sent.started);
    let Some((message, taken, [sent, wanted])) = misread.first() else {
        return Ok(Shown::Right);
    };
    let (from, to, tag) = (who(message.from), who(message.to), message.sent.tag);
    let [(sent, size), (wanted, wanted_size)] = [sent, wanted];
    let said = format!("{from} sends {sent} to {to} with {tag}, and the receive expects {wanted}");
    let (size, wanted_size) = (count(*size, "byte"), count(*wanted_size, "byte"));
    let (bytes, at) = (count(message.sent.bytes, "byte"), seconds(taken.started));
    let hint =
        "name the same datatype in the send and in the receive, that of the buffer's elements";
    wrong(Evidence::new(said, hint).with_details(vec![
        format!("{} sends {sent} of {size} each: {bytes}", message.sent.kind),
        format!(
            "{} expects {wanted} of {wanted_size} each, at {at}",
            taken.kind
        ),
        format!("{} in this run", count(misread.len(), "such message")),
    ]))
}

/// Whether a call was over before the next one began, or one thread made both.
fn in_turn(before: &Call, next: &Call) -> bool {
    let is_over = |end: Option<Duration>| end.is_some_and(|end| end <= next.started);
    before.thread == next.thread || is_over(before.returned) && is_over(before.completed)
}

/// The name of MPI's own datatype and the length of an element.
fn basic(call: &Call) -> Option<(&'static str, u8)> {
    match call.datatype {
        Datatype::Basic { name, size } => Some((name, size)),
        Datatype::Bytes | Datatype::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Check;
    use crate::seen::made_up::{MadeUp, ms};

    const CHAR: Datatype = Datatype::Basic {
        name: "MPI_CHAR",
        size: 1,
    };
    const INT: Datatype = Datatype::Basic {
        name: "MPI_INT",
        size: 4,
    };

    /// A message from client 1 to client 2 of these types.
    fn typed(sent: Datatype, wanted: Datatype) -> MadeUp {
        let mut made_up = MadeUp::new(3);
        made_up.send((1, 0), 2, 5).datatype = sent;
        made_up.take((2, 1), 1, 5).datatype = wanted;
        made_up
    }

    #[test]
    fn types_of_other_sizes_do_not_match() {
        let seen = typed(CHAR, INT).wrong(Check::Types);
        assert_eq!(
            seen.said,
            "client 1 sends MPI_CHAR to client 2 with tag 5, and the receive expects MPI_INT"
        );
        assert_eq!(
            seen.details,
            [
                "MPI_Send sends MPI_CHAR of 1 byte each: 32 bytes",
                "MPI_Recv expects MPI_INT of 4 bytes each, at 0.002 s",
                "1 such message in this run"
            ]
        );
    }

    #[test]
    fn a_send_that_was_cancelled_is_no_message() {
        let mut made_up = MadeUp::new(3);
        let cancelled = made_up.send((1, 0), 2, 5);
        (cancelled.kind, cancelled.is_cancelled, cancelled.datatype) = (Kind::Isend, true, INT);
        made_up.send((1, 0), 2, 5).datatype = CHAR;
        made_up.take((2, 1), 1, 5).datatype = CHAR;
        assert_eq!(made_up.shown(Check::Types), Ok(Shown::Right));
        made_up.rank(1).calls[0].is_cancelled = false;
        made_up.wrong(Check::Types);
    }

    #[test]
    fn bytes_and_the_programs_own_types_match_all() {
        for other in [Datatype::Bytes, Datatype::Other, INT] {
            assert_eq!(typed(INT, other).shown(Check::Types), Ok(Shown::Right));
            assert_eq!(typed(other, INT).shown(Check::Types), Ok(Shown::Right));
        }
    }

    #[test]
    fn an_empty_message_has_no_type() {
        let mut made_up = typed(CHAR, INT);
        made_up.rank(1).calls[0].bytes = 0;
        made_up.rank(2).calls[0].taken.as_mut().unwrap().bytes = 0;
        assert_eq!(made_up.shown(Check::Types), Ok(Shown::Right));
    }

    #[test]
    fn a_message_that_is_not_surely_the_one_that_was_taken_has_no_type() {
        // Its length is another.
        let mut made_up = typed(CHAR, INT);
        made_up.rank(1).calls[0].bytes = 16;
        assert_eq!(made_up.shown(Check::Types), Ok(Shown::Right));
        // Two threads took messages of the flow at once, or sent them.
        for (sender, taker) in [((1, 0), (2, 2)), ((1, 1), (2, 1))] {
            let mut made_up = typed(CHAR, INT);
            made_up.send(sender, 2, 5);
            made_up.take(taker, 1, 5);
            assert!(
                matches!(made_up.shown(Check::Types), Ok(Shown::Wrong(_))),
                "they took turns"
            );
            for rank in [1, 2] {
                let call = &mut made_up.rank(rank).calls[0];
                (call.returned, call.completed) = (Some(ms(9)), Some(ms(9)));
            }
            assert_eq!(made_up.shown(Check::Types), Ok(Shown::Right));
        }
        // A receive failed, and the others may be a message further.
        let mut made_up = typed(CHAR, INT);
        made_up.receive((2, 1), Peer::Any, Tag::Any).error = Some(1);
        assert!(made_up.is_untold(Check::Types, "may have taken"));
        // There was no room for all calls.
        let mut made_up = typed(CHAR, INT);
        made_up.rank(0).is_cut = true;
        assert!(made_up.is_untold(Check::Types, "tracker"));
    }
}
