//! Who may use this machine's two cores: laws run side by side, but one that measures how long writes wait runs alone.

use tokio::sync::{Semaphore, SemaphorePermit};

/// How many laws have servers at once: one for each core there is to be counted on.
const SIDE_BY_SIDE: u32 = 2;

static TURNS: Semaphore = Semaphore::const_new(SIDE_BY_SIDE as usize);

/// A turn, over with this value.
pub(crate) type Turn = SemaphorePermit<'static>;

/// Whether a law measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measures {
    /// How long writes wait: beside others it would measure them.
    Time,
    /// What happens, not when.
    Nothing,
}

/// Waits for a turn.
pub(crate) async fn turn(measures: Measures) -> Turn {
    let shares = match measures {
        Measures::Time => SIDE_BY_SIDE,
        Measures::Nothing => 1,
    };
    TURNS.acquire_many(shares).await.expect("it is never closed")
}
