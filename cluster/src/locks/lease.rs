//! THINK. The Lease that a claim is: its name, whose it is, who holds it.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, OwnerReference};
use stateful_safety::Workload;

use crate::metadata::managed_by;
use crate::{Error, PREFIX};

/// How long a claim outlives its holder's last sign of life. Long enough for a slow API server, short enough that
/// `resume` after a crash does not feel stuck.
pub const LIFETIME: Duration = Duration::from_secs(10);

/// Who holds a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockHolder {
    /// Who: user, host, process and what it does.
    pub identity: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Its last sign of life.
    pub renewed: Option<Timestamp>,
}

pub(super) fn name(workload: &Workload) -> String {
    lock_name(&workload.id.name)
}

/// The name of the Lease that is the claim on a workload.
pub fn lock_name(workload: &str) -> String {
    format!("{NAME}{workload}")
}

/// How our Leases are called: this, and the workload's name.
const NAME: &str = "stateful-";

/// The workload one of our Leases is about.
pub(crate) fn workload_of(lease: &str) -> Option<&str> {
    lease.strip_prefix(NAME)
}

/// What a claim is on.
pub(super) struct Site {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) owner: Option<OwnerReference>,
    /// How it is called to people.
    pub(super) shown: String,
}

pub(super) fn lease(site: &Site, identity: &str, now: Timestamp, old: Option<&Lease>) -> Lease {
    let now = MicroTime(now);
    let metadata = old.map_or_else(
        || ObjectMeta {
            name: Some(site.name.clone()),
            namespace: Some(site.namespace.clone()),
            labels: Some(managed_by()),
            owner_references: site.owner.clone().map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        |old| {
            let mut notes = old.metadata.annotations.clone().unwrap_or_default();
            // What its last holder announced is no word of the next one's.
            notes.retain(|key, _| !key.starts_with(PREFIX));
            ObjectMeta { annotations: Some(notes), ..old.metadata.clone() }
        },
    );
    let transitions = old.and_then(|old| old.spec.as_ref()?.lease_transitions).unwrap_or(0);
    Lease {
        metadata,
        spec: Some(LeaseSpec {
            holder_identity: Some(identity.to_owned()),
            lease_duration_seconds: i32::try_from(LIFETIME.as_secs()).ok(),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: Some(transitions + 1),
            ..LeaseSpec::default()
        }),
    }
}

pub(super) fn holder(lease: &Lease) -> Option<LockHolder> {
    let spec = lease.spec.as_ref()?;
    Some(LockHolder {
        identity: spec.holder_identity.clone().filter(|identity| !identity.is_empty())?,
        since: spec.acquire_time.as_ref().map(|time| time.0),
        renewed: spec.renew_time.as_ref().map(|time| time.0),
    })
}

/// Whether both are of one holder's time: whoever takes a claim counts the transitions up.
pub(super) fn is_one_tenure(one: &Lease, other: &Lease) -> bool {
    let tenure = |lease: &Lease| {
        let spec = lease.spec.as_ref()?;
        Some((lease.metadata.uid.clone()?, spec.lease_transitions?, spec.acquire_time.clone()?))
    };
    tenure(one).is_some_and(|one| Some(one) == tenure(other))
}

pub(super) fn claimed(site: &Site, lease: &Lease) -> Error {
    let holder = holder(lease);
    Error::Claimed {
        workload: site.shown.clone(),
        holder: holder.as_ref().map_or_else(|| "somebody".to_owned(), |holder| holder.identity.clone()),
        since: holder.and_then(|holder| holder.since).map_or_else(
            || "an unknown time".to_owned(),
            |since| since.round(jiff::Unit::Second).unwrap_or(since).to_string(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::{Site, is_one_tenure, lease};
    use crate::PREFIX;
    use crate::locks::{LEAVES_NODE, NEXT_POD};

    #[test]
    fn a_sign_of_life_is_of_the_same_tenure_and_a_new_holder_is_not() {
        let site =
            Site { namespace: "shop".to_owned(), name: "stateful-db".to_owned(), owner: None, shown: "db".to_owned() };
        let mut taken = lease(&site, "ana", Timestamp::UNIX_EPOCH, None);
        taken.metadata.uid = Some("1".to_owned());
        taken.metadata.resource_version = Some("7".to_owned());
        let mut renewed = taken.clone();
        renewed.metadata.resource_version = Some("8".to_owned());
        renewed.spec.get_or_insert_default().renew_time = None;
        assert!(is_one_tenure(&taken, &renewed));
        // Also by one who calls himself the same.
        assert!(!is_one_tenure(&taken, &lease(&site, "ana", Timestamp::UNIX_EPOCH, Some(&taken))));
        let mut made_anew = taken.clone();
        made_anew.metadata.uid = Some("2".to_owned());
        assert!(!is_one_tenure(&taken, &made_anew));
        // What says nothing of it is nobody's.
        let untold = k8s_openapi::api::coordination::v1::Lease::default();
        assert!(!is_one_tenure(&untold, &untold));
    }

    #[test]
    fn what_a_holder_announced_is_no_word_of_the_next_one() {
        let site = Site {
            namespace: "shop".to_owned(),
            name: "stateful-redis".to_owned(),
            owner: None,
            shown: "shop/redis".to_owned(),
        };
        let mut before = lease(&site, "ana", Timestamp::UNIX_EPOCH, None);
        let announced = [NEXT_POD, LEAVES_NODE].map(|note| (format!("{PREFIX}{note}"), "n1".to_owned()));
        let others = ("example.com/seen".to_owned(), "yes".to_owned());
        before.metadata.annotations = Some(announced.into_iter().chain([others.clone()]).collect());
        let after = lease(&site, "bert", Timestamp::UNIX_EPOCH, Some(&before));
        assert_eq!(after.metadata.annotations, Some(BTreeMap::from([others])), "and what others wrote stays");
    }
}
