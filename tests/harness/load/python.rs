//! A Python that has PyMongo: an environment of its own under `target`, made the first time it is asked for.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::cluster::repository;

/// Exact, so that a gap that grew is not a driver that changed.
const PYMONGO: &str = "pymongo==4.20.0";

/// What has to be there, and how it gets there.
const NEEDED: &str = "the load through PyMongo needs Python 3.11 or later with venv and pip, and a package index that pip \
                      can reach: apt-get install python3-venv";

/// The interpreter.
pub(super) async fn with_pymongo() -> Result<PathBuf> {
    tokio::task::spawn_blocking(made).await?
}

fn made() -> Result<PathBuf> {
    let place = repository().join("target/pymongo");
    fs::create_dir_all(&place)?;
    // Proofs that run at once make it once.
    let lock = File::create(place.join("lock"))?;
    lock.lock()?;
    let environment = place.join(PYMONGO);
    let (python, made) = (environment.join("bin/python"), environment.join("made"));
    if !made.exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
        let install =
            ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", PYMONGO];
        run(Command::new(&python).args(install))?;
        // Last: one that was broken off in the middle is made again.
        File::create(made)?;
    }
    Ok(python)
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().context(NEEDED)?;
    // Both, because venv says on one what it lacks and pip on the other.
    let told = [output.stdout, output.stderr].concat();
    ensure!(output.status.success(), "{NEEDED} (it said: {})", String::from_utf8_lossy(&told).trim());
    Ok(())
}
