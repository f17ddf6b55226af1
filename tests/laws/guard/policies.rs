//! The API server's own policies (`manifests/policies`), which hold while the guard is down: what loses data or blocks every drain is
//! refused, and nothing else.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use stateful_harness::{Cluster, Context, Namespace, until};

/// An API server evaluates a new policy within a second or two.
const ENFORCED_WITHIN: Duration = Duration::from_secs(30);

/// The label that puts something under guard.
const GUARD: &str = "kubectl-stateful.dev/guard";

pub(super) async fn what_loses_data_is_refused_without_the_guard(context: &mut Context) -> Result<()> {
    let namespace = context.namespace().await?;
    let lab = Lab { cluster: context.cluster().clone(), name: namespace.name().to_owned() };
    let _ = context.undo_afterwards("the policies are deleted", {
        let lab = lab.clone();
        async move { lab.delete().await }
    });
    lab.prove(&namespace).await
}

/// A change that is tried: kubectl's arguments and input.
struct Attempt {
    what: &'static str,
    args: Vec<String>,
    input: String,
}

fn create(what: &'static str, object: &Value) -> Attempt {
    let args = ["create", "--filename", "-"].map(ToOwned::to_owned).to_vec();
    Attempt { what, args, input: object.to_string() }
}

fn patch(what: &'static str, object: &str, change: &Value) -> Attempt {
    let change = change.to_string();
    let args = ["patch", object, "--type=merge", "--patch", &change].map(ToOwned::to_owned).to_vec();
    Attempt { what, args, input: String::new() }
}

/// The policies under names and a label of this law's own, so that they concern nothing else in the cluster.
#[derive(Clone)]
struct Lab {
    cluster: Cluster,
    name: String,
}

impl Lab {
    async fn prove(&self, namespace: &Namespace) -> Result<()> {
        self.prepare(namespace).await?;
        let (bad, good) = (self.bad(), self.good());
        for (code, one) in &bad {
            until(one.what, ENFORCED_WITHIN, async || match self.attempt(one).await {
                Ok(_) => bail!("it passed"),
                Err(why) => {
                    let why = why.to_string();
                    ensure!(why.contains(code) && why.contains("Forbidden"), "it is refused for another reason: {why}");
                    Ok(())
                }
            })
            .await?;
        }
        for one in &good {
            self.attempt(one).await.with_context(|| format!("{} does not pass", one.what))?;
        }
        let policies = self.cluster.get(&["validatingadmissionpolicies", "--selector", &self.part_of()]).await?;
        let policies = policies["items"].as_array().context("a list")?;
        ensure!(policies.len() == 4, "{} policies", policies.len());
        for policy in policies {
            let warnings = &policy["status"]["typeChecking"]["expressionWarnings"];
            ensure!(warnings.is_null(), "{}: {warnings}", policy["metadata"]["name"]);
        }
        Ok(())
    }

    /// Creates objects that are older than the policies, then the policies.
    async fn prepare(&self, namespace: &Namespace) -> Result<()> {
        let label = format!("{}=enabled", self.own(GUARD));
        self.cluster.kubectl(&["label", "namespace", namespace.name(), &label]).await?;
        let old_set = database("old-set", &json!({"whenScaled": "Delete"}));
        for object in
            [budget("old", &json!({"maxUnavailable": 0})), budget("good", &json!({"maxUnavailable": 1})), old_set]
        {
            namespace.create(&object.to_string()).await?;
        }
        namespace.create(&database("good-set", &json!(null)).to_string()).await?;
        self.apply(&self.volume().to_string()).await?;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/policies");
        for file in fs::read_dir(folder)? {
            let manifest = fs::read_to_string(file?.path())?;
            if !manifest.contains("kind: Kustomization") {
                self.apply(&self.own(&manifest)).await?;
            }
        }
        Ok(())
    }

    /// The same text with names and the label of this law's own.
    fn own(&self, text: &str) -> String {
        let (name, label) = (&self.name, format!("{}.test/guard", self.name));
        text.replace("stateful-guard", &format!("{name}-stateful-guard")).replace(GUARD, &label)
    }

    fn part_of(&self) -> String {
        self.own("app.kubernetes.io/part-of=stateful-guard")
    }

    async fn apply(&self, manifest: &str) -> Result<()> {
        self.cluster.kubectl_with_input(&["apply", "--filename", "-"], manifest).await.map(drop)
    }

    async fn attempt(&self, one: &Attempt) -> Result<String> {
        let mut args = vec!["--namespace", self.name.as_str()];
        args.extend(one.args.iter().map(String::as_str));
        args.push("--dry-run=server");
        self.cluster.kubectl_with_input(&args, &one.input).await
    }

    async fn delete(&self) -> Result<()> {
        let part_of = self.part_of();
        let kinds = "validatingadmissionpolicybindings,validatingadmissionpolicies";
        self.cluster.kubectl(&["delete", kinds, "--selector", &part_of]).await?;
        self.cluster.kubectl(&["delete", "pv", &self.name, "--ignore-not-found"]).await.map(drop)
    }

    fn volume(&self) -> Value {
        json!({"apiVersion": "v1", "kind": "PersistentVolume",
            "metadata": {"name": self.name, "labels": {self.own(GUARD): "enabled"}},
            "spec": {"capacity": {"storage": "1Mi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/nowhere"},
                "persistentVolumeReclaimPolicy": "Retain", "storageClassName": "none",
                "claimRef": {"namespace": self.name, "name": "unclaimed"}}})
    }

