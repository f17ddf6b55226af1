//! How a fenced primary is known: by its `min-replicas-to-write`, which holds what it was before.

/// More replicas than there can be.
const FENCE: u64 = 10_007_000;

/// No one waits for so many replicas.
const MOST: u64 = 999;

/// The setting of a fenced primary; none where the value before is too large to be kept in it.
pub(super) fn fenced(before: u64) -> Option<u64> {
    (before <= MOST).then_some(FENCE + before)
}

/// The value before, where that is the setting of a fenced primary.
pub(super) fn before(setting: u64) -> Option<u64> {
    setting.checked_sub(FENCE).filter(|before| *before <= MOST)
}

#[cfg(test)]
mod tests {
    use super::{before, fenced};

    #[test]
    fn a_fence_holds_what_was_set_before() {
        for value in [0, 1, 999] {
            assert_eq!(fenced(value).and_then(before), Some(value));
        }
        assert_eq!((fenced(1_000), before(1), before(10_008_000)), (None, None, None));
    }
}
