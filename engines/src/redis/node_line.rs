//! One line of `CLUSTER NODES` (redis.io, command reference, "Serialization format").

/// A node as another node, or itself, describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NodeLine<'a> {
    pub(super) id: &'a str,
    /// Without port; empty while not known.
    pub(super) host: &'a str,
    pub(super) flags: Vec<&'a str>,
    /// The master it follows, for a replica.
    pub(super) master: Option<&'a str>,
    pub(super) connected: bool,
    /// Slot ranges it owns, in order.
    pub(super) slots: Vec<(u32, u32)>,
    /// Slots it is giving or receiving; only its own line says so.
    pub(super) moving: usize,
}

impl<'a> NodeLine<'a> {
    pub(super) fn parse_all(text: &'a str) -> Vec<Self> {
        text.lines().filter_map(Self::parse).collect()
    }

    fn parse(line: &'a str) -> Option<Self> {
        let mut parts = line.split(' ');
        let id = parts.next().filter(|id| !id.is_empty())?;
        let address = parts.next()?;
        // ip:port@cport[,hostname[,key=value]*]; an IPv6 address has colons of its own, so cut at the last one.
        let socket = address.split(['@', ',']).next()?;
        let host = socket.rsplit_once(':').map_or(socket, |(host, _)| host);
        let flags: Vec<&str> = parts.next()?.split(',').collect();
        let master = parts.next().filter(|master| *master != "-");
        let _ping = parts.next()?;
        let _pong = parts.next()?;
        let _epoch = parts.next()?;
        let connected = parts.next()? == "connected";
        let mut slots = Vec::new();
        let mut moving = 0;
        for word in parts {
            if word.starts_with('[') {
                moving += 1;
            } else if let Some(range) = parse_range(word) {
                slots.push(range);
            }
        }
        Some(Self { id, host, flags, master, connected, slots, moving })
    }

    pub(super) fn has(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }

    pub(super) fn is_master(&self) -> bool {
        self.has("master")
    }

    /// The flag by which the node that wrote this line says that the other may have failed or is not fully known.
    pub(super) fn failure_flag(&self) -> Option<&'a str> {
        self.flags.iter().copied().find(|flag| matches!(*flag, "fail" | "fail?" | "handshake" | "noaddr"))
    }
}

fn parse_range(word: &str) -> Option<(u32, u32)> {
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    Some((first.parse().ok()?, last.parse().ok()?))
}

/// How many slots ranges hold.
pub(super) fn count(slots: &[(u32, u32)]) -> u32 {
    slots.iter().map(|(first, last)| last.saturating_sub(*first) + 1).sum()
}

/// Slot ranges in words: `slots 0-5460`, at most three ranges.
pub(super) fn name(slots: &[(u32, u32)]) -> String {
    if slots.is_empty() {
        return "no slots".to_owned();
    }
    let shown: Vec<String> = slots
        .iter()
        .take(3)
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") })
        .collect();
    let more = slots.len().saturating_sub(3);
    let more = if more > 0 { format!(" and {more} more ranges") } else { String::new() };
    format!("slots {}{more}", shown.join(","))
}

#[cfg(test)]
mod tests {
    use super::{NodeLine, count, name};

    #[test]
    fn a_line_is_read_as_the_reference_describes_it() {
        let text = "07c37df 10.0.0.4:6379@16379,redis-3.redis slave,fail? e7d1eec 0 1426238317239 4 disconnected\n\
                    e7d1eec fd00::1:6379@16379 myself,master - 0 0 1 connected 0-5460 5470 [93->-292f8b3] [77-<-e7d1eec]\n";
        let lines = NodeLine::parse_all(text);
        assert_eq!(lines[0].host, "10.0.0.4");
        assert_eq!(lines[0].master, Some("e7d1eec"));
        assert_eq!(lines[0].failure_flag(), Some("fail?"));
        assert!(!lines[0].connected);
        assert_eq!(lines[1].host, "fd00::1");
        assert_eq!((count(&lines[1].slots), lines[1].moving), (5462, 2));
        assert_eq!(name(&lines[1].slots), "slots 0-5460,5470");
    }

    #[test]
    fn nonsense_is_no_line() {
        assert!(NodeLine::parse_all("\n\nx\nERR unknown command\n").is_empty());
    }
}
