//! `guard install` applies the same objects as `kubectl apply -k manifests`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use stateful_harness::{Context, Plugin};

pub(super) async fn guard_install_applies_what_kustomize_prints(context: &mut Context) -> Result<()> {
    let plugin = Plugin::find(context.cluster())?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the repository")?.join("manifests");
    for (folder, flag) in [("", None), ("cert-manager", Some("--cert-manager"))] {
        let folder = root.join(folder);
        let printed = context.cluster().kubectl(&["kustomize", &folder.to_string_lossy()]).await?;
        let kustomized = by_name(printed.split("\n---\n").map(serde_yaml::from_str).collect::<Result<_, _>>()?)?;
        let args: Vec<&str> = ["guard", "install", "--dry-run=client", "-o", "json"].into_iter().chain(flag).collect();
        let list = plugin.run(&args).await?.expect(0)?.json()?;
        let items = list["items"].as_array().context("a list")?.clone();
        let count = items.len();
        let installed = by_name(items)?;
        ensure!(installed.len() == count, "an object is there twice");
        for (name, object) in &kustomized {
            ensure!(installed.get(name) == Some(object), "{name} differs: {:?} and not {object}", installed.get(name));
        }
        let surplus: Vec<&String> = installed.keys().filter(|name| !kustomized.contains_key(*name)).collect();
        ensure!(surplus.is_empty(), "kustomize does not print {surplus:?}");
    }
    Ok(())
}

/// YAML for a repository has the same objects as JSON for a program, and needs no cluster.
pub(super) async fn a_dry_run_prints_manifests_and_asks_no_api_server(context: &mut Context) -> Result<()> {
    let nowhere = Plugin::find(context.cluster())?.with_kubeconfig("/nonexistent".into());
    let args = ["guard", "install", "--dry-run=client", "--namespace", "platform", "--guard-namespace", "shop"];
    let yaml = nowhere.run(&[&args[..], &["-o", "yaml"]].concat()).await?.expect(0)?.stdout;
    let json = nowhere.run(&[&args[..], &["-o", "json"]].concat()).await?.expect(0)?.json()?;
    let documents: Vec<Value> = yaml.split("\n---\n").map(serde_yaml::from_str).collect::<Result<_, _>>()?;
    ensure!(json["items"].as_array() == Some(&documents), "the two differ");
    let shop = by_name(documents)?.remove("Namespace shop").context("the namespace under guard")?;
    ensure!(shop["metadata"]["labels"]["kubectl-stateful.dev/guard"] == "enabled", "{shop}");
    Ok(())
}

fn by_name(objects: Vec<Value>) -> Result<BTreeMap<String, Value>> {
    let named = objects.into_iter().map(|object| {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).context("an object has a name");
        Ok((format!("{} {}", text("/kind")?, text("/metadata/name")?), object))
    });
    named.collect()
}
