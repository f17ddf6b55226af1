//! `status`: who the members are, and whether each may be taken away now.

use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use stateful_operations::{Live, MemberLine, Snapshot, World, for_looking};
use stateful_safety::{Disruption, Policy, Reason, Workload};
use tokio::time::{sleep, timeout};

use crate::cli::StatusArgs;
use crate::context::{Context, Opened};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::{MemberRow, ReasonLine, WorkloadRow, WorkloadStatus, print_members, print_workloads};

/// Workloads asked at once with `-A`: enough to hide the slow ones behind the others, few enough for an API server.
const AT_ONCE: usize = 32;

/// One workload's share of the time; a silent one is shown as such and delays nobody.
const EACH_WITHIN: Duration = Duration::from_secs(3);

/// Between two looks with `--watch`.
const WATCH_EVERY: Duration = Duration::from_secs(1);

pub(crate) async fn run(context: &Context, args: &StatusArgs) -> Result<Exit, Failure> {
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

/// What was printed last; with `--watch` only changes are.
#[derive(PartialEq, Eq)]
enum Shown {
    One(Box<WorkloadStatus>),
    List(Vec<WorkloadRow>),
}

async fn list(context: &Context, all_namespaces: bool) -> Result<Vec<WorkloadRow>, Failure> {
    let namespace = (!all_namespaces).then_some(context.cluster.namespace.as_str());
    let workloads = stateful_cluster::discover_all(&context.cluster, namespace).await?;
    let rows = stream::iter(workloads).map(|workload| row_of(context, workload)).buffered(AT_ONCE);
    Ok(rows.collect().await)
}

async fn row_of(context: &Context, workload: Workload) -> WorkloadRow {
    let snapshot = async {
        let live =
            Live::open(&context.cluster, &workload, context.stop.subscribe()).await.map_err(|e| e.to_string())?;
        live.snapshot().await.map_err(|error| error.to_string())
    };
    let looked = match timeout(EACH_WITHIN, snapshot).await {
        Ok(looked) => looked,
        Err(_) => Err(format!("no answer within {EACH_WITHIN:?}")),
    };
    match looked {
        Ok(snapshot) => row(context, &snapshot),
        Err(why) => unknown(context, &workload, why),
    }
}

fn row(context: &Context, snapshot: &Snapshot) -> WorkloadRow {
    let target = context.typed(&snapshot.workload);
    let lines = MemberLine::all(snapshot);
    let mut versions: Vec<String> = lines.iter().filter_map(|line| line.version.clone()).collect();
    versions.sort();
    versions.dedup();
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
        reasons: snapshot
            .not_whole(&Policy::default(), None)
            .iter()
            .map(|reason| ReasonLine::of(reason, &target))
            .collect(),
    }
}

/// A workload nobody could look into: what is not known is not safe.
fn unknown(context: &Context, workload: &Workload, why: String) -> WorkloadRow {
    let reason = Reason::NotAnswering { member: workload.id.name.clone(), why };
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
        reasons: vec![ReasonLine::of(&reason, &context.typed(workload))],
    }
}

async fn one(context: &Context, opened: &Opened) -> Result<WorkloadStatus, Failure> {
    let (snapshot, operation) = futures::join!(opened.live.snapshot(), operation(opened));
    let snapshot = snapshot?;
    let target = context.typed(&snapshot.workload);
    let policy = Policy::default();
    let member_list = MemberLine::all(&snapshot).into_iter().map(|line| {
        let pod = snapshot.workload.member(&line.name);
        let against = snapshot.against(&policy, &Disruption::Take { members: vec![line.name.clone()] });
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
    Ok(WorkloadStatus { member_list: member_list.collect(), row: row(context, &snapshot), operation })
}

/// An unfinished operation, if one can be read. Whoever may not read journals still sees the members.
async fn operation(opened: &Opened) -> Option<String> {
    let history = opened.live.history(&opened.workload).await.ok()?;
    let open = history.into_iter().find(|entry| entry.state.is_open())?;
    let holder = opened.live.holder(&opened.workload).await.ok().flatten();
    let held = holder.map_or_else(
        || "held by nobody: resume or abort it".to_owned(),
        |holder| format!("held by {}", holder.identity),
    );
    let note = open.note.map(|note| format!(": {note}")).unwrap_or_default();
    Some(format!("unfinished {} {} by {}, {held}{note}", open.verb, open.id, open.by))
}
