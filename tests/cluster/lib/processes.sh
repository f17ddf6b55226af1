# Starting and ending processes by recorded pid. A record survives a crash, and its number may by then be somebody
# else's process: so it carries the process's start time too, and counts only while that and the command line agree.
# shellcheck shell=bash

# start_daemon NAME COMMAND...: detached, output in log/NAME.log, pid in pids/NAME.
start_daemon() {
  local name=$1
  shift
  mkdir -p "$PID_DIR" "$LOG_DIR"
  setsid "${CLEAN_ENVIRONMENT[@]}" "$@" > "$LOG_DIR/$name.log" 2>&1 < /dev/null 9>&- &
  record_pid "$name" $!
}

record_pid() { printf '%s %s\n' "$2" "$(start_time "$2")" > "$PID_DIR/$1"; }

# In clock ticks since the machine booted. The name before it in stat may hold spaces, so it is cut off first.
start_time() { sed 's/.*) //' "/proc/$1/stat" 2> /dev/null | cut -d ' ' -f 20; }

# Prints the pid recorded under NAME if that process lives and is ours.
running_pid() {
  local pid since
  read -r pid since 2> /dev/null < "$PID_DIR/$1" || return 1
  [[ $since && $(start_time "$pid") == "$since" ]] || return 1
  tr '\0' ' ' 2> /dev/null < "/proc/$pid/cmdline" | grep -qF "$CLUSTER_DIR" || return 1
  printf '%s' "$pid"
}

# SIGKILL: this is a test cluster, its state is thrown away or must survive a power loss anyway.
kill_recorded() {
  local pid
  if pid=$(running_pid "$1"); then
    kill -KILL "$pid" 2> /dev/null || true
    wait_until 10 "process $pid ($1) is gone" process_is_gone "$pid"
  fi
  rm -f "$PID_DIR/$1"
}

process_is_gone() { [[ ! -d /proc/$1 || $(awk '/^State:/ {print $2}' "/proc/$1/status" 2> /dev/null) == Z ]]; }
