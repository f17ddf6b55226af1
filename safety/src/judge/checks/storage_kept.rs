//! Will the data be there when the pod is back? Without a claim, or beside it, it goes with the pod; without persistence the server
//! comes back empty, and an empty primary empties its replicas.

use crate::judge::check_input::CheckInput;
use crate::model::Storage;
use crate::reasons::Reason;

/// Refuses taking a member whose data would not outlive its pod.
pub(crate) fn storage_kept(input: &CheckInput<'_>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for name in input.taken() {
        if input.workload.member(name).is_some_and(|member| member.storage == Storage::Ephemeral) {
            reasons.push(Reason::StorageNotKept { member: name.clone(), directory: None });
        } else if let Some(directory) = input.assessment.member(name).and_then(|state| state.lost_directory.clone()) {
            reasons.push(Reason::StorageNotKept { member: name.clone(), directory: Some(directory) });
        }
        if input.assessment.member(name).is_some_and(|state| state.sync.is_streaming() && !state.persists) {
            reasons.push(Reason::NoPersistence { member: name.clone(), engine: input.workload.engine });
        }
    }
    reasons
}
