# etcd, the API server, the controllers, the scheduler, DNS and the volume provisioner: plain processes on the machine.
# shellcheck shell=bash

CONTROL_PLANE=(etcd kube-apiserver kube-controller-manager kube-scheduler coredns volume-provisioner)

start_api() {
  start_daemon etcd "$BIN_DIR/etcd" --data-dir "$RUN_DIR/etcd" --name test --log-level warn --unsafe-no-fsync \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380
  # enable-aggregator-routing: the API server calls webhooks by pod address, as it has no kube-proxy beside it.
  # aggregator: both authorities are one, so 1.36 asks who may name a user in a header. No certificate bears that name.
  # InternalIP: exec, logs and port-forward reach kubelets by address, because node names are not in DNS.
  # shellcheck disable=SC2054 # Node,RBAC is one argument
  local flags=(
    --etcd-servers http://127.0.0.1:2379
    --bind-address "$HOST_IP" --secure-port 6443 --advertise-address "$HOST_IP"
    --tls-cert-file "$PKI_DIR/apiserver.crt" --tls-private-key-file "$PKI_DIR/apiserver.key"
    --client-ca-file "$PKI_DIR/ca.crt" --requestheader-client-ca-file "$PKI_DIR/ca.crt" --requestheader-allowed-names aggregator
    --kubelet-client-certificate "$PKI_DIR/admin.crt" --kubelet-client-key "$PKI_DIR/admin.key"
    --kubelet-preferred-address-types InternalIP
    --service-account-issuer https://kubernetes.default.svc
    --service-account-key-file "$PKI_DIR/service-accounts.key"
    --service-account-signing-key-file "$PKI_DIR/service-accounts.key"
    --service-cluster-ip-range "$SERVICE_RANGE"
    --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction
    --enable-aggregator-routing --allow-privileged
  )
  start_daemon kube-apiserver "$BIN_DIR/kube-apiserver" "${flags[@]}"
}

start_controllers() {
  # Pod ranges are fixed by node number, so node CIDRs are not allocated here: the two would disagree.
  local flags=(
    --kubeconfig "$PKI_DIR/controllers.kubeconfig" --bind-address 127.0.0.1 --leader-elect=false
    --authentication-kubeconfig "$PKI_DIR/controllers.kubeconfig"
    --authorization-kubeconfig "$PKI_DIR/controllers.kubeconfig"
    --use-service-account-credentials --service-account-private-key-file "$PKI_DIR/service-accounts.key"
    --root-ca-file "$PKI_DIR/ca.crt"
    --cluster-signing-cert-file "$PKI_DIR/ca.crt" --cluster-signing-key-file "$PKI_DIR/ca.key"
    --node-monitor-grace-period 20s --node-monitor-period 2s
    --kube-api-qps 200 --kube-api-burst 400
  )
  start_daemon kube-controller-manager "$BIN_DIR/kube-controller-manager" "${flags[@]}"
  local scheduler=$PKI_DIR/scheduler.kubeconfig
  start_daemon kube-scheduler "$BIN_DIR/kube-scheduler" --kubeconfig "$scheduler" --bind-address 127.0.0.1 \
    --authentication-kubeconfig "$scheduler" --authorization-kubeconfig "$scheduler" --leader-elect=false
}

# DNS stands on the machine's end of the bridge: pods and programs outside of pods resolve the same names there.
start_dns() {
  sed "s|@HOST_IP@|$HOST_IP|; s|@KUBECONFIG@|$PKI_DIR/admin.kubeconfig|" "$SOURCE_DIR/config/Corefile" > "$RUN_DIR/Corefile"
  start_daemon coredns "$BIN_DIR/coredns" -conf "$RUN_DIR/Corefile"
}

start_provisioner() {
  kubectl apply -f "$SOURCE_DIR/config/storage.yaml"
  start_daemon volume-provisioner "$BIN_DIR/volume-provisioner" --kubeconfig "$PKI_DIR/admin.kubeconfig" --folder "$VOLUME_DIR"
}

api_answers() { kubectl get --raw /readyz --request-timeout 2s; }

api_answers_or_died() { api_answers || ! running_pid kube-apiserver; }

control_plane_lives() {
  local part
  for part in "${CONTROL_PLANE[@]}"; do running_pid "$part" > /dev/null || return 1; done
  api_answers > /dev/null 2>&1
}

start_control_plane() {
  mkdir -p "$RUN_DIR" "$VOLUME_DIR"
  make_pki
  write_kubeconfig "$KUBECONFIG_FILE" admin
  remember_machine_settings
  make_bridge
  start_api
  wait_until 60 "the API server answers (see $LOG_DIR/kube-apiserver.log)" api_answers_or_died
  api_answers > /dev/null || fail "The API server ended: see $LOG_DIR/kube-apiserver.log"
  start_controllers
  start_dns
  start_provisioner
}
