//! `status`: the databases of a namespace, or the members of one, and what may be moved now.

use std::time::Duration;

use clap::Args;
use futures::StreamExt;
use futures::stream;
use stateful_cluster::discovery::workloads;
use stateful_operations::{Live, MemberLine, Snapshot, World, for_looking};
use stateful_safety::{Policy, Reason, Workload};
use tokio::time::{sleep, timeout};

use crate::context::{Context, Opened};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::forecast;
use crate::report::{MemberRow, ReasonLine, WorkloadRow, WorkloadStatus, print_members, print_workloads};
use crate::verb::{Rights, Verb};

/// Databases asked at once with `-A`: enough that slow ones do not hold the others up, few enough for an API server.
const AT_ONCE: usize = 32;

/// The most time one database may take; a silent one is shown as silent and does not delay the list.
const EACH_WITHIN: Duration = Duration::from_secs(3);

/// The time between two observations with `--watch`.
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// `status`
#[derive(Debug, Args)]
struct StatusArgs {
    /// A StatefulSet's name, sts/NAME, or an engine's name (redis); all databases of the namespace without it
    target: Option<String>,
    /// All namespaces
    #[arg(short = 'A', long, conflicts_with = "target")]
    all_namespaces: bool,
    /// Keep running, and show every change
    #[arg(short, long)]
    watch: bool,
}

/// The row of `status`.
pub(super) const VERB: Verb = Verb {
    name: "status",
    about: "Show databases: members, roles, lag, and what may be moved now",
    examples: "\
  kubectl stateful status                # all databases of the namespace
  kubectl stateful status redis -o wide  # one, with nodes and addresses
  kubectl stateful status -A -o json",
    arguments: StatusArgs::augment_args,
    rights: Rights::Namespace(|| for_looking(false)),
    past_tense: None,
    run: |call| Box::pin(async move { run(&call.context().await?, &call.args()?).await }),
};

async fn run(context: &Context, args: &StatusArgs) -> Result<Exit, Failure> {
    let namespace = if args.all_namespaces { "" } else { &context.cluster.namespace };
    if args.target.is_some() {
        context.need(namespace, &for_looking(context.cluster.inside)).await?;
    }
    let opened = match &args.target {
        Some(target) => Some(context.open(target).await?),
        None => None,
    };
    let mut shown = None;
    loop {
        match &opened {
            Some(opened) => {
                let status = one(context, opened).await?;
                if shown.as_ref() != Some(&Shown::One(Box::new(status.clone()))) {
                    print_members(context.printer, &status);
                    shown = Some(Shown::One(Box::new(status)));
                }
            }
            None => {
                let rows = list(context, args.all_namespaces).await?;
                if shown.as_ref() != Some(&Shown::List(rows.clone())) {
                    print_workloads(context.printer, &rows, args.all_namespaces);
                    shown = Some(Shown::List(rows));
                }
            }
        }
        if !args.watch {
            return Ok(Exit::Done);
        }
        sleep(WATCH_EVERY).await;
    }
}

/// What was printed last: with `--watch` only changes are printed.
#[derive(PartialEq, Eq)]
enum Shown {
    One(Box<WorkloadStatus>),
    List(Vec<WorkloadRow>),
}

async fn list(context: &Context, all_namespaces: bool) -> Result<Vec<WorkloadRow>, Failure> {
    let namespace = (!all_namespaces).then_some(context.cluster.namespace.as_str());
    let workloads = workloads::list(&context.cluster, namespace).await?;
    let rows = stream::iter(workloads).map(|workload| row_of(context, workload)).buffered(AT_ONCE);
    Ok(rows.collect().await)
}

async fn row_of(context: &Context, workload: Workload) -> WorkloadRow {
    let snapshot = async {
        let live =
            Live::open(&context.cluster, &workload, context.stop.subscribe()).await.map_err(|e| e.to_string())?;
        live.observe().await.map_err(|error| error.to_string())
    };
    let looked = match timeout(EACH_WITHIN, snapshot).await {
        Ok(looked) => looked,
        Err(_) => Err(format!("no answer within {EACH_WITHIN:?}")),
    };
    match looked {
        Ok(snapshot) => row(&snapshot, &context.typed(&snapshot.workload)),
        Err(why) => unknown(&workload, why, &context.typed(&workload)),
    }
}

/// The row of a database that answered. `target` is how its user types it.
fn row(snapshot: &Snapshot, target: &str) -> WorkloadRow {
    let policy = Policy::default();
    let lines = MemberLine::all(snapshot);
    let mut versions: Vec<String> = lines.iter().filter_map(|line| line.version.clone()).collect();
    versions.sort();
    versions.dedup();
    let against_upgrade: Vec<Reason> =
        forecast::upgrade(snapshot, &policy).into_iter().flat_map(|finding| finding.reasons).collect();
    let evictable = lines.iter().filter(|line| forecast::eviction(&line.name, snapshot, &policy).is_empty()).count();
    WorkloadRow {
        namespace: snapshot.workload.id.namespace.clone(),
        name: snapshot.workload.id.name.clone(),
        engine: snapshot.workload.engine.to_string(),
        topology: snapshot.assessment.topology.clone(),
        members: snapshot.workload.replicas,
        in_sync: lines.iter().filter(|line| line.well).count(),
        versions,
        image: snapshot.workload.image.clone(),
        outdated: lines.iter().filter(|line| !line.current).count(),
        reasons: lines_of(&snapshot.reasons_not_in_sync(&policy, None), target),
        evictable,
        safe_to_upgrade: against_upgrade.is_empty(),
        reasons_against_upgrade: lines_of(&against_upgrade, target),
    }
}

