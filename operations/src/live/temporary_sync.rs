//! TOUCH. Lets the engine make commits wait for a standby while an operation runs.

use stateful_safety::Workload;

use super::Live;
use super::actions::no_capability;
use crate::{World, WorldError};

impl Live {
    pub(super) async fn begin_temporary_sync(&self, workload: &Workload) -> Result<(), WorldError> {
        let endpoints = self.endpoints.borrow().clone();
        let engine = self.observer.engine();
        let sync = engine.temporary_sync().ok_or_else(|| no_capability(workload, "temporary synchronous commit"))?;
        Ok(sync.begin_temporary_sync(&endpoints).await?)
    }

    /// Makes commits wait for no standby again where an operation made them wait: for its last row, and for `abort`. Observes
    /// first: the last snapshot may be from before the process that died.
    pub async fn end_temporary_sync(&self) -> Result<(), WorldError> {
        self.observe().await?;
        let endpoints = self.endpoints.borrow().clone();
        let engine = self.observer.engine();
        let Some(sync) = engine.temporary_sync() else { return Ok(()) };
        Ok(sync.end_temporary_sync(&endpoints).await?)
    }
}
