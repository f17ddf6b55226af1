//! TOUCH. Events alone: tells whoever runs `kubectl describe pod` what was decided about it.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use crate::{Cluster, Result};

/// One thing to tell about a pod.
#[derive(Debug, Clone)]
pub struct EventNote {
    /// The pod's namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// A word for programs: `Refused`.
    pub reason: &'static str,
    /// Whether somebody should look.
    pub warning: bool,
    /// A sentence for people.
    pub text: String,
}

/// Where Events are written.
#[derive(Clone)]
pub struct EventRecorder {
    recorder: Recorder,
}

impl EventRecorder {
    /// Events by `controller`, one of its instances.
    pub fn new(cluster: &Cluster, controller: &str, instance: &str) -> Self {
        let reporter = Reporter { controller: controller.to_owned(), instance: Some(instance.to_owned()) };
        Self { recorder: Recorder::new(cluster.client.clone(), reporter) }
    }

    /// Writes one; the same one again within some minutes becomes one Event with a count.
    pub async fn publish(&self, notice: &EventNote) -> Result<()> {
        let about = ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            name: Some(notice.name.clone()),
            namespace: Some(notice.namespace.clone()),
            uid: Some(notice.uid.clone()),
            ..ObjectReference::default()
        };
        let event = Event {
            type_: if notice.warning { EventType::Warning } else { EventType::Normal },
            reason: notice.reason.to_owned(),
            // The API takes a kilobyte.
            note: Some(notice.text.chars().take(1_000).collect()),
            action: "Guard".to_owned(),
            secondary: None,
        };
        self.recorder.publish(&event, &about).await?;
        Ok(())
    }
}
