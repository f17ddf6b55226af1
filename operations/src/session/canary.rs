//! The canary beside an operation, or a check.

use std::sync::Arc;
use std::time::Duration;

use stateful_engines::{CanaryError, Endpoint, Engine, Ledger, ServerError};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Reading back and removing its keys takes a moment; a database that does not answer must not hold the report back.
const ENDS_WITHIN: Duration = Duration::from_secs(15);

/// A canary at work.
pub struct RunningCanary {
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<Ledger, CanaryError>>,
}

impl RunningCanary {
    /// Starts a canary of that engine, which follows the endpoints as they change.
    pub fn start(engine: Arc<dyn Engine>, endpoints: watch::Receiver<Vec<Endpoint>>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            match engine.canary() {
                Some(canary) => canary.run_canary(endpoints, stopped).await,
                None => Err(ServerError::NoEndpoint("there is no canary for this engine".to_owned()).into()),
            }
        });
        Self { stop, task }
    }

    /// Ends it and returns what it saw.
    pub async fn end(self) -> Result<Ledger, String> {
        let _ = self.stop.send(true); // a canary that has ended already has said why
        match timeout(ENDS_WITHIN, self.task).await {
            Ok(Ok(ledger)) => ledger.map_err(|why| why.to_string()),
            Ok(Err(error)) => Err(format!("the canary ended badly: {error}")),
            Err(_) => Err(format!("the canary did not end within {ENDS_WITHIN:?}; what it wrote expires within a day")),
        }
    }
}
