//! Whether there is enough memory for a swarm, before it is taken.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use swarm::inputs;
use swarm::protocol::Rank;
use sysinfo::{MemoryRefreshKind, System};

/// Whether there are `needed` bytes.
///
/// # Errors
/// When there are not. Says how many are needed, and how many there are.
pub fn check(needed: u64) -> Result<()> {
    let there = available();
    let [needs, has] = [needed, there].map(|bytes| bytes as f64 / f64::from(1 << 30));
    ensure!(
        needed <= there,
        "the swarm needs about {needs:.0} GiB of memory, and {has:.0} GiB are free: \
         take fewer clients, files or segments"
    );
    Ok(())
}

/// How many bytes the inputs in a folder take, at least: about as many as their files.
pub fn of_inputs(folder: &Path, clients: impl IntoIterator<Item = Rank>) -> u64 {
    let files = clients
        .into_iter()
        .map(|client| inputs::path(folder, client));
    let length = |path| fs::metadata(path).map_or(0, |file| file.len());
    files.map(length).fold(0, u64::saturating_add)
}

/// The bytes that are free, on the machine and in the container that this runs in.
fn available() -> u64 {
    let mut system = System::new();
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    // Where it cannot be told, for want of /proc, say, nothing is refused.
    if system.total_memory() == 0 {
        return u64::MAX;
    }
    let free = system.available_memory();
    let free = if free == 0 { u64::MAX } else { free };
    let limits = system.cgroup_limits();
    limits.map_or(free, |limits| free.min(limits.free_memory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_with_both_figures() {
        assert!(check(1).is_ok());
        let error = check(1 << 50).unwrap_err().to_string();
        let start = "the swarm needs about 1048576 GiB of memory, and ";
        assert!(error.starts_with(start), "{error}");
        assert!(
            error.contains(" GiB are free: take fewer clients,"),
            "{error}"
        );
    }
}
