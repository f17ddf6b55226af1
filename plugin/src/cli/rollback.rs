//! `rollback`'s flags.

use clap::Args;

use super::OperationFlags;

/// `rollback`
#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// A StatefulSet's name, sts/NAME, or an engine's word
    pub(crate) target: String,
    /// Where the old image cannot come back: print how to restore a backup beside the database, knowing that what was written
    /// since it was made is lost
    #[arg(long)]
    pub(crate) accept_data_loss: bool,
    #[command(flatten)]
    pub(crate) operation: OperationFlags,
}
