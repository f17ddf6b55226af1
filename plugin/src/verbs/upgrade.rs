//! `upgrade`: bring every member to a new image, or to what the StatefulSet declares.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use stateful_cluster::changes::rollout::TemplateChange;
use stateful_operations::{Goal, Plan, Snapshot, Step, Surge, World, for_budgets, for_moving};
use stateful_safety::Workload;

use crate::cli::{DryRun, DryRunFlag, OperationFlags};
use crate::context::{Context, Opened};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::operation::{Console, must_be_able_to_ask};
use crate::report::plan_text;
use crate::verb::{Rights, Verb};

/// `upgrade`
#[derive(Debug, Args)]
struct UpgradeArgs {
    /// A StatefulSet's name, sts/NAME, or an engine's name (redis) if the namespace has one database of it
    target: String,
    /// The new image of the database's container
    #[arg(long, value_name = "IMAGE", conflicts_with_all = ["version", "restart", "plan"])]
    image: Option<String>,
    /// The new version: the present image with this tag
    #[arg(long, value_name = "TAG", conflicts_with_all = ["restart", "plan"])]
    version: Option<String>,
    /// Restart every member as it is
    #[arg(long, conflicts_with = "plan")]
    restart: bool,
    /// Carry out a plan saved by --dry-run=client -o yaml|json; refused if the database has changed since
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    #[command(flatten)]
    replacement: Replacement,
    #[command(flatten)]
    dry_run: DryRunFlag,
    #[command(flatten)]
    operation: OperationFlags,
}

/// How members are replaced.
#[derive(Debug, Args)]
struct Replacement {
    /// At the end, switch back to the members that were the primaries at the beginning
    #[arg(long)]
    restore_primaries: bool,
    /// Replace a replica that is already broken, first, instead of refusing
    #[arg(long)]
    repair: bool,
    /// Add an extra replica for the duration of the upgrade, so that no commit waits for a member that restarts (PostgreSQL)
    #[arg(long, conflicts_with = "plan")]
    surge: bool,
}

/// The row of `upgrade`.
pub(super) const VERB: Verb = Verb {
    name: "upgrade",
    about: "Bring every member to a new image, or to what the StatefulSet declares, losing no write",
    examples: "\
  kubectl stateful upgrade redis --version 8.0            # same image, another tag
  kubectl stateful upgrade redis --image team/redis:8.0.2 --canary --report upgrade.html
  kubectl stateful upgrade redis                          # roll out what the StatefulSet already declares (GitOps)
  kubectl stateful upgrade redis --restart -y
  kubectl stateful upgrade redis --version 8.0 --dry-run=client -o yaml > plan.yaml
  kubectl stateful upgrade redis --plan plan.yaml         # exactly that plan, or nothing",
    arguments: UpgradeArgs::augment_args,
    rights: Rights::Namespace(|| [for_moving(false), for_budgets()].concat()),
    past_tense: Some("upgraded"),
    run: |call| Box::pin(async move { run(&call.context().await?, &call.args()?).await }),
};

async fn run(context: &Context, args: &UpgradeArgs) -> Result<Exit, Failure> {
    if args.dry_run.dry_run == DryRun::None {
        must_be_able_to_ask(&args.operation.confirm)?;
    }
    let saved = args.plan.as_deref().map(read_plan).transpose()?;
    context.need(&context.cluster.namespace, &[for_moving(context.cluster.inside), for_budgets()].concat()).await?;
    let opened = context.open(&args.target).await?;
    let console = Console::new(context, &opened, &VERB, &args.operation);
    console.refuse_beside_another().await?;
    let (plan, snapshot) = match saved {
        Some(plan) => {
            let snapshot = opened.live.observe().await?;
            plan.still_fits(&snapshot)?;
            (plan, snapshot)
        }
        None => {
            let goal = goal(args, &opened.workload)?;
            refuse_behind_an_owner(context, &goal, &opened.workload)?;
            match console.plan(&goal).await? {
                Some(planned) => planned,
                None => return Ok(Exit::Done),
            }
        }
    };
    match args.dry_run.dry_run {
        DryRun::None => {}
        DryRun::Client => return Ok(print_plan(context, &plan, " (dry run)")),
        DryRun::Server => {
            try_out(&opened, &plan, &snapshot).await?;
            return Ok(print_plan(context, &plan, " (server dry run)"));
        }
    }
    console.start(plan).await
}

