# The Go programs: compiled from Go modules into target/cluster/bin, once per version.
# shellcheck shell=bash

KUBE_PARTS=(etcd kube-apiserver kube-controller-manager kube-proxy kube-scheduler kubectl kubelet volume-provisioner)

# The folder that is compiled: kube/ itself, whose go.mod is for the versions in versions.env, or for any other version of Kubernetes
# (KUBERNETES_VERSION=v1.37.2 make cluster) a copy in target/ with a go.mod of its own.
kube_source() {
  if grep -q "k8s.io/kubernetes $KUBERNETES_VERSION$" "$SOURCE_DIR/kube/go.mod"; then
    echo "$SOURCE_DIR/kube"
  else
    echo "$CLUSTER_DIR/kube-$KUBERNETES_VERSION"
  fi
}

kube_stamp() {
  local go
  go=$(go env GOVERSION)
  (cd "$SOURCE_DIR/kube" && { cat main.go */*.go pin go.mod go.sum; echo "$KUBERNETES_VERSION $COREDNS_VERSION $go"; }) |
    sha256sum | cut -c 1-16
}

kube_is_built() { [[ -x $BIN_DIR/kube && $(cat "$BIN_DIR/kube.stamp" 2> /dev/null) == "$(kube_stamp)" ]]; }

pin_kube() {
  mkdir -p "$1"
  cp -r "$SOURCE_DIR/kube/." "$1"
  "$SOURCE_DIR/kube/pin" "$1"
}

build_kube() {
  local flags="-s -w" source package part
  source=$(kube_source)
  [[ $source == "$SOURCE_DIR/kube" ]] || pin_kube "$source"
  # Without these the API server says it is v0.0.0 and kubectl warns at each call.
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $package.gitVersion=$KUBERNETES_VERSION -X $package.gitMajor=1"
    flags+=" -X $package.gitMinor=$(cut -d . -f 2 <<< "$KUBERNETES_VERSION")"
  done
  mkdir -p "$BIN_DIR/new"
  # Both only spare the compiler work, together about a fifth of its processor time: no debugger reads these programs (-dwarf),
  # and a compiler that ends after a second need not collect its garbage as often (GOGC; at most 1 GB for the largest package).
  (cd "$source" && GOGC=400 CGO_ENABLED=0 GOWORK=off GOFLAGS="" \
    go build -v -trimpath -gcflags all=-dwarf=false -ldflags "$flags" -o "$BIN_DIR/new/" ./...)
  # Renamed over the old ones, which a running cluster may still execute.
  mv "$BIN_DIR"/new/* "$BIN_DIR/"
  for part in "${KUBE_PARTS[@]}"; do ln -sf kube "$BIN_DIR/$part"; done
  kube_stamp > "$BIN_DIR/kube.stamp"
}

build_binaries() {
  kube_is_built ||
    stage "Compiled Kubernetes $KUBERNETES_VERSION with etcd, CoreDNS and kubectl" "$LOG_DIR/build-kube.log" build_kube
}
