//! TOUCH. Events about pods, which `kubectl describe pod` shows.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use crate::{Cluster, Result};

/// An Event about a pod.
#[derive(Debug, Clone)]
pub struct EventNote {
    /// The pod's namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// The reason code for programs: `Refused`.
    pub reason: &'static str,
    /// Whether its type is `Warning` rather than `Normal`.
    pub warning: bool,
    /// The message for people.
    pub text: String,
}

/// Writes Events.
#[derive(Clone)]
pub struct EventRecorder {
    recorder: Recorder,
}

impl EventRecorder {
    /// A recorder for `instance` of `controller`.
    pub fn new(cluster: &Cluster, controller: &str, instance: &str) -> Self {
        let reporter = Reporter { controller: controller.to_owned(), instance: Some(instance.to_owned()) };
        Self { recorder: Recorder::new(cluster.client.clone(), reporter) }
    }

    /// Writes an Event; repetitions within some minutes become one Event with a count.
    pub async fn publish(&self, note: &EventNote) -> Result<()> {
        let about = ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            name: Some(note.name.clone()),
            namespace: Some(note.namespace.clone()),
            uid: Some(note.uid.clone()),
            ..ObjectReference::default()
        };
        let event = Event {
            type_: if note.warning { EventType::Warning } else { EventType::Normal },
            reason: note.reason.to_owned(),
            // The API limits a note to 1 kB.
            note: Some(note.text.chars().take(1_000).collect()),
            action: "Guard".to_owned(),
            secondary: None,
        };
        self.recorder.publish(&event, &about).await?;
        Ok(())
    }
}
