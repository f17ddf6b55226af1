//! Faults that are injected from outside: frozen or killed processes, a slow or missing network, a stopped kube-proxy, an API server
//! that one client cannot reach.

mod api_server_proxy;
mod network;
mod paused_kube_proxy;
mod processes;

pub use api_server_proxy::ApiServerProxy;
pub use network::{cut_off, end_slow_pod, heal, is_slow, slow_pod};
pub use paused_kube_proxy::PausedKubeProxy;
pub use processes::{Frozen, PodProcesses};
