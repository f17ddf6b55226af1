//! The port through which a campaign reports its progress.

use stateful_cluster::discovery::pods::NodePod;

/// Receives the progress of a campaign.
pub trait CampaignListener: Send + Sync {
    /// The node is cordoned; `already` where it was before.
    fn cordoned(&self, node: &str, already: bool);
    /// A pod of no database is gone, or would be.
    fn evicted(&self, pod: &NodePod);
    /// Something worth knowing that stops nothing.
    fn note(&self, text: &str);
}
