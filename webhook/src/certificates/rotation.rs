//! THINK. The next action in the rotation of the guard's own authority and certificate.
//!
//! ```text
//!   in the Secret                      newest authority trusted?   action
//!   nothing usable                                                 make both
//!   [new, older…]  certificate by new     no: not yet published    note the trust, once every configuration holds it
//!   [new]          certificate by new     yes                      nothing, until one of them is due
//!   [next, old]    certificate by old     no                       note the trust
//!   [next, old]    certificate by old     yes, and it has settled  issue: a certificate by next
//!   [next, old]    certificate by next    yes, and lag has passed  drop the older
//! ```
//!
//! This order keeps every call working: an authority is trusted everywhere before its first certificate is served, and stays
//! trusted until none of its certificates is served. The first authority is the newest; only its key is kept, so that a
//! replaced authority can sign nothing any more.

use jiff::Timestamp;

use super::lifetimes::{Lifetime, RotationTimes};

/// The facts on which the next action depends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The authorities of the bundle, the newest first; never empty.
    pub(crate) authorities: Vec<Lifetime>,
    /// The certificate.
    pub(crate) certificate: Lifetime,
    /// Which of the authorities signed it.
    pub(crate) signed_by: usize,
    /// Since when every configuration holds the newest authority.
    pub(crate) trusted_since: Option<Timestamp>,
}

/// An action on the Secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// There is nothing to do now.
    Nothing,
    /// Issue an authority and a certificate; authorities that are still known stay behind the new one.
    MakeBoth,
    /// Put a new authority in front of the old one, which signs a last certificate.
    AddAuthority,
    /// Record that every configuration holds the newest authority, as soon as it does.
    NoteTrust,
    /// Sign a new certificate with the newest authority.
    Issue,
    /// Remove all but the newest authority from the bundle.
    DropOlder,
}

/// Decides the next action. `facts` are none when there is no Secret, or nothing in it can be used.
pub(crate) fn next(facts: Option<&Facts>, now: Timestamp, times: &RotationTimes) -> Action {
    let Some(facts) = facts else { return Action::MakeBoth };
    let (Some(newest), Some(signer)) = (facts.authorities.first(), facts.authorities.get(facts.signed_by)) else {
        return Action::MakeBoth;
    };
    if newest.is_over(now) {
        return Action::MakeBoth;
    }
    if signer.is_over(now) || facts.certificate.is_over(now) {
        return Action::Issue; // no caller trusts what is served, so that there is nothing to wait for
    }
    let Some(trusted) = facts.trusted_since else { return Action::NoteTrust };
    if facts.signed_by > 0 {
        return if facts.newest_is_settled(now, times) { Action::Issue } else { Action::Nothing };
    }
    let served = now.duration_since(facts.certificate.from).min(now.duration_since(trusted) - times.settle);
    if facts.authorities.len() > 1 && served >= times.lag {
        return Action::DropOlder;
    }
    if facts.authorities.len() == 1 && newest.is_due(now) {
        return Action::AddAuthority;
    }
    if facts.certificate.is_due(now) { Action::Issue } else { Action::Nothing }
}

impl Facts {
    /// Whether callers trust the certificate, or will within seconds.
    pub(crate) fn is_trusted(&self) -> bool {
        self.signed_by > 0 || self.trusted_since.is_some()
    }

    /// Whether every caller trusts the certificate by now: only then may it replace one that they trust.
    pub(crate) fn may_replace(&self, now: Timestamp, times: &RotationTimes) -> bool {
        self.signed_by > 0 || self.newest_is_settled(now, times)
    }

    fn newest_is_settled(&self, now: Timestamp, times: &RotationTimes) -> bool {
        self.trusted_since.is_some_and(|since| now.duration_since(since) >= times.settle)
    }
}
