//! How long somebody has waited, counted in the own looks and not by the clock. A look that comes late counts
//! as one: a process that was stopped, or a machine that slept, has not waited meanwhile, and nor has anybody
//! else.

use std::time::Duration;

/// The time from one look to the next.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// What is left of somebody's patience.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    most: Duration,
    waited: Duration,
}

impl Patience {
    pub(super) fn new(most: Duration) -> Patience {
        let waited = Duration::ZERO;
        Patience { most, waited }
    }

    /// Looks once more, a [`TICK`] after the last look or later. Whether patience is at its end.
    pub(super) fn tick(&mut self) -> bool {
        self.waited = self.waited.saturating_add(TICK);
        self.waited >= self.most
    }
}

/// Patience with a count that should change.
#[derive(Debug)]
pub(super) struct Silence {
    most: Duration,
    patience: Patience,
    count: u64,
}

impl Silence {
    pub(super) fn new(most: Duration, count: u64) -> Silence {
        let patience = Patience::new(most);
        Silence {
            most,
            patience,
            count,
        }
    }

    /// Looks at the count once more. Whether it has not changed for too long.
    pub(super) fn tick(&mut self, count: u64) -> bool {
        if count != self.count {
            *self = Silence::new(self.most, count);
            return false;
        }
        self.patience.tick()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At which look, from 1 on, patience is at its end.
    fn end(mut tick: impl FnMut() -> bool) -> usize {
        (1..).find(|_| tick()).expect("it ends")
    }

    #[test]
    fn patience_ends_after_as_many_looks_as_fit_whenever_they_come() {
        for (most, looks) in [(5000, 50), (100, 1), (250, 3), (1, 1)] {
            let mut patience = Patience::new(Duration::from_millis(most));
            assert_eq!(end(|| patience.tick()), looks);
        }
    }

    #[test]
    fn silence_lasts_until_the_count_changes() {
        let mut silence = Silence::new(Duration::from_secs(1), 7);
        assert!((0..9).all(|_| !silence.tick(7)));
        assert!(!silence.tick(8), "it begins anew");
        assert_eq!(end(|| silence.tick(8)), 10);
    }
}
