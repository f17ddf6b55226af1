//! TOUCH, Events alone. A log line and an Event for each decision about a member; the same decision at most once a minute.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use stateful_cluster::guard::event_recorder::{EventNote, EventRecorder};
use stateful_safety::Reason;
use tokio::sync::mpsc;

use crate::admission::request::AdmissionRequest;
use crate::evaluation::denial;
use crate::evaluation::outcome::{PodDecision, RuleOutcome};

/// The same decision about the same pod is logged again after this time: a drain asks every 5 s.
const REPEAT_AFTER: Duration = Duration::from_mins(1);

/// Above this number of pods the decisions older than [`REPEAT_AFTER`] are forgotten.
const REMEMBERED: usize = 4_096;

/// How many Events may wait to be written. Further ones are dropped; the log has them.
const QUEUE: usize = 256;

/// A decision that was logged about a pod: the outcome, the codes of the reasons, and when.
struct Logged {
    outcome: RuleOutcome,
    codes: String,
    at: Instant,
}

/// Logs decisions and publishes Events about them.
pub(crate) struct DecisionLog {
    /// By the pod's UID.
    logged: Mutex<HashMap<String, Vec<Logged>>>,
    events: mpsc::Sender<EventNote>,
}

impl DecisionLog {
    /// Starts to write Events in the background.
    pub(crate) fn new(recorder: EventRecorder) -> Self {
        let (events, mut queue) = mpsc::channel::<EventNote>(QUEUE);
        tokio::spawn(async move {
            while let Some(event) = queue.recv().await {
                if let Err(error) = recorder.publish(&event).await {
                    tracing::warn!(%error, pod = event.name, "an Event could not be written");
                }
            }
        });
        Self { logged: Mutex::default(), events }
    }

    /// Records a decision about a member.
    pub(crate) fn record(&self, request: &AdmissionRequest, decision: &PodDecision, outcome: RuleOutcome) {
        let codes: Vec<&str> = decision.reasons.iter().map(Reason::code).collect();
        let codes = codes.join(",");
        let member = &decision.pod.pod.member;
        if !self.is_new(&member.uid, outcome, &codes) {
            return;
        }
        let message = describe(request, decision, outcome);
        let id = &decision.pod.set.workload.id;
        let (rule, outcome_word, dry_run) = (decision.kind.rule(), outcome.word(), request.dry_run);
        tracing::info!(
            rule,
            outcome = outcome_word,
            namespace = id.namespace,
            workload = id.name,
            pod = member.name,
            uid = member.uid,
            user = request.user,
            dry_run,
            reasons = codes,
            "{message}"
        );
        if dry_run {
            return;
        }
        let event = EventNote {
            namespace: id.namespace.clone(),
            name: member.name.clone(),
            uid: member.uid.clone(),
            reason: event_reason(outcome),
            warning: outcome != RuleOutcome::Allowed,
            text: format!("{message} (asked by {})", request.user),
        };
        let _ = self.events.try_send(event); // dropped when the queue is full
    }

    fn is_new(&self, uid: &str, outcome: RuleOutcome, codes: &str) -> bool {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let is_recent = |one: &Logged| now.duration_since(one.at) < REPEAT_AFTER;
        let is_same = |one: &Logged| one.outcome == outcome && one.codes == codes;
        if logged.get(uid).is_some_and(|all| all.iter().any(|one| is_same(one) && is_recent(one))) {
            return false;
        }
        if logged.len() >= REMEMBERED {
            logged.retain(|_, all| all.iter().any(is_recent));
        }
        let all = logged.entry(uid.to_owned()).or_default();
        all.retain(is_recent);
        all.push(Logged { outcome, codes: codes.to_owned(), at: now });
        true
    }
}

fn describe(request: &AdmissionRequest, decision: &PodDecision, outcome: RuleOutcome) -> String {
    let PodDecision { pod, kind, reasons } = decision;
    let name = &pod.pod.member.name;
    let removed = kind.participle();
    match outcome {
        RuleOutcome::Refused | RuleOutcome::Warned | RuleOutcome::Audited | RuleOutcome::Changed => {
            denial::message(pod, *kind, reasons, false)
        }
        RuleOutcome::Allowed | RuleOutcome::Passed => format!("{name} may be {removed}: nothing is lost"),
        RuleOutcome::Approved => format!("{name} may be {removed}: the pod bears a valid approval"),
        RuleOutcome::Exempt => format!("{name} may be {removed}: a policy exempts {}", request.user),
    }
}

/// The Event's reason, by which `kubectl stateful guard status` finds it.
const fn event_reason(outcome: RuleOutcome) -> &'static str {
    match outcome {
        RuleOutcome::Refused => "Refused",
        RuleOutcome::Warned | RuleOutcome::Audited | RuleOutcome::Changed => "WouldRefuse",
        RuleOutcome::Allowed | RuleOutcome::Passed => "Allowed",
        RuleOutcome::Approved | RuleOutcome::Exempt => "Bypassed",
    }
}
