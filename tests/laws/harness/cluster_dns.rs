//! Threads of the load that use the cluster's DNS.

use std::fs;

use anyhow::{Result, ensure};
use stateful_harness::{Context, resolv_conf_of_cluster_dns};

pub(super) async fn only_a_thread_that_uses_the_clusters_dns_sees_its_settings(_context: &mut Context) -> Result<()> {
    let machine = fs::read_to_string("/etc/resolv.conf")?;
    let inside = resolv_conf_of_cluster_dns().await?;
    ensure!(inside == "nameserver 172.30.0.1\n", "a thread of the load sees {inside:?}");
    ensure!(fs::read_to_string("/etc/resolv.conf")? == machine, "the machine's settings were changed");
    Ok(())
}
