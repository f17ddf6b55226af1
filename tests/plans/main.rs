//! Plans as golden files: a folder a case, `look.txt` is what is seen, `plan.txt` what is drawn up from it, exactly.
//! No cluster is needed: the same look gives the same plan. `UPDATE_GOLDEN=1` writes every `plan.txt` anew.

mod member_line;
mod restore;
mod snapshot;
mod text;

use std::path::{Path, PathBuf};
use std::{env, fs};

use snapshot::Case;
use stateful_operations::{Origin, make_plan};

fn cases() -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans");
    let entries = fs::read_dir(here).expect("the folder of plans").map(|entry| entry.expect("an entry").path());
    let mut cases: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    cases.sort();
    cases
}

fn drawn_up(folder: &Path) -> String {
    let text = fs::read_to_string(folder.join("look.txt")).expect("look.txt");
    let Case { snapshot, goal, policy, image_before, replicas_before, backups } = snapshot::read(&text);
    let mut origin = Origin::of(&snapshot);
    if let Some(image) = image_before {
        origin.image = image;
    }
    if let Some(replicas) = replicas_before {
        origin.replicas = replicas;
    }
    let drawn = make_plan(&goal, &snapshot, origin, &policy);
    let restored = backups.map(|looked| restore::text(&drawn, &goal, &snapshot, &looked));
    text::text(&drawn) + &restored.unwrap_or_default()
}

#[test]
fn every_look_gives_its_plan() {
    let mut wrong = Vec::new();
    for folder in cases() {
        let found = drawn_up(&folder);
        let golden = folder.join("plan.txt");
        if env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&golden, &found).expect("a writable plan.txt");
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if found != expected {
            let case = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            wrong.push(format!("== {case}\n-- expected\n{expected}-- drawn up\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "{}\nUPDATE_GOLDEN=1 accepts what was drawn up", wrong.join("\n"));
}

#[test]
fn the_same_look_gives_the_same_plan() {
    for folder in cases() {
        assert_eq!(drawn_up(&folder), drawn_up(&folder), "{}", folder.display());
    }
}
