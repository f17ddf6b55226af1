# How the cluster scripts speak: one line per stage with the seconds it took, and one sentence when something is wrong.
# shellcheck shell=bash

say() { printf '%s\n' "$*"; }

# Something is wrong that the reader can put right. Nothing has been changed when this is called.
refuse() {
  printf '%s\n' "$*" >&2
  exit 2
}

# Something broke half way.
fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

# stage "What it does" LOG COMMAND...: runs the command in a subshell with its output in LOG, and prints one line at its end: how
# long it took, and how much of that was processor time. While the command runs, the last line of its log is printed at least
# every 10 s.
stage() {
  local title=$1 log=$2 started=${EPOCHREALTIME/./} next=5 self=$BASHPID before silence
  shift 2
  mkdir -p "$(dirname "$log")"
  before=$(processor_seconds "$self")
  exec {silence}<> <(:) # nothing ever comes out of it: a wait on it is a sleep that starts no process
  ("$@") > "$log" 2>&1 9>&- &
  local job=$! seconds
  while kill -0 "$job" 2> /dev/null; do
    read -rt 0.05 -u "$silence" || true
    seconds=$(((${EPOCHREALTIME/./} - started) / 1000000))
    if ((seconds >= next)); then
      printf '%5d.0 s  ... %s%.70s\n' "$seconds" "$title" "$(tail -n 1 "$log" | tr -cd '[:print:]' | sed 's/^./: &/')"
      next=$((seconds + 8))
    fi
  done
  exec {silence}>&-
  if ! wait "$job"; then
    tail -n 15 "$log" >&2
    fail "$title: failed; the whole log is $log"
  fi
  printf '%s s  %s (%d s of processor time)\n' "$(seconds_since "$started")" "$title" \
    $(($(processor_seconds "$self") - before))
}

# Seconds of processor time (user and system) of all commands that the shell with this process id has waited for.
processor_seconds() { awk -v ticks="$(getconf CLK_TCK)" '{printf "%d", ($16 + $17) / ticks}' "/proc/$1/stat"; }

# Seconds with one decimal since a time in microseconds, padded so that the lines of stages align.
seconds_since() {
  local tenths=$(((${EPOCHREALTIME/./} - $1) / 100000))
  printf '%5d.%d' $((tenths / 10)) $((tenths % 10))
}

# wait_until SECONDS "what should become true" COMMAND...: polls quietly; fails with that sentence when time is up.
wait_until() {
  local limit=$1 what=$2 deadline=$((SECONDS + $1))
  shift 2
  until "$@" > /dev/null 2>&1; do
    ((SECONDS < deadline)) || fail "Waited $limit s, but not yet: $what."
    sleep 0.1
  done
}
