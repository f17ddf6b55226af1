//! What somebody is about to do to the cluster, in plain words.

use serde_json::Value;

/// One admission request.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    /// What is done.
    pub(crate) operation: Operation,
    /// To what: the resource, with its subresource: `pods/eviction`.
    pub(crate) resource: String,
    /// In which namespace; empty for what has none.
    pub(crate) namespace: String,
    /// The object's name; empty when the API server is to make one up.
    pub(crate) name: String,
    /// Who.
    pub(crate) user: String,
    /// The groups they are in.
    pub(crate) groups: Vec<String>,
    /// Whether nothing will be kept, by either of the two ways to say so.
    pub(crate) dry_run: bool,
    /// The UID of the pod an eviction is about, where it says so: another one under the same name is not meant.
    pub(crate) evicts: Option<String>,
    /// The object as it would be; none for a delete, nor for an eviction, of which all that counts is above.
    pub(crate) object: Option<Value>,
    /// The object as it is; none for a create.
    pub(crate) old_object: Option<Value>,
    /// The options of the operation (`DeleteOptions` for a delete).
    pub(crate) options: Value,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    Update,
    Delete,
    Connect,
}

impl Attempt {
    /// A field of the object as it would be, by JSON pointer.
    pub(crate) fn would_be(&self, pointer: &str) -> Option<&Value> {
        self.object.as_ref()?.pointer(pointer)
    }

    /// The same of the object as it is.
    pub(crate) fn is_now(&self, pointer: &str) -> Option<&Value> {
        self.old_object.as_ref()?.pointer(pointer)
    }

    /// Whether whoever does it is in a group.
    pub(crate) fn is_by(&self, group: &str) -> bool {
        self.groups.iter().any(|own| own == group)
    }
}
