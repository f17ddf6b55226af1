//! Rounds of an operation and a fault, until the time is up.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rand::rngs::StdRng;
use stateful_harness::{ApiServerProxy, Context, Ended, Load, Plugin, note, nothing_lost, until};

use super::databases::Stormy;
use super::faults::Planned;
use super::operations::{Operation, Request};

/// Containers that were killed several times are started again after 10, 20, 40 s; each resume may take as long as a step may.
const WHOLE_WITHIN: Duration = Duration::from_mins(4);

/// How often an operation that stopped is gone on with before it is called stuck.
const ATTEMPTS: usize = 6;

/// Writers have found their way again.
const WRITTEN_WITHIN: Duration = Duration::from_mins(1);

/// Carries operations out under faults and writers for so long. Nothing acknowledged is lost, and the database is whole after each round.
pub(super) async fn survive<D: Stormy>(context: &mut Context, mut random: StdRng, lasts: Duration) -> Result<()> {
    let database = context.fresh_database::<D>(D::VERSION).await?;
    let plugin = context.plugin(database.namespace())?;
    let proxy = ApiServerProxy::start(context.cluster(), database.namespace()).await?;
    let through_proxy = plugin.clone().with_kubeconfig(proxy.kubeconfig().to_owned());
    let load = Load::start(&database.clients().await?).await?;
    let began = Instant::now();
    let mut rounds = 0;
    while began.elapsed() < lasts {
        rounds += 1;
        let request = Operation::choose(&mut random).fill(&database, &mut random).await?;
        let fault = Planned::choose(&mut random);
        let round =
            format!("round {rounds}: {} while {:?} after {:?}", request.words.join(" "), fault.fault, fault.after);
        note!("{round}");
        let cordon = request.node.as_deref().map(|node| context.uncordon_afterwards(node));
        let words: Vec<&str> = request.words.iter().map(String::as_str).collect();
        let running = through_proxy.start(&words)?;
        tokio::time::sleep(fault.after).await; // the moment that the seed has chosen
        let running = fault.happen(context, &database, (&proxy, running), &mut random).await.context(round.clone())?;
        let ended = match running {
            Some(running) => Some(running.end().await.context(round.clone())?),
            None => None,
        };
        if let Some(ended) = &ended {
            note!("  exit code {:?} after {:.1} s: {}", ended.code, ended.took.as_secs_f64(), told(ended));
        }
        finish(&plugin, D::TARGET, &request, ended).await.context(round.clone())?;
        let finished = Instant::now();
        if let Some(cordon) = cordon {
            cordon.now().await?;
        }
        database.in_sync(WHOLE_WITHIN).await.context(round.clone())?;
        note!("  whole {:.1} s later", finished.elapsed().as_secs_f64());
        load.take_figures();
        until("writes are acknowledged again", WRITTEN_WITHIN, async || {
            let figures = load.take_figures();
            ensure!(figures.acknowledged > 0, "{figures:?}");
            Ok(())
        })
        .await
        .context(round)?;
    }
    let audit = load.stop().await?;
    note!("{rounds} rounds, {} acknowledged, {} lost", audit.acknowledged, audit.lost.len());
    nothing_lost(&audit)
}

/// Goes on with an operation until it is done, as its hints say: what was not begun is asked for again, what is unfinished is resumed.
async fn finish(plugin: &Plugin, target: &str, request: &Request, ended: Option<Ended>) -> Result<()> {
    let mut last = ended;
    for _ in 0..ATTEMPTS {
        match &last {
            Some(ended) if ended.code == Some(0) => return Ok(()),
            Some(ended) => note!("  goes on after exit code {:?}: {}", ended.code, told(ended)),
            None => note!("  goes on after it was killed"),
        }
        let resumed = plugin.run(&["resume", target, "-y", "--step-timeout", "60s"]).await?;
        let is_nothing_to_resume = resumed.stderr.contains("has no unfinished operation");
        if resumed.code != Some(0) && !is_nothing_to_resume {
            last = Some(resumed);
            continue;
        }
        if !is_nothing_to_resume && request.operation != Operation::Drain {
            return Ok(());
        }
        // It never began, or the rest of a drain is left: the node's other pods, and its next database.
        let words: Vec<&str> = request.words.iter().map(String::as_str).collect();
        last = Some(plugin.run(&words).await?);
    }
    let last = last.context("it was killed each time")?;
    ensure!(last.code == Some(0), "after {ATTEMPTS} attempts: exit code {:?}\n{last}", last.code);
    Ok(())
}

/// The lines that say why it stopped.
fn told(ended: &Ended) -> String {
    let lines = ended.stderr.lines().filter(|line| line.starts_with("error") || line.starts_with("hint"));
    lines.collect::<Vec<_>>().join(" / ")
}
