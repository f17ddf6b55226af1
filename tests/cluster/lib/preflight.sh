# What must be true before anything is changed. Each check that fails ends in one sentence and exit code 2.
# shellcheck shell=bash

PACKAGES=(containerd runc containernetworking-plugins buildah mmdebstrap nftables iproute2 openssl procps)

check_machine() {
  [[ $(uname -s) == Linux ]] || refuse "The test cluster needs Linux, and this is $(uname -s)."
  ((EUID == 0)) || refuse "The test cluster starts namespaces and containers, so it needs root: run it as root or with sudo -E."
  [[ ${NODES:-3} =~ ^[3-$MAX_NODES]$ ]] || refuse "NODES must be a number from 3 to $MAX_NODES, not '${NODES:-}'."
  grep -qw overlay /proc/filesystems || refuse "This kernel has no overlay file system, which containers stand on: load the module 'overlay'."
  unshare --mount --pid --net --fork true 2> /dev/null ||
    refuse "This root may not create namespaces (a container without privileges?), so nodes cannot be started here."
}

check_tools() {
  local tool
  for tool in go apt-get flock; do
    command -v "$tool" > /dev/null || refuse "'$tool' is not on the PATH, and the cluster is built with it."
  done
  python3 -m pip --version > /dev/null 2>&1 ||
    refuse "'python3 -m pip' does not run here (Debian: python3-pip), and MongoDB's server is fetched with it."
  local have
  have=$(go env GOVERSION)
  have=${have#go}
  [[ $(printf '%s\n' "$GO_MINIMUM" "$have" | sort -V | head -n 1) == "$GO_MINIMUM" ]] ||
    refuse "Go $have is too old to compile the cluster: it needs $GO_MINIMUM or newer."
}

# The bridge carries the path of the checkout that made it, so one cluster knows another without a file outside target/.
bridge_owner() { cat "/sys/class/net/$BRIDGE/ifalias" 2> /dev/null; }

# A cluster whose processes all ended without a word (its session was cut off) leaves its bridge behind. Nobody is using
# that; its own checkout knows best how to clear it away.
clear_dead() {
  local owner=$1
  [[ -x $owner/tests/cluster/down && -z $(ss -Hltn 'sport = :6443') ]] || return 1
  say "Clearing away what a dead test cluster of $owner left behind."
  "$owner/tests/cluster/down"
}

check_room() {
  local owner port range holder
  if [[ -d /sys/class/net/$BRIDGE ]]; then
    owner=$(bridge_owner)
    [[ $owner == "$PROJECT_DIR" ]] || clear_dead "$owner" ||
      refuse "A test cluster of another checkout (${owner:-unknown}) is running: stop it there with 'make cluster-down' first."
  fi
  for port in 2379 2380 6443 10257 10259; do
    holder=$(ss -Hltnp "sport = :$port" | head -n 1)
    [[ -z $holder ]] || refuse "Port $port is in use ($(sed -nE 's/.*users:\(\("([^"]+)",pid=([0-9]+).*/by \1, pid \2/p' <<< "$holder")), and the cluster needs it."
  done
  holder=$(ss -Hlun "sport = :53" | awk -v own="$HOST_IP:53" '$4 == own || $4 ~ /^(0\.0\.0\.0|\*|\[::\]):53$/')
  [[ -z $holder ]] || refuse "Port 53 of $HOST_IP is in use, and the cluster's DNS needs it."
  [[ -d /sys/class/net/$BRIDGE ]] && return # half up: the ranges are in use by ourselves
  for range in $NODE_RANGE $POD_RANGE $SERVICE_RANGE; do
    holder=$({ ip -4 route show root "$range"; ip -4 route show match "$range"; } | grep -v '^default' | head -n 1) || true
    [[ -z $holder ]] || refuse "The address range $range is in use on this machine (route: ${holder% }), and the cluster needs it."
  done
}

missing_packages() {
  local package
  for package in "${PACKAGES[@]}"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null) == installed ]] || printf '%s\n' "$package"
  done
}

install_packages() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get update
  # shellcheck disable=SC2046 # one word per package is meant
  apt-get install -y --no-install-recommends $(missing_packages)
}

check_container_runtime() {
  local series
  series=$(containerd --version | awk '{print $3}')
  [[ $series == "$CONTAINERD_SERIES".* ]] ||
    refuse "containerd $series is installed, but the cluster's configuration is written for $CONTAINERD_SERIES (Debian 12)."
}
