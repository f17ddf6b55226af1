//! What a verb is: one row of the table in `verbs/`, from which the command line, the dispatch, `rbac`, the completion and
//! the line that ends an operation are made.

use std::ffi::OsString;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use futures::future::LocalBoxFuture;
use stateful_cluster::connection::permissions::Permission;

use crate::cli::Globals;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::Printer;

/// What the process is called, by kubectl and by `PATH`.
const PROGRAM: &str = "kubectl-stateful";

/// A verb of the command line.
pub(crate) struct Verb {
    /// The word that is typed.
    pub(crate) name: &'static str,
    /// One line of help.
    pub(crate) about: &'static str,
    /// The lines below `Examples:` in its help, the first without its indentation; empty where there is nothing to show.
    pub(crate) examples: &'static str,
    /// Adds its arguments to its command.
    pub(crate) arguments: fn(Command) -> Command,
    /// What its user must be allowed to do.
    pub(crate) rights: Rights,
    /// What its operation has done once it is done (`upgraded`); `None` where it runs no operation.
    pub(crate) past_tense: Option<&'static str>,
    /// Runs it.
    pub(crate) run: fn(Call) -> LocalBoxFuture<'static, Result<Exit, Failure>>,
}

/// The permissions a verb needs. `rbac` prints them as a role.
pub(crate) enum Rights {
    /// It needs none.
    None,
    /// In the database's namespace: a Role.
    Namespace(fn() -> Vec<Permission>),
    /// In every namespace, or for objects that have none: a `ClusterRole`.
    Cluster(fn() -> Vec<Permission>),
}

impl Rights {
    /// The permissions, wherever they are needed.
    pub(crate) fn permissions(&self) -> Vec<Permission> {
        match self {
            Self::None => Vec::new(),
            Self::Namespace(permissions) | Self::Cluster(permissions) => permissions(),
        }
    }

    /// The kind of the role that grants them; `None` where none is needed.
    pub(crate) const fn role(&self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Namespace(_) => Some("Role"),
            Self::Cluster(_) => Some("ClusterRole"),
        }
    }
}

/// A verb as it was typed.
pub(crate) struct Call {
    pub(crate) globals: Globals,
    pub(crate) printer: Printer,
    /// Every verb there is, for those verbs that list them.
    pub(crate) verbs: &'static [Verb],
    matches: ArgMatches,
}

impl Verb {
    /// Its part of the command line.
    pub(crate) fn command(&self) -> Command {
        let command = (self.arguments)(Command::new(self.name)).about(self.about);
        if self.examples.is_empty() { command } else { command.after_help(format!("Examples:\n  {}", self.examples)) }
    }
}

/// The whole command line: kubectl's client flags, and one subcommand for each verb.
pub(crate) fn command(verbs: &'static [Verb]) -> Command {
    Globals::augment_args(Command::new(PROGRAM))
        .bin_name("kubectl stateful")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Move databases safely while their cluster changes under them")
        .arg_required_else_help(true)
        .subcommand_required(true)
        .subcommands(verbs.iter().map(Verb::command))
        .after_help(
            "Examples:
  # See every database, its members, and what may be moved now
  kubectl stateful status -A

  # Upgrade a Redis Cluster without losing or failing a write
  kubectl stateful upgrade redis --version 8.0

  # Empty a node: primaries switch over first, one member at a time
  kubectl stateful drain node-3

Flags go after the plugin's name: kubectl stateful -n shop status (kubectl accepts none before it).",
        )
}

impl Call {
    /// Reads a command line. The error holds the help, the version or what is wrong with it.
    pub(crate) fn read(verbs: &'static [Verb], words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let matches = command(verbs).try_get_matches_from(words)?;
        let globals = Globals::from_arg_matches(&matches)?;
        Ok(Self { printer: Printer::new(&globals), globals, verbs, matches })
    }

    /// Runs the verb that was typed, one of `verbs`.
    pub(crate) async fn dispatch(mut self, verbs: &'static [Verb]) -> Result<Exit, Failure> {
        let typed = self.matches.remove_subcommand();
        let chosen = typed.and_then(|(name, matches)| Some((verbs.iter().find(|verb| verb.name == name)?, matches)));
        let Some((verb, matches)) = chosen else {
            return Err(Failure::usage("a verb is missing").hint("see them all: kubectl stateful --help"));
        };
        (verb.run)(Self { matches, ..self }).await
    }

    /// The arguments of the verb that runs.
    pub(crate) fn args<A: FromArgMatches>(&self) -> Result<A, Failure> {
        A::from_arg_matches(&self.matches).map_err(|error| Failure::usage(error.to_string()))
    }

    /// The cluster the flags lead to.
    pub(crate) async fn context(&self) -> Result<Context, Failure> {
        Context::new(&self.globals, self.printer).await
    }
}
