# Names and places every script of the cluster shares. Sourced first.
# shellcheck shell=bash

SOURCE_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PROJECT_DIR=$(cd "$SOURCE_DIR/../.." && pwd)
CLUSTER_DIR=$PROJECT_DIR/target/cluster # everything made here lives below it
BIN_DIR=$CLUSTER_DIR/bin                # cached: compiled programs
LOG_DIR=$CLUSTER_DIR/log
RUN_DIR=$CLUSTER_DIR/run                # lives as long as the cluster does
PKI_DIR=$RUN_DIR/pki
PID_DIR=$RUN_DIR/pids
NODE_DIR=$RUN_DIR/nodes
VOLUME_DIR=$RUN_DIR/volumes             # the disks of PersistentVolumeClaims
KUBECONFIG_FILE=$CLUSTER_DIR/kubeconfig

BRIDGE=stateful0
HOST_IP=172.30.0.1
NODE_RANGE=172.30.0.0/24
POD_RANGE=10.244.0.0/16
SERVICE_RANGE=10.96.0.0/16
MAX_NODES=9

# Nothing from the caller's shell but these reaches a daemon: a proxy variable or GOFLAGS would change how it behaves.
CLEAN_ENVIRONMENT=(env -i "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" HOME=/root LANG=C.UTF-8)

# shellcheck source=../versions.env
source "$SOURCE_DIR/versions.env"

kubectl() { "$BIN_DIR/kubectl" --kubeconfig "$KUBECONFIG_FILE" "$@"; }

# One up, down or node command at a time. Descriptor 9 is closed for everything that outlives the command.
take_lock() {
  mkdir -p "$CLUSTER_DIR"
  exec 9> "$CLUSTER_DIR/lock"
  flock --nonblock 9 || {
    say "Waiting for another cluster command of this checkout to finish."
    flock 9
  }
}