    fn class(&self, policy: &Value, guarded: &str) -> Value {
        json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "none.test",
            "metadata": {"name": self.name, "labels": {self.own(GUARD): guarded}}, "reclaimPolicy": policy})
    }

    fn bad(&self) -> Vec<(&'static str, Attempt)> {
        let (never, lost, volume) = ("STF-BG-002", "STF-ST-001", format!("pv/{}", self.name));
        let deleted = json!({"whenDeleted": "Delete"});
        let mut named = database("set", &deleted);
        named["spec"]["template"]["spec"]["containers"][0]["image"] = json!("private");
        named["metadata"]["annotations"] = json!({"kubectl-stateful.dev/engine": "Valkey"});
        let mut digest = database("set", &deleted);
        digest["spec"]["template"]["spec"]["containers"][0]["image"] = json!("a.test:5000/team/redis@sha256:00");
        let delete = json!({"spec": {"persistentVolumeReclaimPolicy": "Delete"}});
        let mut unlabelled = delete.clone();
        unlabelled["metadata"] = json!({"labels": {self.own(GUARD): null}});
        vec![
            (never, create("no pod may go", &budget("b", &json!({"maxUnavailable": 0})))),
            (never, create("no share may go", &budget("b", &json!({"maxUnavailable": "0%"})))),
            (never, create("no share may go, in many digits", &budget("b", &json!({"maxUnavailable": "000%"})))),
            (never, create("all must stay", &budget("b", &json!({"minAvailable": "100%"})))),
            (never, create("neither is declared", &budget("b", &json!({})))),
            (never, patch("from one to none", "pdb/good", &json!({"spec": {"maxUnavailable": 0}}))),
            (lost, create("claims go with the set", &database("set", &deleted))),
            (lost, create("claims go with the members", &database("set", &json!({"whenScaled": "Delete"})))),
            (lost, create("a database by its annotation", &named)),
            (lost, create("a database by a digest", &digest)),
            (lost, patch("a set begins to lose", "sts/good-set", &retention("whenDeleted", "Delete"))),
            (lost, patch("a set begins to lose more", "sts/old-set", &retention("whenDeleted", "Delete"))),
            ("STF-ST-004", patch("a volume is to be deleted", &volume, &delete)),
            ("STF-ST-004", patch("the label goes with the same patch", &volume, &unlabelled)),
            ("STF-ST-005", create("a class for databases", &self.class(&json!("Delete"), "enabled"))),
            ("STF-ST-005", create("a class that declares nothing", &self.class(&json!(null), "enabled"))),
        ]
    }

    fn good(&self) -> Vec<Attempt> {
        let volume = format!("pv/{}", self.name);
        let deleted = json!({"whenDeleted": "Delete"});
        let with = |image: &str, args: Value| {
            let mut set = database("set", &deleted);
            set["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
            set["spec"]["template"]["spec"]["containers"][0]["args"] = args;
            set
        };
        let label = json!({"metadata": {"labels": {"a": "b"}}});
        let given_up = json!({"metadata": {"labels": {self.own(GUARD): null}}, "spec": {"claimRef": null}});
        vec![
            create("one may go", &budget("b", &json!({"maxUnavailable": 1}))),
            create("a tenth may go", &budget("b", &json!({"maxUnavailable": "10%"}))),
            create("ten of a hundred and ten must stay", &budget("b", &json!({"minAvailable": "10%"}))),
            create("a hundred must stay", &budget("b", &json!({"minAvailable": 100}))),
            patch("an old budget is labelled", "pdb/old", &label),
            patch("an old budget is written in another way", "pdb/old", &json!({"spec": {"maxUnavailable": "0%"}})),
            patch("an old budget is corrected", "pdb/old", &json!({"spec": {"maxUnavailable": 1}})),
            create("claims are kept", &database("set", &json!({"whenDeleted": "Retain", "whenScaled": "Retain"}))),
            create("nothing is declared about claims", &database("set", &json!(null))),
            create("no database", &with("nginx", json!([]))),
            create("an exporter", &with("oliver006/redis_exporter:v1", json!([]))),
            create("a Sentinel", &with("redis:8.0", json!(["--sentinel"]))),
            patch("an old set is labelled", "sts/old-set", &label),
            patch("an old set is corrected", "sts/old-set", &retention("whenScaled", "Retain")),
            patch("a volume is labelled", &volume, &label),
            patch("a volume is given up", &volume, &given_up),
            create("a class that keeps", &self.class(&json!("Retain"), "enabled")),
            create("a class of others", &self.class(&json!("Delete"), "no")),
        ]
    }
}

fn budget(name: &str, spec: &Value) -> Value {
    let mut spec = spec.clone();
    spec["selector"] = json!({"matchLabels": {"app": "redis"}});
    json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": spec})
}

/// A database without members: only its declaration counts here.
fn database(name: &str, claims: &Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name},
        "spec": {"replicas": 0, "serviceName": name, "selector": {"matchLabels": {"app": name}},
            "persistentVolumeClaimRetentionPolicy": claims,
            "template": {"metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "server", "image": "redis:8.0"}]}}}})
}

fn retention(field: &str, value: &str) -> Value {
    json!({"spec": {"persistentVolumeClaimRetentionPolicy": {field: value}}})
}
