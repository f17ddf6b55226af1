# CLUSTER=existing: the user's own cluster, named by KUBECONFIG. Nothing in it is changed here.
# shellcheck shell=bash

# A kubectl that is already there: the test cluster's own is not compiled just to ask a question.
any_kubectl() {
  if [[ -x $BIN_DIR/kubectl ]]; then
    "$BIN_DIR/kubectl" "$@"
  else
    command kubectl "$@"
  fi
}

check_existing_cluster() {
  [[ ${KUBECONFIG:-} ]] || refuse "CLUSTER=existing needs KUBECONFIG to say which cluster."
  [[ -x $BIN_DIR/kubectl ]] || type -P kubectl > /dev/null || refuse "CLUSTER=existing needs kubectl on the PATH."
  [[ ! -d $RUN_DIR ]] || refuse "The project's own test cluster is running: stop it with 'make cluster-down' before using an existing one."
  [[ $(existing_version) ]] || refuse "The cluster of KUBECONFIG=$KUBECONFIG does not answer."
}

existing_version() {
  any_kubectl get --raw /version --request-timeout 10s 2> /dev/null | sed -nE 's/.*"gitVersion": "([^"]+)".*/\1/p' || true
}

use_existing_cluster() {
  mkdir -p "$CLUSTER_DIR"
  # Written beside and renamed: KUBECONFIG may name the very file that is written.
  any_kubectl config view --raw --flatten > "$KUBECONFIG_FILE.new"
  chmod 600 "$KUBECONFIG_FILE.new"
  mv "$KUBECONFIG_FILE.new" "$KUBECONFIG_FILE"
  say "The existing cluster answers ($(existing_version)); its access is copied to $KUBECONFIG_FILE."
}
