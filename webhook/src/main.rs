//! `stateful-webhook`: the guard.
mod answer;
mod attempt;
mod review;
mod rules;

fn main() {}
