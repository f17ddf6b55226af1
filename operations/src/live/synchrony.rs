//! TOUCH. Commits that wait for a standby for the duration of an operation, by the engine's own hands.

use super::Live;
use crate::{World, WorldError};

impl Live {
    pub(super) async fn begin_synchrony(&self) -> Result<(), WorldError> {
        let doors = self.doors.borrow().clone();
        Ok(self.sight.engine().begin_synchrony(&doors).await?)
    }

    /// Lets commits wait for nobody again where an operation has them wait, for its last row and for whoever ends it before
    /// that. Looks first: the last look may be of before the process that died.
    pub async fn end_synchrony(&self) -> Result<(), WorldError> {
        self.look().await?;
        let doors = self.doors.borrow().clone();
        Ok(self.sight.engine().end_synchrony(&doors).await?)
    }
}
