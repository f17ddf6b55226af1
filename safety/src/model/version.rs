//! Server versions, compared as the engines compare them: number by number.

use serde::{Deserialize, Serialize};

/// A server's version, as many numbers as it gave: `7.0.15` is `[7, 0, 15]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version(Vec<u32>);

impl Version {
    /// Reads `7.0.15`, `v8.2`, `7.0-bookworm`. Anything that does not open with a number is no version
    /// (`latest`, a digest): the caller then does not know, and unknown is unsafe.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let head = text.split(|c: char| c != '.' && !c.is_ascii_digit()).next()?;
        let numbers: Option<Vec<u32>> = head.split('.').map(|part| part.parse().ok()).collect();
        numbers.map(Self)
    }

    /// The version an image's tag promises, if its tag is one.
    pub fn of_image(image: &str) -> Option<Self> {
        let name = image.rsplit('/').next()?.split('@').next()?;
        Self::parse(name.split_once(':')?.1)
    }

    /// The first number: `15` of `15.18`.
    pub fn first(&self) -> Option<u32> {
        self.0.first().copied()
    }

    /// The numbers it gave, the first `count` of them.
    pub(super) fn first_numbers(&self, count: usize) -> &[u32] {
        &self.0[..self.0.len().min(count)]
    }

    /// The version of these numbers.
    pub(super) const fn of_numbers(numbers: Vec<u32>) -> Self {
        Self(numbers)
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    fn version(text: &str) -> Version {
        Version::parse(text).expect("a version")
    }

    #[test]
    fn what_is_not_a_number_is_no_version() {
        assert_eq!(Version::of_image("redis:latest"), None);
        assert_eq!(Version::of_image("registry:5000/redis"), None);
        assert_eq!(Version::of_image("redis:7.2-alpine"), Some(version("7.2")));
        assert_eq!(Version::of_image("redis:99999999999999"), None);
        assert_eq!(version("7.0.15").to_string(), "7.0.15");
    }
}
