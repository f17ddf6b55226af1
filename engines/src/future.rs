//! The futures that the traits of this crate return.

use std::future::Future;
use std::pin::Pin;

/// A boxed future, so that a trait with it can be used as `dyn`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
