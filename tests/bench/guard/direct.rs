//! Asked directly: the same client, the same certificate, the same question; the servers take turns, round by round, so
//! that whatever else the machine does meets all of them alike. Two are compared within a round, where one came right
//! after the other: what the machine did in another minute is then no difference between them.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::cores;
use super::line::{Endpoint, Line, post};
use super::servers::Running;
use super::spread::{Spread, middle, times};

/// Rounds; odd, so that there is a median. Many and short: a neighbour's burst spoils some rounds and not the median.
pub(crate) const ROUNDS: usize = 15;

/// How long one server is asked in a round. The guard and the echo give thousands of answers in it even on one connection, so
/// that the slowest hundredth is dozens.
pub(crate) const ROUND: Duration = Duration::from_secs(1);

/// Connections at once: an API server that has little to ask, and one in the middle of a drain.
pub(crate) const LINES: [usize; 2] = [1, 20];

/// Questions before the clock runs: the handshake, a first allocation.
const WARM_UP: usize = 50;

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) who: &'static str,
    /// By the numbers of [`LINES`], over all rounds.
    pub(crate) spreads: Vec<Spread>,
    /// The same, each round by itself.
    rounds: Vec<Vec<Spread>>,
}

impl Row {
    /// How many times as long as another its answers took, by the numbers of [`LINES`]: p50 and p99, of each the median of
    /// the rounds' own ratios.
    pub(crate) fn against(&self, other: &Self) -> Vec<(f64, f64)> {
        let ratio = |ours: &[Spread], theirs: &[Spread], figure: fn(&Spread) -> Duration| {
            middle(ours.iter().zip(theirs).map(|(one, other)| times(figure(one), figure(other))))
        };
        let pairs = self.rounds.iter().zip(&other.rounds);
        pairs.map(|(ours, theirs)| (ratio(ours, theirs, |of| of.p50), ratio(ours, theirs, |of| of.p99))).collect()
    }
}

/// Asks each of them in turn.
pub(crate) async fn measure(asked: &[(&'static str, &Running, String)]) -> Result<Vec<Row>> {
    let aside = cores::Aside::put()?;
    for (_, server, _) in asked {
        cores::answer_from(server.process()?)?;
    }
    let mut rounds = vec![vec![Vec::new(); LINES.len()]; asked.len()];
    for round in 0..ROUNDS {
        for (at, lines) in LINES.into_iter().enumerate() {
            for turn in 0..asked.len() {
                let who = (turn + round) % asked.len(); // nobody is always the one after the same neighbour
                let (_, server, review) = &asked[who];
                let (endpoint, question) = (server.endpoint.clone(), post(server.path, review));
                let spread = tokio::task::spawn_blocking(move || load(&endpoint, &question, lines)).await??;
                rounds[who][at].push(spread);
            }
        }
    }
    for (_, server, _) in asked {
        cores::anywhere(server.process()?)?;
    }
    drop(aside);
    let over = |rounds: &[Vec<Spread>]| rounds.iter().map(|rounds| Spread::over(rounds)).collect();
    Ok(asked.iter().zip(rounds).map(|((who, ..), rounds)| Row { who, spreads: over(&rounds), rounds }).collect())
}

fn load(endpoint: &Endpoint, question: &[u8], lines: usize) -> Result<Spread> {
    cores::ask_from()?; // and so do the threads it starts
    let mut open = (0..lines).map(|_| Line::open(endpoint)).collect::<Result<Vec<_>>>()?;
    for line in &mut open {
        for _ in 0..WARM_UP / lines.min(10) {
            line.ask(question)?;
        }
    }
    let started = Instant::now();
    let ended: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = open.iter_mut().map(|line| scope.spawn(|| ask_on(line, question, started))).collect();
        threads.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    let wall = started.elapsed();
    let (mut took, mut errors) = (Vec::new(), 0);
    for one in ended {
        let (of_line, wrong) = one.ok().context("a line's thread died")?;
        took.extend(of_line);
        errors += wrong;
    }
    Ok(Spread::of(took, errors, wall))
}

fn ask_on(line: &mut Line, question: &[u8], started: Instant) -> (Vec<Duration>, usize) {
    let (mut took, mut errors) = (Vec::new(), 0);
    while started.elapsed() < ROUND {
        let asked = Instant::now();
        match line.ask(question) {
            Ok(reply) if reply.is_yes() => took.push(asked.elapsed()),
            Ok(_) => errors += 1,
            Err(_) => return (took, errors + 1),
        }
    }
    (took, errors)
}
