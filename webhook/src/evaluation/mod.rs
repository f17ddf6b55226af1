//! What the guard concludes about a request: the state it keeps, the policy that applies, the judge's reasons, and the
//! reservation that makes a permission visible to every replica. Nothing here counts, logs or writes Events: an
//! evaluation is a value, and the router records it.

pub(crate) mod clock;
pub(crate) mod cordon_context;
pub(crate) mod denial;
pub(crate) mod effective_policy;
pub(crate) mod guarded_pod;
pub(crate) mod member_reasons;
pub(crate) mod observation;
pub(crate) mod operation_lock;
pub(crate) mod outcome;
pub(crate) mod pod_removal;
pub(crate) mod reservations;
pub(crate) mod reserve;
pub(crate) mod state;
