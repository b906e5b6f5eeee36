#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The parent of one run, in a session of its own, so that it outlives the worker that started it.
# It is copied into the run's state directory and works there, by files; guard-state.ts names them.
#
#   guard.sh run KIND TIMEOUT GRACE NONCE WINDOW COMMAND...
#
# KIND is `group` (COMMAND leads the process group to kill) or `container` (the pid to kill is in `container.pid`,
# and `kill.sh`, `wait.sh`, `remove.sh` talk to the container engine). TIMEOUT and GRACE are seconds, WINDOW is bytes.
#
# The order of what it does is a promise to its readers:
#   guard    its pid and start time, before anything else; whoever links this name first owns the run
#   job      pid and start time of COMMAND
#   cause    `timeout` or `stopped`; the first one stays
#   ended    exit status, once the job is dead and everything with its nonce is gone
#   swept    when the last look found nothing with the nonce; nobody has to look again
#   done     once the whole output is in `output`, followed by the marker; or `lost` when it cannot be
#   bell     gets a byte with either, for a reader who sleeps
# SIGUSR1 says that `container.exit` holds the status of a container that has ended, while podman still tidies up.
# Each is written at once, in one line; a reader takes an empty one for none. Forks are counted here: with two processors and
# a dozen jobs each of them is felt.
set -u
umask 077

