//! Tells people: a log line and an Event for each decision, once a minute for the same one.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use stateful_cluster::{EventNote, EventRecorder};
use stateful_safety::Reason;
use tokio::sync::mpsc;

use crate::admission_request::Attempt;
use crate::denial::{self, Taking};
use crate::pod_removal::{Outcome, Target};

/// The same decision about the same pod is told once in this time: a drain asks every five seconds.
const TOLD_AGAIN_AFTER: Duration = Duration::from_mins(1);

/// Pods about which something is remembered as told.
const REMEMBERED: usize = 4_096;

/// Events that wait to be written; more are dropped, the log has them.
const WAITING: usize = 256;

/// What was told about a pod: the outcome, the codes of the reasons, and when.
struct Told {
    outcome: Outcome,
    codes: String,
    at: Instant,
}

/// Where decisions are told.
pub(crate) struct Notices {
    /// By the pod's UID.
    told: Mutex<HashMap<String, Vec<Told>>>,
    events: mpsc::Sender<EventNote>,
}

impl Notices {
    /// Begins to write Events in the background.
    pub(crate) fn new(bulletin: EventRecorder) -> Self {
        let (events, mut waiting) = mpsc::channel::<EventNote>(WAITING);
        tokio::spawn(async move {
            while let Some(notice) = waiting.recv().await {
                if let Err(error) = bulletin.publish(&notice).await {
                    tracing::warn!(%error, pod = notice.name, "an Event could not be written");
                }
            }
        });
        Self { told: Mutex::default(), events }
    }

    /// Tells a decision about a member.
    pub(crate) fn taking(&self, attempt: &Attempt, target: &Target, how: Taking, outcome: Outcome, reasons: &[Reason]) {
        let codes: Vec<&str> = reasons.iter().map(Reason::code).collect();
        let codes = codes.join(",");
        let member = &target.pod.member;
        if !self.is_new(&member.uid, outcome, &codes) {
            return;
        }
        let message = match outcome {
            Outcome::Refused | Outcome::Warned | Outcome::Audited => denial::refusal(target, how, reasons, false),
            Outcome::Allowed => format!("{} may be taken: nothing is lost", member.name),
            Outcome::Approved => format!("{} may be taken: somebody approved it", member.name),
            Outcome::Exempt => format!("{} may be taken: {} is exempt", member.name, attempt.user),
        };
        let id = &target.set.workload.id;
        let (rule, outcome_word, dry_run) = (how.rule(), outcome.word(), attempt.dry_run);
        tracing::info!(
            rule,
            outcome = outcome_word,
            namespace = id.namespace,
            workload = id.name,
            pod = member.name,
            uid = member.uid,
            user = attempt.user,
            dry_run,
            reasons = codes,
            "{message}"
        );
        if dry_run {
            return;
        }
        let reason = match outcome {
            Outcome::Refused => "Refused",
            Outcome::Warned | Outcome::Audited => "WouldRefuse",
            Outcome::Allowed => "Allowed",
            Outcome::Approved | Outcome::Exempt => "Bypassed",
        };
        self.publish(EventNote {
            namespace: id.namespace.clone(),
            name: member.name.clone(),
            uid: member.uid.clone(),
            reason,
            warning: outcome != Outcome::Allowed,
            text: format!("{message} (asked by {})", attempt.user),
        });
    }

    /// Writes an Event, if there is room to wait.
    pub(crate) fn publish(&self, notice: EventNote) {
        let _ = self.events.try_send(notice);
    }

    fn is_new(&self, uid: &str, outcome: Outcome, codes: &str) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let is_recent = |one: &Told| now.duration_since(one.at) < TOLD_AGAIN_AFTER;
        let is_same = |one: &Told| one.outcome == outcome && one.codes == codes;
        if told.get(uid).is_some_and(|all| all.iter().any(|one| is_same(one) && is_recent(one))) {
            return false;
        }
        if told.len() >= REMEMBERED {
            told.retain(|_, all| all.iter().any(is_recent));
        }
        let all = told.entry(uid.to_owned()).or_default();
        all.retain(is_recent);
        all.push(Told { outcome, codes: codes.to_owned(), at: now });
        true
    }
}
