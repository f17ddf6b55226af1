# The machine's side of the network: a bridge the nodes are plugged into, and routes to their pods.
#
# Addresses are fixed by a node's number i: node 172.30.0.1i, pods 10.244.i.0/24. All routes for nine nodes are made at
# once, so adding a node changes nothing on the others.
# shellcheck shell=bash

make_bridge() {
  [[ -d /sys/class/net/$BRIDGE ]] || ip link add "$BRIDGE" type bridge
  ip link set "$BRIDGE" alias "$PROJECT_DIR"
  ip addr replace "$HOST_IP/24" dev "$BRIDGE"
  ip link set "$BRIDGE" up
  local i
  for i in $(seq "$MAX_NODES"); do ip route replace "10.244.$i.0/24" via "172.30.0.1$i" dev "$BRIDGE"; done
  # Services: through the first node's kube-proxy, since the machine has none. Who ends node1 ends this with it.
  ip route replace "$SERVICE_RANGE" via 172.30.0.11 dev "$BRIDGE"
}

# Its routes and ports go with it.
remove_bridge() { [[ ! -d /sys/class/net/$BRIDGE ]] || ip link delete "$BRIDGE"; }

# plug_in NODE INDEX PID: a cable from the bridge into the node's network namespace. The hardware address is fixed,
# because the others still have it in their tables when a node comes back.
plug_in() {
  unplug "$1"
  ip link add "sf-$1" type veth peer name eth0 address "02:00:ac:1e:00:1$2" netns "$3"
  ip link set "sf-$1" master "$BRIDGE" up
}

unplug() { [[ ! -d /sys/class/net/sf-$1 ]] || ip link delete "sf-$1"; }

# kubelets set these for the whole machine; they are put back when the cluster goes.
MACHINE_SETTINGS=(vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys kernel.keys.root_maxbytes)

remember_machine_settings() {
  [[ -s $RUN_DIR/sysctl ]] || sysctl "${MACHINE_SETTINGS[@]}" 2> /dev/null > "$RUN_DIR/sysctl" || true
}
restore_machine_settings() { [[ ! -s $RUN_DIR/sysctl ]] || sysctl -q -p "$RUN_DIR/sysctl"; }
