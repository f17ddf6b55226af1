//! From an attempt to an answer: each rule that is about it is asked, and the first refusal counts.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures::future::join_all;
use stateful_cluster::{LeaseFacts, PodFacts, SetFacts};
use stateful_safety::WorkloadId;
use tokio::time::timeout;

use crate::admission_request::{Attempt, Operation};
use crate::admission_response::{Answer, Decision};
use crate::effective_policy::EffectivePolicy;
use crate::guard::Guard;
use crate::pod_removal::claim_now;
use crate::review::{self, Unreadable};
use crate::rules::{Door, STATIC_RULES, cordon, deletion, eviction};

/// How long the claims on a node's databases may take to read. The API server waits two for the whole answer.
const CLAIMS_WITHIN: Duration = Duration::from_secs(1);

/// The door the API server knocks at: `/validate/NAME` and `/mutate/NAME`.
pub(crate) fn router(guard: Arc<Guard>) -> Router {
    Router::new().route("/validate/{name}", post(validate)).route("/mutate/{name}", post(mutate)).with_state(guard)
}

async fn validate(State(guard): State<Arc<Guard>>, path: Uri, body: Bytes) -> Response {
    admit(&guard, &path, &body, Door::Validate).await
}

async fn mutate(State(guard): State<Arc<Guard>>, path: Uri, body: Bytes) -> Response {
    admit(&guard, &path, &body, Door::Mutate).await
}

/// Answers one request. What cannot be read is answered with 400, what cannot be judged yet with 429: the API server asks
/// again within its time limit, and refuses in the end.
async fn admit(guard: &Guard, path: &Uri, body: &[u8], door: Door) -> Response {
    if !guard.known.inventory.is_synced() {
        let again = [(header::RETRY_AFTER, HeaderValue::from_static("1"))];
        return (StatusCode::TOO_MANY_REQUESTS, again, "the guard is starting").into_response();
    }
    let began = Instant::now();
    let answered = match review::read(body) {
        Ok((asked, attempt)) => {
            let answer = answer(guard, &attempt, door).await;
            guard.metrics.answered(kind(&attempt), began.elapsed().as_secs_f64());
            review::write(&asked, &answer)
        }
        Err(why) => Err(why),
    };
    match answered {
        Ok(body) => ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response(),
        Err(why) => {
            guard.metrics.unreadable();
            tracing::warn!(webhook = path.path(), %why, "a request that cannot be read");
            let status = match why {
                Unreadable::Answer(_) => StatusCode::INTERNAL_SERVER_ERROR,
                Unreadable::Text(_) | Unreadable::Shape(_) | Unreadable::Version { .. } | Unreadable::Empty => {
                    StatusCode::BAD_REQUEST
                }
            };
            (status, why.to_string()).into_response()
        }
    }
}

/// Asks the rules.
async fn answer(guard: &Guard, attempt: &Attempt, door: Door) -> Answer {
    match (attempt.operation, attempt.resource.as_str()) {
        (Operation::Create, "pods/eviction") => eviction::decide(guard, attempt).await,
        (Operation::Delete, "pods") => deletion::decide(guard, attempt).await,
        (Operation::Update, "nodes") => cordoned(guard, attempt).await,
        _ => by_the_objects(guard, attempt, door),
    }
}

/// From memory; and once more before it is refused: an operation may have claimed its databases a moment ago, sooner than
/// a watch tells.
async fn cordoned(guard: &Guard, attempt: &Attempt) -> Answer {
    let mut answer = by_the_claims(guard, attempt, &HashMap::new());
    if let Decision::Refuse(_) = answer.decision {
        let claims = timeout(CLAIMS_WITHIN, Box::pin(claims_on(guard, &attempt.name))).await.unwrap_or_default();
        answer = by_the_claims(guard, attempt, &claims);
    }
    count(guard, "cordon", &answer);
    answer
}

/// The claims on the databases of a node, straight from the API server.
async fn claims_on(guard: &Guard, node: &str) -> HashMap<WorkloadId, LeaseFacts> {
    let ids: HashSet<WorkloadId> = {
        let model = guard.known.inventory.model();
        model.guarded_pods_on(node).into_iter().map(|(_, _, set)| set.workload.id.clone()).collect()
    };
    let read = join_all(ids.into_iter().map(async |id| {
        let claim = claim_now(guard, &id).await.ok().flatten()?;
        Some((id, claim))
    }));
    read.await.into_iter().flatten().collect()
}

fn by_the_claims(guard: &Guard, attempt: &Attempt, claims: &HashMap<WorkloadId, LeaseFacts>) -> Answer {
    let model = guard.known.inventory.model();
    let now = Guard::now();
    let claim = |id: &WorkloadId| {
        let remembered = || model.claim(id);
        claims.get(id).or_else(remembered).cloned()
    };
    let against = |set: &SetFacts, pod: &PodFacts, limits: &EffectivePolicy| {
        crate::evaluation::from_memory(&guard.known, &model, set, (&pod.member.name, &pod.member.uid), limits, now)
    };
    cordon::decide(attempt, &model, &claim, now.wall, &against)
}

/// What an attempt is about, for the metrics.
fn kind(attempt: &Attempt) -> &'static str {
    match attempt.resource.as_str() {
        "pods/eviction" => "eviction",
        "pods" => "deletion",
        "nodes" => "cordon",
        _ => "objects",
    }
}

/// The rules that look at objects alone. Their changes and warnings add up; one refusal is enough.
fn by_the_objects(guard: &Guard, attempt: &Attempt, door: Door) -> Answer {
    let mut together = Answer::allow();
    let model = guard.known.inventory.model();
    for rule in STATIC_RULES.iter().filter(|rule| rule.is_about(attempt, door)) {
        let answer = (rule.decide)(attempt, &model);
        count(guard, rule.name, &answer);
        match answer.decision {
            Decision::Refuse(_) => return answer,
            Decision::Change(_) => together.decision = answer.decision,
            Decision::Allow => {}
        }
        together.warnings.extend(answer.warnings);
        together.audit.extend(answer.audit);
    }
    together
}

fn count(guard: &Guard, rule: &'static str, answer: &Answer) {
    let (outcome, reason) = match &answer.decision {
        Decision::Refuse(refusal) => ("refused", refusal.causes.first().map_or("", |cause| cause.code.as_str())),
        Decision::Change(_) => ("changed", ""),
        Decision::Allow if !answer.warnings.is_empty() => ("warned", ""),
        Decision::Allow => ("passed", ""),
    };
    guard.metrics.ruled(rule, outcome, reason);
}
