//! The text that `guard status` prints.

use clap::{Args, Command, FromArgMatches};
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::cli::Globals;

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn sample() -> GuardStatus {
    let now = at("2026-11-21T12:00:00Z");
    let replica = |pod: &str, leads, ready| ReplicaRow {
        pod: pod.to_owned(),
        ready,
        leads,
        node: Some("node1".to_owned()),
        age_seconds: Some(300),
        image: "kubectl-stateful/webhook:0.1.0".to_owned(),
    };
    let webhook = |name: &str, failure_policy| WebhookRow { name: name.to_owned(), failure_policy, trusted: true };
    GuardStatus {
        healthy: false,
        namespace: "kubectl-stateful".to_owned(),
        wanted: 2,
        replicas: vec![replica("a", Some(true), true), replica("b", None, false)],
        certificate_ends: Some(at("2027-02-19T12:00:00Z")),
        authority_since: None,
        authority_ends: None,
        webhooks: vec![webhook("evictions", "Fail"), webhook("nodes", "Ignore")],
        failed_open: Some(vec![FailedOpen { webhook: "nodes".to_owned(), times: 3 }]),
        policies: Vec::new(),
        namespaces: vec![NamespaceRow {
            name: "shop".to_owned(),
            asked_about: true,
            databases: vec!["redis".to_owned()],
            not_looked_at: None,
            secrets: "none".to_owned(),
        }],
        approvals: vec![ApprovalRow {
            namespace: "shop".to_owned(),
            pod: "redis-0".to_owned(),
            until: now + SignedDuration::from_mins(5),
            by: "ana@laptop".to_owned(),
            reason: "single copy".to_owned(),
        }],
        bypassed: Some(vec![BypassRow {
            at: Some(now - SignedDuration::from_secs(30)),
            namespace: "shop".to_owned(),
            pod: "redis-0".to_owned(),
            what: "Bypassed".to_owned(),
            text: "redis-0 may be taken: ana approved it\u{1b}[2J".to_owned(),
        }]),
        problems: vec!["1 of 2 replicas are ready".to_owned()],
        unknown: vec!["what b says about itself (get pods/proxy): not allowed".to_owned()],
    }
}

#[test]
fn the_status_is_printed_as_text() {
    let flags = Globals::augment_args(Command::new("kubectl-stateful")).get_matches_from(["", "--color", "never"]);
    let globals = Globals::from_arg_matches(&flags).expect("the flags");
    let told = text(Printer::new(&globals), &sample(), at("2026-11-21T12:00:00Z"));
    let golden = "\
the guard in namespace kubectl-stateful: not healthy

REPLICA   READY   LEADS   NODE    AGE    IMAGE
a         yes     yes     node1   5m0s   kubectl-stateful/webhook:0.1.0
b         no      ?       node1   5m0s   kubectl-stateful/webhook:0.1.0

certificate   ends 2027-02-19T12:00:00Z (in 90d)
authority     ends unknown

WEBHOOK     IF THE GUARD IS AWAY   TRUSTED   PASSED WITHOUT IT
evictions   requests are refused   yes       0
nodes       requests pass          yes       3

NAMESPACE   GUARDED   DATABASES   SECRETS
shop        yes       redis       none

NAMESPACE   APPROVED   EXPIRES IN   BY           REASON
shop        redis-0    5m0s         ana@laptop   single copy

AGO   NAMESPACE   POD       WHAT       HOW
30s   shop        redis-0   Bypassed   redis-0 may be taken: ana approved it\\u{1b}[2J

× 1 of 2 replicas are ready
? unknown: what b says about itself (get pods/proxy): not allowed";
    assert_eq!(told, golden);
}

#[test]
fn ages_are_as_short_as_kubectl_has_them() {
    let of = |seconds| lasting(SignedDuration::from_secs(seconds));
    assert_eq!(
        [of(-5), of(59), of(125), of(3_600), of(86_400), of(864_000)],
        ["0s", "59s", "2m5s", "60m", "24h", "10d"]
    );
}