fn lines_of(reasons: &[Reason], target: &str) -> Vec<ReasonLine> {
    reasons.iter().map(|reason| ReasonLine::of(reason, target)).collect()
}

/// The row of a database that did not answer: what is not known is not safe.
fn unknown(workload: &Workload, why: String, target: &str) -> WorkloadRow {
    let reasons = lines_of(&[Reason::NotAnswering { member: workload.id.name.clone(), why }], target);
    WorkloadRow {
        namespace: workload.id.namespace.clone(),
        name: workload.id.name.clone(),
        engine: workload.engine.to_string(),
        topology: "unknown".to_owned(),
        members: workload.replicas,
        in_sync: 0,
        versions: Vec::new(),
        image: workload.image.clone(),
        outdated: workload.members.iter().filter(|member| !workload.is_current(member)).count(),
        evictable: 0,
        safe_to_upgrade: false,
        reasons_against_upgrade: reasons.clone(),
        reasons,
    }
}

async fn one(context: &Context, opened: &Opened) -> Result<WorkloadStatus, Failure> {
    let (snapshot, operation) = futures::join!(opened.live.observe(), operation(opened));
    let snapshot = snapshot?;
    let target = context.typed(&snapshot.workload);
    let policy = Policy::default();
    let member_list = MemberLine::all(&snapshot).into_iter().map(|line| {
        let pod = snapshot.workload.member(&line.name);
        let against = forecast::eviction(&line.name, &snapshot, &policy);
        MemberRow {
            may_go: against.first().map(|reason| ReasonLine::of(reason, &target)),
            group: line.group,
            role: line.role.to_string(),
            state: line.state,
            version: line.version.unwrap_or_default(),
            current: line.current,
            node: line.node.unwrap_or_default(),
            address: pod.and_then(|pod| pod.address.clone()).unwrap_or_default(),
            image: pod.map(|pod| pod.image.clone()).unwrap_or_default(),
            name: line.name,
        }
    });
    let notes = snapshot.assessment.notes.clone();
    Ok(WorkloadStatus { member_list: member_list.collect(), row: row(&snapshot, &target), operation, notes })
}

/// An unfinished operation, if there is one and its journal may be read. A user who may not read journals still sees the
/// members.
async fn operation(opened: &Opened) -> Option<String> {
    let history = opened.live.history().await.ok()?;
    let open = history.into_iter().find(|entry| entry.state.is_open())?;
    let holder = opened.live.holder().await.ok().flatten();
    let held = holder.map_or_else(
        || "no process runs it: resume or abort it".to_owned(),
        |holder| format!("held by {}", holder.identity),
    );
    let note = open.note.map(|note| format!(": {note}")).unwrap_or_default();
    Some(format!("unfinished {} {} by {}, {held}{note}", open.verb, open.id, open.by))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use stateful_operations::Snapshot;
    use stateful_safety::{Assessment, Member, Policy, Rollout, SyncReplication, VolumeClaims, Workload, WorkloadId};

    use super::row;
    use crate::forecast;
    use crate::report::CheckReport;

    /// A Redis with one server and no replica, as both accounts have it.
    fn lone_primary() -> Snapshot {
        let seen: serde_json::Value = serde_json::from_str(include_str!("status/lone-primary.json")).expect("JSON");
        let members: Vec<Member> = serde_json::from_value(seen["members"].clone()).expect("members");
        Snapshot {
            at: 1_800_000_000_000,
            workload: Workload {
                id: WorkloadId { namespace: "shop".to_owned(), name: "redis".to_owned() },
                uid: "1".to_owned(),
                engine: stateful_engines::find_profile("redis").expect("an engine"),
                service: "redis".to_owned(),
                container: "redis".to_owned(),
                image: "redis:7.0".to_owned(),
                declared_revision: "new".to_owned(),
                replicas: 1,
                first_ordinal: 0,
                restarted_at: None,
                rollout: Rollout::RollingUpdate { partition: 0, max_unavailable: None },
                members: members.into_iter().map(Arc::new).collect(),
                routes: Vec::new(),
                template_owner: None,
                replicas_owner: None,
                claims: VolumeClaims::default(),
                operated: None,
                budgets: Vec::new(),
            },
            assessment: Assessment {
                taken_at: 1_800_000_000_000,
                topology: "primary and replicas".to_owned(),
                groups: serde_json::from_value(seen["groups"].clone()).expect("groups"),
                quorums: Vec::new(),
                blockers: Vec::new(),
                feature_release: None,
                synchrony: SyncReplication::Declared,
                upgrade_notes: Vec::new(),
                notes: Vec::new(),
            },
        }
    }

    #[test]
    fn status_and_check_say_the_same_of_a_lone_primary() {
        let snapshot = lone_primary();
        let row = row(&snapshot, "redis");
        let found = forecast::upgrade(&snapshot, &Policy::default());
        let report = CheckReport::new("shop/redis".to_owned(), "an upgrade".to_owned(), &found, "redis");
        assert!(!report.safe, "a lone primary cannot be restarted without losing writes");
        assert_eq!(row.safe_to_upgrade, report.safe);
        let in_check: BTreeSet<&str> =
            report.checks.iter().flat_map(|check| &check.reasons).map(|reason| reason.code.as_str()).collect();
        let in_status: BTreeSet<&str> = row.reasons_against_upgrade.iter().map(|reason| reason.code.as_str()).collect();
        assert_eq!(in_status, in_check);
    }

    #[test]
    fn a_lone_primary_is_in_sync_and_not_evictable() {
        let row = row(&lone_primary(), "redis");
        assert_eq!((row.in_sync, row.evictable), (1, 0));
        assert_eq!(row.reasons, []);
    }
}
