//! `guard approve`: one pod may be taken away for a short time, though the guard would refuse it.

use jiff::{SignedDuration, Timestamp, Unit};
use stateful_cluster::{Approval, EventNote, EventRecorder, FIELD_MANAGER, NamespaceFacts, Permission};
use stateful_safety::{Member, Workload};

use crate::cli::ApproveArgs;
use crate::context::{Context, who};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::{ApprovalReport, print_approval};

const NEEDED: &[Permission] = &[
    Permission { verb: "list", group: "apps", resource: "statefulsets", cluster_wide: false },
    Permission { verb: "list", group: "", resource: "pods", cluster_wide: false },
    Permission { verb: "patch", group: "", resource: "pods", cluster_wide: false },
];

pub(super) async fn run(context: &Context, args: &ApproveArgs) -> Result<Exit, Failure> {
    let cluster = &context.cluster;
    let namespace = &cluster.namespace;
    if args.reason.trim().is_empty() {
        return Err(Failure::usage("an approval without a reason helps nobody afterwards; say --reason TEXT"));
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
    stateful_cluster::approve(cluster, namespace, &member.name, &approval).await?;
    tell(context, &member, &approval).await;
    if !stateful_cluster::is_guarded(cluster, namespace).await.unwrap_or(true) {
        context.printer.note(&format!(
            "warning: namespace {namespace} is not under guard ({}=enabled): nothing is refused there anyway",
            NamespaceFacts::LABEL
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

/// The database's member of that name.
async fn member(context: &Context, pod: &str) -> Result<(Workload, Member), Failure> {
    let pod = pod.strip_prefix("pod/").or(pod.strip_prefix("pods/")).unwrap_or(pod);
    let namespace = &context.cluster.namespace;
    let workloads = stateful_cluster::discover_all(&context.cluster, Some(namespace)).await?;
    let found = workloads.into_iter().find_map(|workload| {
        let member = workload.member(pod)?.clone();
        Some((workload, member))
    });
    found.ok_or_else(|| {
        Failure::new(Exit::Error, format!("{pod} is no member of a database in namespace \"{namespace}\""))
            .hint("see who is: kubectl stateful status -A")
    })
}

/// Says so where `kubectl describe pod` finds it. Without it the approval holds all the same.
async fn tell(context: &Context, member: &Member, approval: &Approval) {
    let Approval { until, reason, by, .. } = approval;
    let notice = EventNote {
        namespace: context.cluster.namespace.clone(),
        name: member.name.clone(),
        uid: member.uid.clone(),
        reason: "Approved",
        warning: true,
        text: format!("{} may be taken away until {until}: {reason} (approved by {by})", member.name),
    };
    let bulletin = EventRecorder::new(&context.cluster, FIELD_MANAGER, by);
    if let Err(error) = bulletin.publish(&notice).await {
        context.printer.note(&format!("warning: no Event tells of it: {error}"));
    }
}
