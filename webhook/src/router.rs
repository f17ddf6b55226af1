//! The way of an admission request: `review::read`, every rule that applies, one record of each outcome, `review::write`.
//! Here alone outcomes are counted, logged and published as Events.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;

use crate::admission::request::AdmissionRequest;
use crate::admission::response::AdmissionResponse;
use crate::admission::review::{self, ReviewError};
use crate::evaluation::outcome::Evaluation;
use crate::evaluation::state::GuardState;
use crate::evaluation::{cordon_context, pod_removal};
use crate::rules::{Evaluate, RULES, Rule, WebhookKind};
use crate::telemetry::decision_log::DecisionLog;
use crate::telemetry::metrics::Metrics;

/// What answering a request needs.
pub(crate) struct Guard {
    pub(crate) state: Arc<GuardState>,
    pub(crate) metrics: Metrics,
    pub(crate) decision_log: DecisionLog,
}

/// The paths that the API server calls: `/validate/NAME` and `/mutate/NAME`.
pub(crate) fn router(guard: Arc<Guard>) -> Router {
    Router::new().route("/validate/{name}", post(validate)).route("/mutate/{name}", post(mutate)).with_state(guard)
}

async fn validate(State(guard): State<Arc<Guard>>, path: Uri, body: Bytes) -> Response {
    admit(&guard, &path, &body, WebhookKind::Validate).await
}

async fn mutate(State(guard): State<Arc<Guard>>, path: Uri, body: Bytes) -> Response {
    admit(&guard, &path, &body, WebhookKind::Mutate).await
}

/// Answers one request. A body that cannot be read is answered with 400. Before the cluster has been read once the answer
/// is 429: the API server tries again within its time limit, and then refuses.
async fn admit(guard: &Guard, path: &Uri, body: &[u8], webhook: WebhookKind) -> Response {
    if !guard.state.inventory.is_synced() {
        let again = [(header::RETRY_AFTER, HeaderValue::from_static("1"))];
        return (StatusCode::TOO_MANY_REQUESTS, again, "the guard is starting").into_response();
    }
    let began = Instant::now();
    let answered = match review::read(body) {
        Ok((uid, request)) => {
            let response = evaluate_rules(guard, &request, webhook).await;
            guard.metrics.observe_answer(timed_as(&request), began.elapsed().as_secs_f64());
            review::write(&uid, &response)
        }
        Err(why) => Err(why),
    };
    match answered {
        Ok(body) => ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response(),
        Err(why) => {
            guard.metrics.count_unreadable();
            tracing::warn!(webhook = path.path(), %why, "the API server sent a request that cannot be read");
            let status = match why {
                ReviewError::Response(_) => StatusCode::INTERNAL_SERVER_ERROR,
                ReviewError::Text(_) | ReviewError::Shape(_) | ReviewError::Version { .. } | ReviewError::Empty => {
                    StatusCode::BAD_REQUEST
                }
            };
            (status, why.to_string()).into_response()
        }
    }
}

/// Evaluates every rule that applies. Their changes and warnings add up; the first denial ends it.
async fn evaluate_rules(guard: &Guard, request: &AdmissionRequest, webhook: WebhookKind) -> AdmissionResponse {
    let mut response = AdmissionResponse::allow();
    for rule in RULES.iter().filter(|rule| rule.applies_to(request, webhook)) {
        let evaluation = evaluate(&guard.state, rule, request).await;
        record(guard, rule, request, &evaluation);
        response = response.merge(evaluation.response);
        if response.is_denied() {
            break;
        }
    }
    response
}

async fn evaluate(state: &GuardState, rule: &Rule, request: &AdmissionRequest) -> Evaluation {
    match rule.evaluate {
        Evaluate::Object(evaluate) => Evaluation::of_response(evaluate(request, &state.inventory.model())),
        Evaluate::Pod(kind, find) => {
            let lookup = find(request, &state.inventory.model());
            pod_removal::evaluate(state, request, lookup, kind).await
        }
        Evaluate::Node(evaluate) => cordon_context::evaluate(state, evaluate, request).await,
    }
}

/// Records the outcome of a rule: it is counted, and a decision about a member is logged and published as an Event.
fn record(guard: &Guard, rule: &Rule, request: &AdmissionRequest, evaluation: &Evaluation) {
    guard.metrics.count_outcome(rule.name, evaluation.outcome, &evaluation.reason);
    if let Some(decision) = &evaluation.decision {
        guard.decision_log.record(request, decision, evaluation.outcome);
    }
}

/// Under which name the time of an answer is measured: rules that look at objects alone share one.
fn timed_as(request: &AdmissionRequest) -> &'static str {
    match RULES.iter().find(|rule| rule.about.1 == request.resource) {
        Some(Rule { evaluate: Evaluate::Pod(..) | Evaluate::Node(_), name, .. }) => name,
        Some(Rule { evaluate: Evaluate::Object(_), .. }) | None => "objects",
    }
}
