//! THINK. The name under which other members reach the successor.

use crate::Endpoint;

/// The host the old primary should follow: as the successor reaches its own primary now, with the names exchanged; else
/// the full name its machine gives it (`hosts`, the text of its `/etc/hosts`), which outlives its address; else its
/// address. A name that follows the primary (a Service) is not used: the old primary could reach itself by it.
pub(super) fn successor_host(from: &Endpoint, to: &Endpoint, follows: Option<&str>, hosts: &str) -> Option<String> {
    let exchanged = follows.and_then(|host| exchanged(from, to, host));
    exchanged.or_else(|| full_name(&to.member, hosts)).or_else(|| to.address.clone())
}

fn exchanged(from: &Endpoint, to: &Endpoint, host: &str) -> Option<String> {
    if Some(host) == from.address.as_deref() {
        return to.address.clone();
    }
    let (first, domain) = host.split_once('.').unwrap_or((host, ""));
    let name = if domain.is_empty() { to.member.clone() } else { format!("{}.{domain}", to.member) };
    (first == from.member).then_some(name)
}

/// The member's name with a domain, as its own machine knows it.
fn full_name(member: &str, hosts: &str) -> Option<String> {
    let lines = hosts.lines().filter_map(|line| line.split('#').next());
    let mut names = lines.flat_map(|line| line.split_whitespace().skip(1));
    names.find(|name| name.split_once('.').is_some_and(|(first, _)| first == member)).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::successor_host;
    use crate::Endpoint;

    fn endpoint(member: &str, address: Option<&str>) -> Endpoint {
        Endpoint {
            member: member.to_owned(),
            incarnation: member.to_owned(),
            address: address.map(ToOwned::to_owned),
            kept: Vec::new(),
            starts: std::sync::Arc::default(),
            dial_config: Err("not dialled".to_owned()),
        }
    }

    #[test]
    fn the_successor_is_named_as_its_primary_was_or_by_what_outlives_its_address() {
        let (from, to) = (endpoint("db-0", Some("10.0.0.5")), endpoint("db-1", Some("10.0.0.6")));
        let hosts = "127.0.0.1 localhost\n10.0.0.6\tdb-1.db.shop.svc.cluster.local\tdb-1 # ours\n";
        for (follows, hosts, named) in [
            ("db-0.db.shop.svc", hosts, "db-1.db.shop.svc"),
            ("db-0", hosts, "db-1"),
            ("10.0.0.5", hosts, "10.0.0.6"),
            ("db-primary", hosts, "db-1.db.shop.svc.cluster.local"),
            ("db-primary", "127.0.0.1 localhost", "10.0.0.6"),
        ] {
            assert_eq!(successor_host(&from, &to, Some(follows), hosts).as_deref(), Some(named), "{follows}");
        }
        assert_eq!(successor_host(&from, &endpoint("db-1", None), Some("db-primary"), ""), None);
    }
}
