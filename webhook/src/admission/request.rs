//! What the API server asks about, as far as a rule needs it.

use serde_json::Value;

/// One admission request.
#[derive(Debug, Clone)]
pub(crate) struct AdmissionRequest {
    pub(crate) operation: Operation,
    /// The resource with its subresource: `pods/eviction`.
    pub(crate) resource: String,
    /// The object's namespace; empty for an object that has none.
    pub(crate) namespace: String,
    /// The object's name; empty when the API server is to generate it.
    pub(crate) name: String,
    /// The user who sent the request.
    pub(crate) user: String,
    /// The user's groups.
    pub(crate) groups: Vec<String>,
    /// Whether nothing will be stored: the request is a dry run, or the Eviction in it says so.
    pub(crate) dry_run: bool,
    /// The UID that an eviction has as a precondition, if any: another pod of the same name is not meant.
    pub(crate) pod_uid: Option<String>,
    /// The object as it would be; none for a delete and for an eviction, of which the fields above say everything.
    pub(crate) object: Option<Value>,
    /// The object as it is; none for a create.
    pub(crate) old_object: Option<Value>,
    /// The options of the operation (`DeleteOptions` for a delete).
    pub(crate) options: Value,
}

/// What the request does to the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    Update,
    Delete,
    Connect,
}

impl AdmissionRequest {
    /// A field of the object as it would be, by JSON pointer.
    pub(crate) fn new_field(&self, pointer: &str) -> Option<&Value> {
        self.object.as_ref()?.pointer(pointer)
    }

    /// A field of the object as it is, by JSON pointer.
    pub(crate) fn old_field(&self, pointer: &str) -> Option<&Value> {
        self.old_object.as_ref()?.pointer(pointer)
    }

    /// Whether the user is in a group.
    pub(crate) fn is_in_group(&self, group: &str) -> bool {
        self.groups.iter().any(|own| own == group)
    }
}