fn goal(args: &UpgradeArgs, workload: &Workload) -> Result<Goal, Failure> {
    let image = match (&args.image, &args.version) {
        (Some(image), _) => Some(image.clone()),
        (None, Some(tag)) => Some(tagged(&workload.image, tag)?),
        (None, None) => None,
    };
    let change = match image {
        Some(image) if image.is_empty() || image.contains(char::is_whitespace) => {
            return Err(Failure::usage(format!("\"{image}\" is not an image")));
        }
        Some(image) => Some(TemplateChange::Image { container: workload.container.clone(), image }),
        None if args.restart => Some(TemplateChange::Restart { at: Timestamp::now().to_string() }),
        None => None,
    };
    let Replacement { restore_primaries, repair, surge } = args.replacement;
    let surge = if surge { Surge::Add } else { Surge::No };
    Ok(Goal::Upgrade { change, restore_primaries, repair, surge })
}

/// The same image with another tag. A digest would pin the old image, so it is dropped.
fn tagged(image: &str, tag: &str) -> Result<String, Failure> {
    let valid = !tag.is_empty() && tag.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if !valid {
        return Err(Failure::usage(format!("\"{tag}\" is not an image tag")));
    }
    let bare = image.split('@').next().unwrap_or(image);
    let path = bare.rfind('/').map_or(0, |slash| slash + 1);
    let name = bare[path..].find(':').map_or(bare, |colon| &bare[..path + colon]);
    Ok(format!("{name}:{tag}"))
}

/// Refuses to change the image where another controller (Argo CD, Flux) writes the template: it would undo the change.
fn refuse_behind_an_owner(context: &Context, goal: &Goal, workload: &Workload) -> Result<(), Failure> {
    let (Some(owner), Goal::Upgrade { change: Some(TemplateChange::Image { container, image }), .. }) =
        (&workload.template_owner, goal)
    else {
        return Ok(());
    };
    let change = format!(
        "spec:\n  updateStrategy:\n    type: OnDelete\n  template:\n    spec:\n      containers:\n      - name: {container}\n        image: {image}"
    );
    Err(Failure::blocked(format!(
        "{owner} writes the template of {} and would undo a patch; make this change in its source:\n{change}",
        workload.id
    ))
    .hint(format!("then roll it out: {}", context.command(VERB.name, workload))))
}

fn read_plan(path: &std::path::Path) -> Result<Plan, Failure> {
    let unreadable = |why: String| Failure::usage(format!("{} holds no plan: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    serde_yaml::from_str(&text).map_err(|error| unreadable(error.to_string())) // JSON is YAML
}

/// Asks the API server about each change that the plan would make first.
async fn try_out(opened: &Opened, plan: &Plan, snapshot: &Snapshot) -> Result<(), Failure> {
    for action in plan.steps.iter().filter_map(|step: &Step| step.action(snapshot)) {
        opened.live.try_out(&action, snapshot).await?;
    }
    Ok(())
}

fn print_plan(context: &Context, plan: &Plan, suffix: &str) -> Exit {
    match context.printer.structured(plan) {
        Some(text) => context.printer.result(&text),
        None => {
            context.printer.result(&plan_text(context.printer, plan));
            context.printer.result(&format!("statefulset.apps/{} upgraded{suffix}", plan.workload.name));
        }
    }
    Exit::Done
}

#[cfg(test)]
mod tests {
    use super::tagged;

    #[test]
    fn a_version_is_a_tag_of_the_same_image() {
        let tagged = |image: &str, tag: &str| tagged(image, tag).map_err(|failure| failure.message);
        assert_eq!(tagged("registry:5000/team/redis:7.0", "8.0"), Ok("registry:5000/team/redis:8.0".to_owned()));
        assert_eq!(tagged("registry:5000/team/redis", "8.0"), Ok("registry:5000/team/redis:8.0".to_owned()));
        assert_eq!(tagged("redis:7.0@sha256:abc", "8.0"), Ok("redis:8.0".to_owned()));
        assert!(tagged("redis:7.0", "8.0 --force").is_err());
    }
}