started_at() { # PID: field 22 of /proc/PID/stat, in $started; the name in field 2 may hold blanks
  started=0
  read -r line 2>/dev/null <"/proc/$1/stat" || return 1
  line=${line##*) }
  # shellcheck disable=SC2086
  set -- $line
  started=${20}
}

is_gone() { # PID: true for a zombie, too: we have not waited for it
  read -r line 2>/dev/null <"/proc/$1/stat" || return 0
  case ${line##*) } in Z* | X*) return 0 ;; esac
  return 1
}

# The relay copies the pipe to a file. It waits when the reader is WINDOW bytes behind, so the job blocks in its own
# write and the disk holds no endless backlog. dd writes each read at once: a line is seen when it is printed.
relay() { # WINDOW
  size=0
  while :; do
    while [ ! -e ended ]; do
      seen=0
      # shellcheck disable=SC2094 # nobody writes it here, the reader renames it into place
      read -r seen 2>/dev/null <seen
      [ $((size - ${seen:-0})) -lt "$1" ] && break
      sleep 0.02
    done
    dd bs=65536 count=512 >>output 2>relay.err || exit 1
    # "F+P records in": fewer than were allowed means that the pipe has ended.
    # A warning about partial reads, which are the rule in a pipe, may stand before it.
    records=0+0
    while read -r records word _; do [ "$word" = records ] && break; done <relay.err
    [ $((${records%+*} + ${records#*+})) -lt 512 ] && exit 0
    size=$(wc -c <output)
    # A process that escaped may hold the pipe open and print for ever: what follows the marker is not the job's.
    [ -e ended ] && has_marker 34000000 && exit 0
  done
}

has_marker() { # BYTES at the end of the output
  # shellcheck disable=SC2094 # only read here
  read -r marker <marker
  tail -c "$1" output | grep -qF -e "$marker"
}

first_cause() { # WHY
  echo "$1" >"cause.$$" && ln "cause.$$" cause 2>/dev/null
  rm -f "cause.$$"
}

signal_job() { # SIGNAL
  if [ "$kind" = group ]; then
    kill "-$1" "-$job" 2>/dev/null
    [ "$1" = TERM ] && kill -CONT "-$job" 2>/dev/null
  elif [ -s container.pid ]; then
    kill "-$1" "$(cat container.pid)" 2>/dev/null || sh kill.sh "$1" >/dev/null 2>&1
  else
    # The container is still being made: ending its maker is all that can be done.
    kill "-$1" "-$job" 2>/dev/null
  fi
}

watch() {
  sleep "$timeout"
  first_cause timeout
  signal_job TERM
  sleep "$grace"
  signal_job KILL
  sweep
}

carriers() { # pids in the run's control groups, and /proc/PID/environ of every process that carries the nonce
  while read -r group; do
    while read -r pid; do echo "$pid"; done <"$group/cgroup.procs"
  done <cgroups
  grep -lsF -e "GROUNDCREW_NONCE=$nonce" /proc/[0-9]*/environ
}

freezers() { # STATE; a frozen group cannot fork away from the kill below (v1; v2 has cgroup.kill)
  while read -r group; do
    if [ -e "$group/freezer.state" ]; then echo "$1" >"$group/freezer.state"; fi
    if [ "$1" = FROZEN ] && [ -e "$group/cgroup.kill" ]; then echo 1 >"$group/cgroup.kill"; fi
  done <cgroups
}

sweep() { # kills until nothing is left; gives up on what even SIGKILL does not end within about 10 s
  rounds=0
  while [ "$rounds" -lt 500 ]; do
    rounds=$((rounds + 1))
    found=
    [ "$kind" = group ] && kill -KILL "-$job" 2>/dev/null
    [ -s cgroups ] && freezers FROZEN 2>/dev/null
    for pid in $(carriers 2>/dev/null); do
      pid=${pid#/proc/}
      pid=${pid%/environ}
      kill -KILL "$pid" 2>/dev/null && found=yes
    done
    [ -s cgroups ] && freezers THAWED 2>/dev/null
    [ -z "$found" ] && return 0
    sleep 0.02
  done
  return 1
}

lost() {
  cp relay.err lost.new 2>/dev/null
  echo 'the output could not be kept' >>lost.new
  mv lost.new lost
}

# Waits for COMMAND, or for the word that the container below it has ended. In $status how; $is_early: it is still there.
await_job() {
  is_early=
  while :; do
    wait "$job"
    status=$?
    # A signal ends the wait, too. What has not been waited for keeps its number.
    kill -0 "$job" 2>/dev/null || return 0
    if [ -s container.exit ]; then
      read -r status <container.exit
      is_early=yes
      return 0
    fi
  done
}

# The engine removes its container before it returns, if it had one and was not killed: $engine is how it ended, and from
# 128 on it may have been killed. Engine and container are two: when only the engine's command was killed, its container
# still runs; when the monitor was killed too, nobody removes what is dead.
judge_engine() {
  [ -s container.pid ] || return 0
  [ "$kind" = container ] || return 0
  [ "$engine" -ge 128 ] || is_removed=yes
  read -r first <container.pid
  if ! is_gone "$first"; then
    if ! status=$(sh wait.sh 2>/dev/null); then
      status=137
      # It does not know what still is there: it was killed before it started it, and nobody's command has run.
      is_gone "$first" || : >unstarted
    fi
    # podman may have removed it before it was asked.
    [ -s container.exit ] && read -r status <container.exit
    is_removed=
  fi
}

end_watch() {
  kill -KILL "-$watch" 2>/dev/null
  kill -KILL "$watch" 2>/dev/null
}

run() {
  started_at $$ || exit 71
  set -C # the name is taken by one only
  echo "$$ $started" 2>/dev/null >guard || exit 71
  set +C
  mkfifo pipe || exit 72
  setsid sh guard.sh relay "$window" <pipe >/dev/null 2>&1 &
  relay=$!
  exec 3>pipe
  trap : USR1 # it has to end a wait, not us
  setsid "$@" </dev/null >&3 2>&3 3>&- &
  job=$!
  started_at "$job"
  echo "$job $started" >job
  setsid sh guard.sh watch "$kind" "$timeout" "$grace" "$nonce" "$job" </dev/null >/dev/null 2>&1 3>&- &
  watch=$!
  rm -f pipe

  await_job
  is_removed=
  if [ -z "$is_early" ]; then
    engine=$status
    judge_engine
    end_watch
    sweep && : >swept
  else
    # A container's processes end with its first: the kernel has seen to what the sweep is for.
    end_watch
  fi
  echo "$status" >ended

  # The marker says where the output ends even if an escaped process still holds the pipe.
  trap '' PIPE
  # shellcheck disable=SC2094 # only read here
  read -r marker <marker
  printf '%s' "$marker" >&3
  exec 3>&-
  rounds=0
  while :; do
    rounds=$((rounds + 1))
    # The relay ends by itself when the pipe does; looking into the output costs more, and is for the other case.
    if is_gone "$relay"; then
      has_marker 1000000 && break
      lost
      break
    fi
    # An engine that still tidies up holds the pipe.
    [ -n "$is_early" ] && has_marker 1000000 && break
    if [ "$rounds" -gt 20 ]; then
      has_marker 1000000 && break
      [ "$rounds" -gt 600 ] && lost && break
      sleep 0.05
    else
      sleep 0.005
    fi
  done
  [ -e lost ] || : >'done'
  echo >bell
  if [ -n "$is_early" ]; then
    sweep && : >swept
    engine=0
    while kill -0 "$job" 2>/dev/null; do
      wait "$job"
      engine=$?
    done
    judge_engine
  fi
  kill -KILL "-$relay" 2>/dev/null
  if [ "$kind" = container ]; then
    [ -n "$is_removed" ] || sh remove.sh >/dev/null 2>&1 || exit 0
    # An engine that was killed before it started what it had made forgets it: first process and monitor then wait for
    # ever, and the worker, who knows how, has to end them.
    first=0
    [ -s container.pid ] && read -r first <container.pid
    is_gone "$first" || exit 0
    : >removed
  fi
  exit 0
}

verb=$1
shift
case $verb in
  relay) relay "$1" ;;
  watch)
    kind=$1 timeout=$2 grace=$3 nonce=$4 job=$5
    watch
    ;;
  run)
    kind=$1 timeout=$2 grace=$3 nonce=$4 window=$5
    shift 5
    run "$@"
    ;;
esac
