# Nodes: making, starting, stopping and emptying them. What runs inside one is in ../machine.
# shellcheck shell=bash

node_names() { [[ ! -d $NODE_DIR ]] || find "$NODE_DIR" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort; }
node_index() { printf '%s' "${1#node}"; }
node_lives() { running_pid "$1" > /dev/null; }

# The image's version is counted up when a node is replaced, as a cloud's node image upgrade does.
node_image_version() { printf 'StatefulTest-%s.%s' "${KUBERNETES_VERSION#v}" "$(cat "$NODE_DIR/$1/generation")"; }

node_labels() {
  local zone=$(($(node_index "$1") % 3 + 1))
  printf 'agentpool=db,kubernetes.azure.com/agentpool=db,topology.kubernetes.io/zone=zone-%s,%s' "$zone" \
    "kubernetes.azure.com/node-image-version=$(node_image_version "$1")"
}

# A node that was never there: identity and an empty disk.
create_node() {
  local name=$1
  mkdir -p "$NODE_DIR/$name" "$LOG_DIR/$name"
  rm -f "$LOG_DIR/$name/"*
  echo 1 > "$NODE_DIR/$name/generation"
  issue_certificate "$name" "system:node:$name" system:nodes "DNS:$name,IP:172.30.0.1$(node_index "$name")"
  write_kubeconfig "$NODE_DIR/$name/kubelet.kubeconfig" "$name"
  format_disk "$name"
}

# Empties the disk. Like a cloud's node image it already holds the container images.
format_disk() {
  local disk=$NODE_DIR/$1/disk
  rm -rf "$disk"
  mkdir -p "$disk"/{lib,log}
  tr -d - < /proc/sys/kernel/random/uuid > "$disk/machine-id"
  seed_images "$disk/lib/containerd"
}

# Power on. The pid recorded is that of the node's PID 1 as the machine sees it.
boot_node() {
  local name=$1 index starter pid
  index=$(node_index "$name")
  cat /proc/sys/kernel/random/uuid > "$NODE_DIR/$name/boot_id"
  node_labels "$name" > "$NODE_DIR/$name/labels"
  make_cgroups "$name"
  start_daemon "$name" unshare --mount --net --pid --uts --ipc --fork --kill-child=SIGKILL --mount-proc \
    bash "$SOURCE_DIR/machine" "$name" "$index" "$SOURCE_DIR" "$CLUSTER_DIR"
  read -r starter _ < "$PID_DIR/$name"
  until pid=$(cut -d ' ' -f 1 "/proc/$starter/task/$starter/children") && [[ $pid ]]; do sleep 0.02; done
  record_pid "$name" "$pid"
  plug_in "$name" "$index" "$pid"
}

# Power off: unplugged first, because processes that die with a network still say goodbye over it, which a power loss
# does not. With its PID 1 the kernel ends everything in the node, containers and shims too, and its mounts go with the
# last process. Its cgroups are emptied as a reboot would: a kubelet that starts on leftovers looks for each of those
# containers for 3 s.
cut_power() {
  unplug "$1"
  kill_recorded "$1"
  remove_cgroups "$1"
}

CGROUPS=(cpu cpuacct cpuset memory devices freezer blkio pids systemd unified)

# One cgroup root per node, or kubelets delete each other's pods.
make_cgroups() {
  local group
  for group in "${CGROUPS[@]}"; do
    [[ ! -d /sys/fs/cgroup/$group ]] || mkdir -p "/sys/fs/cgroup/$group/stateful-$1"
  done
  for group in cpus mems; do # a cpuset is born empty and takes no process until it is filled
    cat "/sys/fs/cgroup/cpuset/cpuset.$group" > "/sys/fs/cgroup/cpuset/stateful-$1/cpuset.$group"
  done
}

# Tried until it works: a group is busy until the last process in it is gone altogether.
remove_cgroups() { wait_until 10 "the cgroups of $1 are removed" try_remove_cgroups "$1"; }
try_remove_cgroups() {
  local tree
  for tree in /sys/fs/cgroup/*/"stateful-$1"; do
    [[ ! -d $tree ]] || find "$tree" -depth -type d -exec rmdir {} + || return 1
  done
}

delete_node() {
  cut_power "$1"
  rm -rf "${NODE_DIR:?}/$1"
}

# "True", "False" or "Unknown", and the boot id it was said for.
node_report() {
  kubectl get node "$1" --ignore-not-found --request-timeout 5s \
    -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status} {.status.nodeInfo.bootID}'
}

# Ready as of this boot: a node that was off for a moment is still called Ready from before.
node_is_ready() { [[ $(node_report "$1") == "True $(cat "$NODE_DIR/$1/boot_id")" ]]; }
node_is_not_ready() { [[ $(node_report "$1") != True* ]]; }

# All in one question, for the check that is made each time.
nodes_are_ready() {
  local reports name
  reports=$(kubectl get nodes --request-timeout 5s \
    -o 'jsonpath={range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status} {.status.nodeInfo.bootID}{"\n"}{end}')
  for name in "$@"; do
    grep -qxF "$name True $(cat "$NODE_DIR/$name/boot_id")" <<< "$reports" || return 1
  done
}

# Images built while the nodes run.
load_images_into_nodes() {
  local name image
  for name in $(node_names); do
    node_lives "$name" || continue
    for image in "$@"; do
      in_node "$name" ctr --namespace k8s.io images import - < "$IMAGE_DIR/$image.tar"
    done
  done
}

in_node() {
  local pid
  pid=$(running_pid "$1")
  shift
  nsenter --target "$pid" --mount --net --pid --uts --ipc -- "$@"
}
