//! What ranks tell each other outside the protocol: before it starts, and when it is over.

use anyhow::{Context, Result};
use mpi::Count;
use mpi::collective::Root;
use mpi::datatype::PartitionMut;
use mpi::topology::{Communicator, SimpleCommunicator};

use crate::protocol::Rank;
use crate::statistics::ClientStatistics;

/// Rank 0's numbers, on all ranks.
pub(super) fn share<const N: usize>(world: &SimpleCommunicator, numbers: [u64; N]) -> [u64; N] {
    let mut numbers = numbers;
    world.process_at_rank(0).broadcast_into(&mut numbers[..]);
    numbers
}

/// Sends a client's statistics to rank 0.
pub(super) fn send(world: &SimpleCommunicator, statistics: &ClientStatistics) -> Result<()> {
    let bytes = postcard::to_stdvec(statistics).context("the statistics cannot be encoded")?;
    let length = Count::try_from(bytes.len()).context("the statistics take more than 2 GiB")?;
    let tracker = world.process_at_rank(0);
    tracker.gather_into(&length);
    tracker.gather_varcount_into(&bytes[..]);
    Ok(())
}

/// Receives the statistics of all clients on rank 0, in rank order.
pub(super) fn receive(world: &SimpleCommunicator) -> Result<Vec<ClientStatistics>> {
    let tracker = world.process_at_rank(0);
    let mut lengths = vec![0; usize::try_from(world.size()).expect("a size is not negative")];
    tracker.gather_into_root(&0, &mut lengths[..]);

    let mut starts = Vec::with_capacity(lengths.len());
    let mut end: Count = 0;
    for &length in &lengths {
        starts.push(end);
        end = (end.checked_add(length)).context("the statistics take more than 2 GiB together")?;
    }
    let mut bytes = vec![0_u8; usize::try_from(end).expect("lengths are not negative")];
    let mut parts = PartitionMut::new(&mut bytes[..], &lengths[..], &starts[..]);
    tracker.gather_varcount_into_root(&[0_u8; 0][..], &mut parts);

    let mut rest = &bytes[..];
    Rank::clients(lengths.len() - 1)
        .map(|client| {
            let statistics;
            (statistics, rest) = postcard::take_from_bytes(rest)
                .with_context(|| format!("the statistics of client {client} cannot be decoded"))?;
            Ok(statistics)
        })
        .collect()
}
