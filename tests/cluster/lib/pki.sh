# Certificates: one authority, one certificate per identity. Elliptic curves, because a dozen RSA keys take seconds.
# shellcheck shell=bash

make_authority() {
  mkdir -p "$PKI_DIR"
  new_key ca
  openssl req -x509 -new -key "$PKI_DIR/ca.key" -days 3650 -subj /CN=stateful-test-ca -out "$PKI_DIR/ca.crt"
  new_key service-accounts
}

# In the older "EC PRIVATE KEY" form: the API server reads no public key out of the newer one.
new_key() { openssl ecparam -genkey -noout -name prime256v1 -out "$PKI_DIR/$1.key"; }

# issue_certificate FILE COMMON-NAME ORGANISATION ALTERNATIVE-NAMES
issue_certificate() {
  new_key "$1"
  openssl req -new -key "$PKI_DIR/$1.key" -subj "/O=$3/CN=$2" |
    openssl x509 -req -CA "$PKI_DIR/ca.crt" -CAkey "$PKI_DIR/ca.key" -set_serial "0x$(openssl rand -hex 8)" -days 3650 \
      -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$4") \
      -out "$PKI_DIR/$1.crt" 2> /dev/null
}

# write_kubeconfig FILE CERTIFICATE: everything inline, so that the file works wherever it is copied to.
write_kubeconfig() {
  cat > "$1" << EOF
apiVersion: v1
kind: Config
clusters:
- name: stateful-test
  cluster:
    server: https://$HOST_IP:6443
    certificate-authority-data: $(base64 -w 0 "$PKI_DIR/ca.crt")
users:
- name: $2
  user:
    client-certificate-data: $(base64 -w 0 "$PKI_DIR/$2.crt")
    client-key-data: $(base64 -w 0 "$PKI_DIR/$2.key")
contexts:
- name: stateful-test
  context: {cluster: stateful-test, user: $2}
current-context: stateful-test
EOF
  chmod 600 "$1"
}

make_pki() {
  make_authority
  issue_certificate apiserver kube-apiserver stateful-test \
    "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,DNS:localhost,IP:127.0.0.1,IP:$HOST_IP,IP:${SERVICE_RANGE%.0/*}.1"
  issue_certificate admin admin system:masters DNS:admin
  issue_certificate controllers system:kube-controller-manager stateful-test DNS:controllers
  issue_certificate scheduler system:kube-scheduler stateful-test DNS:scheduler
  issue_certificate proxy system:kube-proxy stateful-test DNS:proxy
  local name
  for name in admin controllers scheduler proxy; do write_kubeconfig "$PKI_DIR/$name.kubeconfig" "$name"; done
}
