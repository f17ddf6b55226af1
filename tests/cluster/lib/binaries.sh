# The Go programs: compiled from Go modules into target/cluster/bin, once per version.
# shellcheck shell=bash

KUBE_PARTS=(etcd kube-apiserver kube-controller-manager kube-proxy kube-scheduler kubectl kubelet)

kube_stamp() {
  local go
  go=$(go env GOVERSION)
  { cat "$SOURCE_DIR"/kube/{main.go,go.mod,go.sum}; echo "$go"; } | sha256sum | cut -c 1-16
}

is_built() { [[ -x $BIN_DIR/$1 && $(cat "$BIN_DIR/$1.stamp" 2> /dev/null) == "$2" ]]; }

build_kube() {
  local flags="-s -w" package part
  grep -q "k8s.io/kubernetes $KUBERNETES_VERSION$" "$SOURCE_DIR/kube/go.mod" ||
    { echo "kube/go.mod is not for Kubernetes $KUBERNETES_VERSION of versions.env: run tests/cluster/kube/pin"; return 1; }
  # Without these the API server says it is v0.0.0 and kubectl warns at each call.
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $package.gitVersion=$KUBERNETES_VERSION -X $package.gitMajor=1"
    flags+=" -X $package.gitMinor=$(cut -d . -f 2 <<< "$KUBERNETES_VERSION")"
  done
  mkdir -p "$BIN_DIR"
  (cd "$SOURCE_DIR/kube" && CGO_ENABLED=0 GOWORK=off GOFLAGS="" go build -v -trimpath -ldflags "$flags" -o "$BIN_DIR/kube.new" .)
  # Renamed over the old one, which a running cluster may still execute.
  mv "$BIN_DIR/kube.new" "$BIN_DIR/kube"
  for part in "${KUBE_PARTS[@]}"; do ln -sf kube "$BIN_DIR/$part"; done
  kube_stamp > "$BIN_DIR/kube.stamp"
}

# build_module NAME MODULE VERSION: installs the program NAME of a Go module.
build_module() {
  mkdir -p "$BIN_DIR"
  CGO_ENABLED=0 GOWORK=off GOFLAGS="" GOBIN=$BIN_DIR go install -v -trimpath -ldflags '-s -w' "$2@$3"
  echo "$3" > "$BIN_DIR/$1.stamp"
}

build_binaries() {
  is_built kube "$(kube_stamp)" ||
    stage "Compiled Kubernetes $KUBERNETES_VERSION with etcd and kubectl" "$LOG_DIR/build-kube.log" build_kube
  is_built coredns "$COREDNS_VERSION" ||
    stage "Compiled CoreDNS $COREDNS_VERSION" "$LOG_DIR/build-coredns.log" \
      build_module coredns github.com/coredns/coredns "$COREDNS_VERSION"
  is_built local-path-provisioner "$LOCAL_PATH_VERSION" ||
    stage "Compiled the volume provisioner $LOCAL_PATH_VERSION" "$LOG_DIR/build-local-path.log" \
      build_module local-path-provisioner github.com/rancher/local-path-provisioner "$LOCAL_PATH_VERSION"
}
