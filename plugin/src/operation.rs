//! The terminal's side of an operation: it shows the plan, asks for consent and prints progress and the report, while
//! `stateful_operations::session` carries the operation from its plan to its end.

mod ending;
mod interrupt;
mod refusal;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use stateful_engines::BoxFuture;
use stateful_operations::campaign::Database;
use stateful_operations::journal::Entry;
use stateful_operations::session::{Caller, Ending, Patience, Planned, Session, SessionError, WhenStopped};
use stateful_operations::{Goal, Origin, Plan, Progress, Snapshot, TimeLimits};
use stateful_safety::{Policy, WorkloadId};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

use crate::cli::{Confirm, OperationFlags};
use crate::context::{Context, Opened, policy, who};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::{Reporter, can_ask, plan_text};
use crate::verb::Verb;

pub(crate) use ending::exit;
pub(crate) use refusal::check_report;

/// How long to wait for the lock of a process that may have died: a lock that is not renewed expires after ten seconds.
const LOCK_PATIENCE: Duration = Duration::from_secs(20);

/// How long to wait for reasons that pass by themselves: gossip after a switchover, a readiness probe that just failed.
const NEW_PLAN_PATIENCE: Duration = Duration::from_secs(5);

/// Refuses where no terminal can answer the question, before anything is read.
pub(crate) fn must_be_able_to_ask(confirm: &Confirm) -> Result<(), Failure> {
    if confirm.yes || can_ask() {
        return Ok(());
    }
    Err(Failure::usage("there is no terminal to ask on; use --yes to go ahead without a question"))
}

/// The terminal of one operation: answers its questions, shows its progress, prints its report.
pub(crate) struct Console<'a> {
    context: &'a Context,
    opened: &'a Opened,
    verb: &'static Verb,
    flags: &'a OperationFlags,
    policy: Policy,
    who: String,
    listening: Mutex<Option<Listening>>,
}

/// What runs beside an operation.
struct Listening {
    reporter: Reporter,
    interrupt: JoinHandle<()>,
}

impl<'a> Console<'a> {
    pub(crate) fn new(
        context: &'a Context,
        opened: &'a Opened,
        verb: &'static Verb,
        flags: &'a OperationFlags,
    ) -> Self {
        let (policy, who, listening) = (policy(&flags.policy), who(), Mutex::default());
        Self { context, opened, verb, flags, policy, who, listening }
    }

