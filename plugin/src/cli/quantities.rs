//! Durations and sizes, as Kubernetes writes them: `10m`, `64Ki`.

use std::time::Duration;

/// Reads a duration as Go writes it: `90s`, `10m`, `1h30m`, `500ms`, and `0`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("\"{text}\" is not a duration; write 90s, 10m, 1h30m or 0");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|digits| *digits > 0).ok_or_else(wrong)?;
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let (unit, milliseconds) = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)]
            .into_iter()
            .find(|(unit, _)| rest.starts_with(unit))
            .ok_or_else(wrong)?;
        let part = number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(wrong)?;
        total = total.checked_add(part).ok_or_else(wrong)?;
        rest = &rest[unit.len()..];
    }
    if text.is_empty() { Err(wrong()) } else { Ok(total) }
}

/// Reads a number of bytes as Kubernetes writes it: `65536`, `64Ki`, `1Mi`, `1Gi`.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("\"{text}\" is not a number of bytes; write 65536, 64Ki or 1Mi");
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        None => (text, 1),
        Some(at) => {
            let unit = match &text[at..] {
                "Ki" => 1 << 10,
                "Mi" => 1 << 20,
                "Gi" => 1 << 30,
                _ => return Err(wrong()),
            };
            (&text[..at], unit)
        }
    };
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{bytes, duration};

    #[test]
    fn durations_are_read_as_go_writes_them() {
        assert_eq!(duration("1h30m"), Ok(Duration::from_mins(90)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        for wrong in ["", "10", "m", "-5s", "1d", "5 s", "99999999999999999999s", "99999999999999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn bytes_are_read_as_kubernetes_writes_them() {
        assert_eq!(bytes("64Ki"), Ok(65_536));
        assert!(bytes("1MB").is_err());
        assert!(bytes("99999999999999999999").is_err());
        assert!(bytes("18446744073709551615Gi").is_err());
    }
}
