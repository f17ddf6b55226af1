//! How laws are run on the cluster. A law is a function that proves something; `tests/laws/main.rs` lists them in groups. Laws of one
//! group run one after another, on the same database where it suits them; groups run beside each other. What each law needs for
//! itself (quiet, nodes, the guard) it asks for, and `schedule.rs` grants it. After each law `cleanup.rs` takes back what the law
//! changed, and `report.rs` prints how it ended and where its time went.

mod arguments;
mod cleanup;
mod context;
mod notes;
mod report;
mod run;
mod schedule;
mod times;

use futures::future::LocalBoxFuture;

use crate::cluster::Placement;

pub use cleanup::{Cleanup, Undo};
pub use context::{Context, Quiet};
pub use notes::write as write_note;
pub use run::run;

/// One law: its name is what must always hold.
#[derive(Clone)]
pub struct Law {
    pub(crate) name: String,
    pub(crate) prove: Proof,
    /// Why it runs with `make faults` and not with `make test`, if so.
    pub(crate) slow: Option<&'static str>,
}

/// Fails where the law does not hold.
pub type Proof = for<'a> fn(&'a mut Context) -> LocalBoxFuture<'a, anyhow::Result<()>>;

/// Laws that run one after another, so that they can share a database.
pub struct Group {
    pub(crate) name: String,
    pub(crate) placement: Placement,
    pub(crate) laws: Vec<Law>,
}

impl Law {
    /// A law that `make test` proves. The name is shown without the crate's.
    pub fn new(name: &str, prove: Proof) -> Self {
        let name = name.split_once("::").map_or(name, |(_, path)| path).to_owned();
        Self { name, prove, slow: None }
    }

    /// The same for one engine of several: its name ends with the engine's.
    #[must_use]
    pub fn for_engine(mut self, engine: &str) -> Self {
        self.name = format!("{}::{engine}", self.name);
        self
    }

    /// The same, proven by `make faults` alone, since it takes minutes.
    #[must_use]
    pub fn slow(mut self, reason: &'static str) -> Self {
        self.slow = Some(reason);
        self
    }
}

impl Group {
    /// A group. Its name is part of the names of its namespaces.
    pub fn new(name: impl Into<String>, laws: impl Into<Vec<Law>>) -> Self {
        Self { name: name.into(), placement: Placement::Shared, laws: laws.into() }
    }

    /// The same on nodes of its own, which the laws drain with whatever is on them.
    #[must_use]
    pub fn on_nodes_to_drain(mut self) -> Self {
        self.placement = Placement::NodesToDrain;
        self
    }
}

/// A law of a function, named after the function's path.
#[macro_export]
macro_rules! law {
    ($($name:ident)::+) => {
        $crate::Law::new(&[module_path!(), $(stringify!($name)),+].join("::"), |context| {
            ::futures::FutureExt::boxed_local($($name)::+(context))
        })
    };
}

/// Notes a line of a law's figures or progress: it is shown where the law fails, and kept in the report.
#[macro_export]
macro_rules! note {
    ($($words:tt)*) => { $crate::write_note(&format!($($words)*)) };
}
