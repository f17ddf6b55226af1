//! The house rules of `ARCHITECTURE.md`, each held by a test: who may know whom, who may touch what, and that what is
//! documented is what is there.

mod circles;
mod commands;
mod dependencies;
mod engine_names;
mod files;
mod flaws;
mod golden;
mod manifests;
mod monitoring;
mod names;
mod orders;
mod patterns;
mod policies;
mod printing;
mod promql;
mod reasons;
mod rules;
mod source;
mod statements;
mod steps;
mod time;
mod warnings;
mod words;
mod writes;
