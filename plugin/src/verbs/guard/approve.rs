//! `guard approve`: lets one pod be evicted or deleted for a short time although the guard would refuse it.

use std::time::Duration;

use clap::Args;
use jiff::{SignedDuration, Timestamp, Unit};
use stateful_cluster::FIELD_MANAGER;
use stateful_cluster::connection::permissions::Permission;
use stateful_cluster::discovery::workloads;
use stateful_cluster::guard::approval;
use stateful_cluster::guard::approval::Approval;
use stateful_cluster::guard::event_recorder::{EventNote, EventRecorder};
use stateful_cluster::guard::guarded;
use stateful_cluster::guard::names::GUARD_LABEL;
use stateful_safety::{Member, Workload};

use crate::cli::duration;
use crate::context::{Context, who};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::{ApprovalReport, print_approval};
use crate::verb::{Rights, Verb};

const NEEDED: &[Permission] = &[
    Permission { verb: "list", group: "apps", resource: "statefulsets", cluster_wide: false },
    Permission { verb: "list", group: "", resource: "pods", cluster_wide: false },
    Permission { verb: "patch", group: "", resource: "pods", cluster_wide: false },
];

/// `guard approve`
#[derive(Debug, Args)]
struct ApproveArgs {
    /// The pod
    pod: String,
    /// How long the approval holds, an hour at most
    #[arg(long = "for", value_name = "DURATION", default_value = "10m", value_parser = for_a_while)]
    lasting: Duration,
    /// Why, for those who look into it afterwards
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// The row of `guard approve`.
pub(super) const VERB: Verb = Verb {
    name: "approve",
    about: "Let one pod be taken away for a short time although the guard would refuse it",
    examples: "\
  kubectl stateful guard approve redis-0 -n shop --reason \"single copy, clients may wait (CHG-1234)\"
  kubectl stateful guard approve redis-0 --for 30m --reason \"node-3 must go today\"

The approval holds for this very pod, not for the next pod of the same name. Who approved it, why and until when is in an
Event of the pod and in the audit log.",
    arguments: ApproveArgs::augment_args,
    rights: Rights::Namespace(|| NEEDED.to_vec()),
    past_tense: None,
    run: |call| Box::pin(async move { run(&call.context().await?, &call.args()?).await }),
};

/// The longest an approval may hold: a forgotten one must not let next week's drain pass.
const LONGEST: Duration = Duration::from_hours(1);

fn for_a_while(text: &str) -> Result<Duration, String> {
    let lasting = duration(text)?;
    if lasting.is_zero() || lasting > LONGEST {
        return Err("an approval holds for more than nothing and at most 1h".to_owned());
    }
    Ok(lasting)
}

async fn run(context: &Context, args: &ApproveArgs) -> Result<Exit, Failure> {
    let cluster = &context.cluster;
    let namespace = &cluster.namespace;
    if args.reason.trim().is_empty() {
        return Err(Failure::usage("an approval needs a reason, for those who look into it afterwards: --reason TEXT"));
    }
    context.need(namespace, NEEDED).await?;
    let (workload, member) = member(context, &args.pod).await?;
    let until = Timestamp::now() + SignedDuration::try_from(args.lasting).unwrap_or(SignedDuration::ZERO);
    let approval = Approval {
        uid: member.uid.clone(),
        until: until.round(Unit::Second).unwrap_or(until),
        reason: args.reason.trim().to_owned(),
        by: who(),
    };
    approval::approve(cluster, namespace, &member.name, &approval).await?;
    tell(context, &member, &approval).await;
    if !guarded::is_guarded(cluster, namespace).await.unwrap_or(true) {
        context.printer.note(&format!(
            "warning: namespace {namespace} is not under guard ({GUARD_LABEL}=enabled): the guard refuses nothing there anyway"
        ));
    }
    print_approval(
        context.printer,
        &ApprovalReport {
            namespace: namespace.clone(),
            workload: workload.id.name,
            pod: member.name,
            node: member.node,
            approval,
        },
    );
    Ok(Exit::Done)
}

/// The database member that runs in a pod.
async fn member(context: &Context, pod: &str) -> Result<(Workload, Member), Failure> {
    let pod = pod.strip_prefix("pod/").or(pod.strip_prefix("pods/")).unwrap_or(pod);
    let namespace = &context.cluster.namespace;
    let workloads = workloads::list(&context.cluster, Some(namespace)).await?;
    let found = workloads.into_iter().find_map(|workload| {
        let member = workload.member(pod)?.clone();
        Some((workload, member))
    });
    found.ok_or_else(|| {
        Failure::new(Exit::Error, format!("{pod} is not a member of a database in namespace \"{namespace}\""))
            .hint("list the databases: kubectl stateful status -A")
    })
}

/// Records the approval as an Event of the pod, for `kubectl describe pod`. The approval holds without it too.
async fn tell(context: &Context, member: &Member, approval: &Approval) {
    let Approval { until, reason, by, .. } = approval;
    let note = EventNote {
        namespace: context.cluster.namespace.clone(),
        name: member.name.clone(),
        uid: member.uid.clone(),
        reason: "Approved",
        warning: true,
        text: format!("{} may be taken away until {until}: {reason} (approved by {by})", member.name),
    };
    let recorder = EventRecorder::new(&context.cluster, FIELD_MANAGER, by);
    if let Err(error) = recorder.publish(&note).await {
        context.printer.note(&format!("warning: the Event about the approval could not be written: {error}"));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::for_a_while;

    #[test]
    fn an_approval_ends_within_the_hour() {
        assert_eq!(for_a_while("1h"), Ok(Duration::from_hours(1)));
        for wrong in ["0", "61m", "2h", "10"] {
            assert!(for_a_while(wrong).is_err(), "{wrong}");
        }
    }
}