    /// The judge's limits.
    pub(crate) const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The operation's life, with this terminal as its caller.
    pub(crate) fn session(&self) -> Session<'_> {
        let flags = self.flags;
        Session {
            world: self.opened.live.as_ref(),
            caller: self,
            who: &self.who,
            policy: &self.policy,
            limits: TimeLimits {
                whole: Some(flags.timeout).filter(|whole| !whole.is_zero()),
                step: flags.step_timeout,
            },
            patience: Patience { new_plan: NEW_PLAN_PATIENCE, rest: flags.step_timeout, lock: LOCK_PATIENCE },
            when_stopped: WhenStopped::Keep,
            canary: flags.canary,
        }
    }

    /// Whether this is the terminal of an operation on that database.
    pub(crate) fn is_of(&self, workload: &WorkloadId) -> bool {
        self.opened.workload.id == *workload
    }

    /// The database as a campaign moves it.
    pub(crate) fn database(&self) -> Database<'_> {
        Database { workload: self.opened.workload.id.clone(), session: self.session() }
    }

    /// Refuses beside another operation on the workload.
    pub(crate) async fn refuse_beside_another(&self) -> Result<(), Failure> {
        self.session().refuse_beside_another().await.map_err(|error| self.failure(error))
    }

    /// A plan towards a goal, and the snapshot it was made from; `None` where the goal is reached already, which is printed.
    pub(crate) async fn plan(&self, goal: &Goal) -> Result<Option<(Plan, Snapshot)>, Failure> {
        match self.session().plan(goal).await.map_err(|error| self.failure(error))? {
            Planned::Plan(planned) => Ok(Some(*planned)),
            Planned::Nothing(why) => {
                let name = &self.opened.workload.id.name;
                self.context.printer.result(&format!("statefulset.apps/{name} unchanged: {why}"));
                Ok(None)
            }
        }
    }

    /// Starts a new operation and carries it to its end.
    pub(crate) async fn start(&self, plan: Plan) -> Result<Exit, Failure> {
        self.exit_of(self.session().start(self.verb.name, plan).await)
    }

    /// Takes over an unfinished operation.
    pub(crate) async fn take_over(&self, entry: &Entry) -> Result<(), Failure> {
        self.session().take_over(entry, None).await.map_err(|error| self.failure(error))
    }

    /// Carries what is left towards a goal to its end.
    pub(crate) async fn go_on(&self, goal: &Goal, origin: &Origin, resumed: Option<&Entry>) -> Result<Exit, Failure> {
        match self.session().go_on(self.verb.name, goal, origin, resumed).await {
            Err(SessionError::NotSafe(not_safe)) => Err(refusal::of_the_rest(self.context, &not_safe, self.flags)),
            ended => self.exit_of(ended),
        }
    }

    fn exit_of(&self, ended: Result<Ending, SessionError>) -> Result<Exit, Failure> {
        ended.map(|ending| exit(&ending.conclusion)).map_err(|error| self.failure(error))
    }

    /// Why an operation did not begin, with the next command to type.
    pub(crate) fn failure(&self, error: SessionError) -> Failure {
        refusal::failure(self.context, &self.opened.workload, &self.policy, error)
    }
}

impl Caller for Console<'_> {
    fn agrees(&self, plan: &Plan) -> bool {
        self.context.printer.note(&plan_text(self.context.printer, plan));
        self.flags.confirm.yes || self.context.printer.ask("\nGo ahead?")
    }

    fn note(&self, text: &str) {
        self.context.printer.note(text);
    }

    fn listener(&self) -> Option<UnboundedSender<Progress>> {
        let (reporter, listener) = Reporter::start(self.context.printer, self.flags.progress);
        let interrupt = interrupt::listen(self.context, listener.clone());
        *self.listening.lock().unwrap_or_else(PoisonError::into_inner) = Some(Listening { reporter, interrupt });
        Some(listener)
    }

    fn concluded<'c>(&'c self, ending: &'c Ending) -> BoxFuture<'c, ()> {
        let listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner).take();
        Box::pin(async move {
            let heard = match listening {
                Some(Listening { reporter, interrupt }) => {
                    interrupt.abort();
                    reporter.heard().await
                }
                None => Vec::new(),
            };
            ending::print(self, ending, &heard);
        })
    }
}

/// Takes over an unfinished operation in order to end it where it is.
pub(crate) async fn take_over_to_end(context: &Context, opened: &Opened, entry: &Entry) -> Result<(), Failure> {
    let (policy, who, caller) = (Policy::default(), who(), Notes(context));
    let session = Session {
        world: opened.live.as_ref(),
        caller: &caller,
        who: &who,
        policy: &policy,
        limits: TimeLimits { whole: None, step: Duration::ZERO },
        patience: Patience { new_plan: Duration::ZERO, rest: Duration::ZERO, lock: LOCK_PATIENCE },
        when_stopped: WhenStopped::Keep,
        canary: false,
    };
    let taken = session.take_over(entry, None).await;
    taken.map_err(|error| refusal::failure(context, &opened.workload, &policy, error))
}

/// A caller that is asked nothing and prints every note.
struct Notes<'a>(&'a Context);

impl Caller for Notes<'_> {
    fn agrees(&self, _plan: &Plan) -> bool {
        true
    }

    fn note(&self, text: &str) {
        self.0.printer.note(text);
    }
}
