//! TOUCH. Commits that wait for a standby for the duration of an operation, by the engine's own hands.

use super::Live;
use crate::{World, WorldError};

impl Live {
    pub(super) async fn begin_temporary_sync(&self) -> Result<(), WorldError> {
        let endpoints = self.endpoints.borrow().clone();
        Ok(self.sight.engine().begin_temporary_sync(&endpoints).await?)
    }

    /// Lets commits wait for nobody again where an operation has them wait, for its last row and for whoever ends it before
    /// that. Looks first: the last look may be of before the process that died.
    pub async fn end_temporary_sync(&self) -> Result<(), WorldError> {
        self.snapshot().await?;
        let endpoints = self.endpoints.borrow().clone();
        Ok(self.sight.engine().end_temporary_sync(&endpoints).await?)
    }
}
