//! What ranks tell each other outside the protocol: before it starts, and when it is over.

use std::time::Duration;

use anyhow::{Context, Result};
use mpi::Count;
use mpi::collective::Root;
use mpi::datatype::PartitionMut;
use mpi::point_to_point::{Destination, Source};
use mpi::topology::{Communicator, Process, SimpleCommunicator};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::backoff::Backoff;
use crate::protocol::Rank;

/// Returns on every rank what `say` returns on rank 0. Every rank must call this; only rank 0 calls
/// `say`.
///
/// # Errors
/// When it takes more than 2 GiB.
pub(super) fn share<T: Serialize + DeserializeOwned>(
    world: &SimpleCommunicator,
    say: impl FnOnce() -> T,
) -> Result<T> {
    let first = world.process_at_rank(0);
    let mut bytes = Vec::new();
    if world.rank() == 0 {
        bytes = postcard::to_stdvec(&say()).context("what is shared cannot be encoded")?;
    }
    let mut length = bytes.len() as u64;
    first.broadcast_into(&mut length);
    let length = Count::try_from(length).context("what is shared takes more than 2 GiB")?;
    bytes.resize(
        usize::try_from(length).expect("a length is not negative"),
        0,
    );
    first.broadcast_into(&mut bytes[..]);
    postcard::from_bytes(&bytes).context("what is shared is damaged")
}

/// Sends a value to a rank that takes it.
pub(super) fn give(world: &SimpleCommunicator, to: Rank, value: &impl Serialize) {
    let bytes = postcard::to_stdvec(value).expect("a vector takes anything");
    process(world, to).send(&bytes[..]);
}

/// Takes the next value that a rank sends, and sleeps until it comes.
pub(super) fn take<T: DeserializeOwned>(world: &SimpleCommunicator, from: Rank) -> T {
    let from = process(world, from);
    let mut backoff = Backoff::default();
    while from.immediate_probe().is_none() {
        backoff.pause(Duration::MAX);
    }
    postcard::from_bytes(&from.receive_vec().0).expect("all ranks run the same program")
}

fn process(world: &SimpleCommunicator, rank: Rank) -> Process<'_> {
    world.process_at_rank(i32::try_from(rank.0).expect("a rank came from MPI"))
}

/// Sends a client's value to rank 0, which receives one from each.
pub(super) fn send(world: &SimpleCommunicator, value: &impl Serialize) -> Result<()> {
    let bytes = postcard::to_stdvec(value).context("what is to be gathered cannot be encoded")?;
    let length = Count::try_from(bytes.len()).context("what is gathered takes more than 2 GiB")?;
    let tracker = world.process_at_rank(0);
    tracker.gather_into(&length);
    tracker.gather_varcount_into(&bytes[..]);
    Ok(())
}

/// Receives on rank 0 the values that all clients send, in rank order.
pub(super) fn receive<T: DeserializeOwned>(world: &SimpleCommunicator) -> Result<Vec<T>> {
    let tracker = world.process_at_rank(0);
    let mut lengths = vec![0; usize::try_from(world.size()).expect("a size is not negative")];
    tracker.gather_into_root(&0, &mut lengths[..]);

    let mut starts = Vec::with_capacity(lengths.len());
    let mut end: Count = 0;
    for &length in &lengths {
        starts.push(end);
        end = (end.checked_add(length)).context("what is gathered takes more than 2 GiB")?;
    }
    let mut bytes = vec![0_u8; usize::try_from(end).expect("lengths are not negative")];
    let mut parts = PartitionMut::new(&mut bytes[..], &lengths[..], &starts[..]);
    tracker.gather_varcount_into_root(&[0_u8; 0][..], &mut parts);

    let mut rest = &bytes[..];
    Rank::clients(lengths.len() - 1)
        .map(|client| {
            let value;
            (value, rest) = postcard::take_from_bytes(rest)
                .with_context(|| format!("what was gathered of client {client} is damaged"))?;
            Ok(value)
        })
        .collect()
}
