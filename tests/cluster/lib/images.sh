# Database images: built from Debian packages by the Containerfiles in images/, unpacked once, shared by all nodes.
# IMAGES names those that are wanted (IMAGES='redis-7.0 redis-8.0' make cluster); without it, all are.
#
# A folder images/redis-7.0 becomes localhost/stateful/redis:7.0. It holds a Containerfile and, if the build needs a
# file that is made first, a program `prepare` which is given the build folder. Everything an image is made of goes
# into its stamp, so a change in one folder rebuilds that image and those that stand on it, and no other.
# shellcheck shell=bash

IMAGE_SOURCE=$SOURCE_DIR/images
IMAGE_DIR=$CLUSTER_DIR/images
IMAGE_STORE=$IMAGE_DIR/store # a containerd root with every image unpacked; nodes are seeded from it

image_names() { find "$IMAGE_SOURCE" -mindepth 2 -name Containerfile -printf '%h\n' | xargs -n 1 basename | sort; }

# Every pod needs the image of its pause container, whatever else is wanted.
wanted_images() { if [[ ${IMAGES:-} ]]; then printf '%s\n' pause-1 $IMAGES | sort -u; else image_names; fi; }

check_images() {
  local name
  for name in ${IMAGES:-}; do
    [[ -f $IMAGE_SOURCE/$name/Containerfile ]] ||
      refuse "IMAGES names '$name', which is none of the test cluster's images: $(image_names | paste -sd ' ')."
  done
}

image_reference() { printf 'localhost/stateful/%s:%s' "${1%-*}" "${1##*-}"; }

# The folder name of the image this one stands on; nothing for FROM scratch.
image_parent() {
  sed -nE 's|^FROM localhost/stateful/([^:]+):(\S+).*|\1-\2|p' "$IMAGE_SOURCE/$1/Containerfile"
}

# The programs beside the folders that its `prepare` calls.
image_makers() {
  [[ ! -f $IMAGE_SOURCE/$1/prepare ]] || grep -oE '\bmake_[a-z]+' "$IMAGE_SOURCE/$1/prepare" | sort -u
}

image_stamp() {
  local parent
  parent=$(image_parent "$1")
  {
    [[ -z $parent ]] || image_stamp "$parent"
    # shellcheck disable=SC2046 # one word for each program is meant
    (cd "$IMAGE_SOURCE" && find "$1" make_rootfs debian_sources $(image_makers "$1") -type f -print0 | sort -zu | xargs -0 sha256sum)
  } | sha256sum | cut -c 1-16
}

image_is_built() { [[ -s $IMAGE_DIR/$1.tar && $(cat "$IMAGE_DIR/$1.stamp" 2> /dev/null) == $(image_stamp "$1") ]]; }
image_is_stored() { cmp -s "$IMAGE_DIR/$1.stamp" "$IMAGE_STORE/stamps/$1"; }

images_to_build() { for_each_image image_is_built; }
images_to_store() { for_each_image image_is_stored; }
for_each_image() {
  local name
  for name in $(wanted_images); do "$1" "$name" || printf '%s\n' "$name"; done
}

# few_or_count NAMES: for a line of progress, the images by name where they fit, and else how many they are.
few_or_count() {
  local -a names
  read -rd '' -a names <<< "$1" || true
  if ((${#names[@]} > 5)); then echo "${#names[@]} images"; else echo "the images ${names[*]}"; fi
}

# buildah in a mount namespace of its own: its storage keeps a mount while it runs, which must not stay on the machine.
run_buildah() {
  STORAGE_DRIVER=overlay BUILDAH_ISOLATION=chroot unshare --mount \
    buildah --root "$IMAGE_DIR/buildah/root" --runroot "$IMAGE_DIR/buildah/run" "$@"
}

build_image() {
  local name=$1 context parent
  image_is_built "$name" && return
  parent=$(image_parent "$name")
  [[ -z $parent ]] || build_image "$parent"
  echo "image $name"
  context=$IMAGE_DIR/context/$name
  rm -rf "$context"
  mkdir -p "$context"
  cp "$IMAGE_SOURCE/$name/"* "$context/"
  [[ ! -x $IMAGE_SOURCE/$name/prepare ]] || "$IMAGE_SOURCE/$name/prepare" "$context"
  pack_image "$name" "$context"
  image_stamp "$name" > "$IMAGE_DIR/$name.stamp"
  rm -rf "$context"
}

# pack_image NAME FOLDER: what the folder's Containerfile says, as an archive.
pack_image() {
  local name=$1 context=$2 reference
  reference=$(image_reference "$name")
  run_buildah bud --quiet --pull-never --network host --tag "$reference" "$context"
  # Not compressed: it never leaves this machine, and unpacking a compressed layer is most of the time an import takes.
  rm -f "$IMAGE_DIR/$name.tar"
  run_buildah push --quiet --disable-compression "$reference" "oci-archive:$IMAGE_DIR/$name.tar:$reference"
}

build_images() {
  mkdir -p "$IMAGE_DIR"
  local name
  for name in $(wanted_images); do build_image "$name"; done
}

# Unpacks what is new into the store.
store_images() {
  local -a names
  mapfile -t names < <(images_to_store)
  unpack_images "${names[@]}"
}

# unpack_images NAME...: into the store, by a containerd that lives for just that long. Its socket is in a private /run.
unpack_images() {
  local -a names=("$@")
  mkdir -p "$IMAGE_STORE/stamps" "$IMAGE_STORE/containerd"
  # shellcheck disable=SC2016 # expanded by the inner shell
  unshare --mount --pid --fork --kill-child=SIGKILL --mount-proc bash -euo pipefail -c '
    mount -t tmpfs tmpfs /run
    root=$1 archives=$2
    shift 2
    containerd --root "$root" --state /run/state --address /run/store.sock --log-level warn &
    until ctr --address /run/store.sock version > /dev/null 2>&1; do sleep 0.1; done
    for name; do ctr --address /run/store.sock --namespace k8s.io images import "$archives/$name.tar"; done
    kill %1
    wait %1' - "$IMAGE_STORE/containerd" "$IMAGE_DIR" "${names[@]}"
  local name
  for name in "${names[@]}"; do cp "$IMAGE_DIR/$name.stamp" "$IMAGE_STORE/stamps/$name"; done
}

# Fills an empty disk from the store. Unpacked layers and blobs are never written in place, so hard links do;
# the two databases are, so each node gets its own copy.
seed_images() {
  local disk=$1 database
  mkdir -p "$disk"
  cp -al "$IMAGE_STORE/containerd/." "$disk/"
  (cd "$IMAGE_STORE/containerd" && find . -name '*.db') | while read -r database; do
    cp --remove-destination "$IMAGE_STORE/containerd/$database" "$disk/$database"
  done
}
