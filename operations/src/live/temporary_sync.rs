//! TOUCH. Commits that wait for a standby for the duration of an operation, by the engine's own hands.

use stateful_safety::Workload;

use super::Live;
use super::actions::no_capability;
use crate::{World, WorldError};

impl Live {
    pub(super) async fn begin_temporary_sync(&self, workload: &Workload) -> Result<(), WorldError> {
        let endpoints = self.endpoints.borrow().clone();
        let engine = self.sight.engine();
        let sync = engine.temporary_sync().ok_or_else(|| no_capability(workload, "temporary synchronous commit"))?;
        Ok(sync.begin_temporary_sync(&endpoints).await?)
    }

    /// Lets commits wait for nobody again where an operation has them wait, for its last row and for whoever ends it before
    /// that. Looks first: the last look may be of before the process that died.
    pub async fn end_temporary_sync(&self) -> Result<(), WorldError> {
        self.observe().await?;
        let endpoints = self.endpoints.borrow().clone();
        let engine = self.sight.engine();
        let Some(sync) = engine.temporary_sync() else { return Ok(()) };
        Ok(sync.end_temporary_sync(&endpoints).await?)
    }
}
