//! A position in the write-ahead log, as servers print it.

/// A byte position in the write-ahead log (manual, "Data Types"): `16/B374D848` is the high and the low half in hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lsn(pub(super) u64);

impl Lsn {
    /// Reads what a server printed.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (high, low) = text.split_once('/')?;
        let half = |text: &str| u32::from_str_radix(text, 16).ok().map(u64::from);
        Some(Self(half(high)? << 32 | half(low)?))
    }

    /// How many bytes `other` is behind this position; none when it is not.
    pub(super) const fn ahead_of(self, other: Self) -> u64 {
        self.0.saturating_sub(other.0)
    }
}

impl std::fmt::Display for Lsn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

#[cfg(test)]
mod tests {
    use super::Lsn;

    #[test]
    fn a_position_is_read_as_it_is_printed() {
        let lsn = Lsn::parse("16/B374D848").expect("a position");
        assert_eq!((lsn.0, lsn.to_string().as_str()), (0x16_B374_D848, "16/B374D848"));
        assert!(Lsn::parse("1/0").expect("a position") > Lsn::parse("0/FFFFFFFF").expect("a position"));
        assert_eq!((Lsn::parse(""), Lsn::parse("0"), Lsn::parse("0/100000000")), (None, None, None));
    }
}
