# CLUSTER=existing: somebody else's cluster, named by KUBECONFIG. It is looked at and nothing in it is changed.
# shellcheck shell=bash

# A kubectl that is already there: the test cluster's own is not compiled just to ask a question.
any_kubectl() {
  if [[ -x $BIN_DIR/kubectl ]]; then
    "$BIN_DIR/kubectl" "$@"
  else
    command kubectl "$@"
  fi
}

use_existing_cluster() {
  [[ ${KUBECONFIG:-} ]] || refuse "CLUSTER=existing needs KUBECONFIG to say which cluster."
  [[ -x $BIN_DIR/kubectl ]] || type -P kubectl > /dev/null || refuse "CLUSTER=existing needs kubectl on the PATH."
  [[ ! -d $RUN_DIR ]] || refuse "The project's own test cluster is running: stop it with 'make cluster-down' before using an existing one."
  local version
  version=$(any_kubectl get --raw /version --request-timeout 10s 2> /dev/null | sed -nE 's/.*"gitVersion": "([^"]+)".*/\1/p') || true
  [[ $version ]] || refuse "The cluster of KUBECONFIG=$KUBECONFIG does not answer."
  mkdir -p "$CLUSTER_DIR"
  # Written beside and renamed: KUBECONFIG may name the very file that is written.
  any_kubectl config view --raw --flatten > "$KUBECONFIG_FILE.new"
  chmod 600 "$KUBECONFIG_FILE.new"
  mv "$KUBECONFIG_FILE.new" "$KUBECONFIG_FILE"
  say "The existing cluster answers ($version); its access is copied to $KUBECONFIG_FILE."
}
