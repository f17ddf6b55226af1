//! A Python with PyMongo: a virtual environment under `target`, created the first time it is needed.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::repository;

/// An exact version, so that a longer gap is not a changed driver.
const PYMONGO: &str = "pymongo==4.20.0";

/// What the machine must have, and how to install it.
const NEEDED: &str = "the load through PyMongo needs Python 3.11 or later with venv and pip, and a package index that pip \
                      can reach: apt-get install python3-venv";

/// The path of the interpreter.
pub(super) async fn with_pymongo() -> Result<PathBuf> {
    tokio::task::spawn_blocking(create).await?
}

fn create() -> Result<PathBuf> {
    let place = repository().join("target/pymongo");
    fs::create_dir_all(&place)?;
    // Laws that run at once create it once.
    let lock = File::create(place.join("lock"))?;
    lock.lock()?;
    let environment = place.join(PYMONGO);
    let (python, made) = (environment.join("bin/python"), environment.join("made"));
    if !made.exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
        let install =
            ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", PYMONGO];
        run(Command::new(&python).args(install))?;
        // Last, so that an interrupted installation is made again.
        File::create(made)?;
    }
    Ok(python)
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().context(NEEDED)?;
    // Both, because venv reports errors on stdout and pip on stderr.
    let told = [output.stdout, output.stderr].concat();
    ensure!(output.status.success(), "{NEEDED} (it printed: {})", String::from_utf8_lossy(&told).trim());
    Ok(())
}
