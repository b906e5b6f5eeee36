#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The parent of one run, in a session of its own, so that it outlives the worker that started it.
# It works in the run's state directory, by files; guard-state.ts names them.
#
#   guard.sh run KIND TIMEOUT GRACE NONCE WINDOW COMMAND...
#
# GROUNDCREW_MARKER is what it puts behind the output, GROUNDCREW_GROUPS the run's control groups, one a line.
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
# SIGUSR1 says to look again: at `container.exit`, which holds the status of a container that has ended while podman still
# tidies up; after `ended` for the marker in the output, which an escaped process may keep from ending.
# Each is written at once, in one line; a reader takes an empty one for none. Forks and programs are counted here: with two
# processors and a dozen jobs each of them is felt. What runs beside the guard is a subshell in its process group.
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
      if [ -e seen ]; then read -r seen <seen; fi
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

pause() { # SECONDS; unlike a plain sleep it is cut short when the watch is called off
  sleep "$1" &
  sleeper=$!
  wait "$sleeper"
  sleeper=
}

watch() {
  # Called off, it takes its sleep along. What it left would be nobody's child, and a zombie until somebody reaps it: the
  # worker could not tell that from a watch that still runs, and would look at every process of the machine.
  sleeper=
  trap '[ -z "$sleeper" ] || { kill -KILL "$sleeper"; wait "$sleeper"; }; exit' TERM
  pause "$timeout"
  first_cause timeout
  signal_job TERM
  pause "$grace"
  signal_job KILL
  sweep
}

carriers() { # pids in the run's control groups, and /proc/PID/environ of every process that carries the nonce
  while read -r group; do
    while read -r pid; do echo "$pid"; done <"$group/cgroup.procs"
  done <<-end
	$groups
	end
  grep -lsF -e "GROUNDCREW_NONCE=$nonce" /proc/[0-9]*/environ
}

freezers() { # STATE; a frozen group cannot fork away from the kill below (v1; v2 has cgroup.kill)
  while read -r group; do
    if [ -e "$group/freezer.state" ]; then echo "$1" >"$group/freezer.state"; fi
    if [ "$1" = FROZEN ] && [ -e "$group/cgroup.kill" ]; then echo 1 >"$group/cgroup.kill"; fi
  done <<-end
	$groups
	end
}

nothing_left() { # what the last look of a sweep would find, without its detours
  while read -r group; do
    [ -n "$group" ] && read -r pid 2>/dev/null <"$group/cgroup.procs" && return 1
  done <<-end
	$groups
	end
  ! grep -qsF -e "GROUNDCREW_NONCE=$nonce" /proc/[0-9]*/environ
}

sweep() { # kills until nothing is left; gives up on what even SIGKILL does not end within about 10 s
  [ "$kind" = group ] && kill -KILL "-$job" 2>/dev/null
  nothing_left && return 0
  rounds=0
  while [ "$rounds" -lt 500 ]; do
    rounds=$((rounds + 1))
    found=
    [ "$kind" = group ] && kill -KILL "-$job" 2>/dev/null
    [ -n "$groups" ] && freezers FROZEN 2>/dev/null
    for pid in $(carriers 2>/dev/null); do
      pid=${pid#/proc/}
      pid=${pid%/environ}
      kill -KILL "$pid" 2>/dev/null && found=yes
    done
    [ -n "$groups" ] && freezers THAWED 2>/dev/null
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
  kill -TERM "$watch" 2>/dev/null
  kill -CONT "$watch" 2>/dev/null # somebody may have stopped it
}

# Waits until it is a zombie, which we reap; not for ever, as who stops it once may do it again.
reap_watch() {
  rounds=0
  while [ "$rounds" -lt 40 ]; do
    rounds=$((rounds + 1))
    if is_gone "$watch"; then
      wait "$watch"
      return
    fi
    if [ "$rounds" -gt 20 ]; then sleep 0.05; else sleep 0.005; fi
  done
}

# The relay ends by itself when the pipe does. An escaped process may hold the pipe: looking into the output costs more, so it is
# done when somebody waits for it, who then sends SIGUSR1. An engine that still tidies up holds it, too, and somebody does wait.
# False: the output is not whole.
await_relay() {
  rounds=0
  while [ "$rounds" -lt 600 ]; do
    rounds=$((rounds + 1))
    if [ -z "$is_early" ]; then
      wait "$relay"
      whole=$?
      if ! kill -0 "$relay" 2>/dev/null; then
        [ "$whole" = 0 ] || has_marker 1000000
        return
      fi
      has_marker 1000000 && return 0
    else
      has_marker 1000000 && return 0
      is_gone "$relay" && return 1
      if [ "$rounds" -gt 20 ]; then sleep 0.05; else sleep 0.005; fi
    fi
  done
  return 1
}

# An anonymous pipe, its ends at 4 and 3: dash and busybox keep a short here-document in one, and so need no program. Where
# it is a file, a pipe with a name does it.
make_pipe() {
  exec 4<<-end
	end
  if [ -p /proc/self/fd/4 ] && [ -w /proc/self/fd/4 ]; then
    exec 3>/proc/self/fd/4
    return
  fi
  mkfifo pipe || return 1
  # Opened for both, it does not wait for the other end (fifo(7)).
  # shellcheck disable=SC2094
  exec 5<>pipe 3>pipe 4<pipe 5>&-
  rm -f pipe
}

run() {
  exec 2>guard.log
  started_at $$ || exit 71
  : >output
  : >bell
  # For a worker of a version before 23 November 2026, should it come back.
  echo "$marker" >marker
  set -C # the name is taken by one only
  echo "$$ $started" 2>/dev/null >guard || exit 71
  set +C
  make_pipe || exit 72
  # By exec: around a function the shell would keep copies of what it redirects, and so the pipe open.
  {
    exec <&4 >/dev/null 2>&1 3>&- 4<&-
    relay "$window"
  } &
  relay=$!
  trap : USR1 # it has to end a wait, not us
  {
    exec </dev/null >&3 2>&3 3>&- 4<&-
    if [ "$kind" = group ]; then
      # From its first program on it is found by its nonce; what is ours it does not get.
      unset GROUNDCREW_GUARD LC_ALL
      export GROUNDCREW_NONCE="$nonce"
    fi
    exec setsid "$@"
  } &
  job=$!
  started_at "$job"
  echo "$job $started" >job
  {
    exec </dev/null >/dev/null 2>&1 3>&- 4<&-
    watch
  } &
  watch=$!
  exec 4<&-

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
  printf '%s' "$marker" >&3
  exec 3>&-
  await_relay || lost
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
  [ "$kind" = group ] || remove_container
  reap_watch
  # A relay whose pipe is held open, a watch that was stopped. Us too, for there is nothing left to do.
  kill -KILL "-$$"
}

remove_container() {
  [ -n "$is_removed" ] || sh remove.sh >/dev/null 2>&1 || return 0
  # An engine that was killed before it started what it had made forgets it: first process and monitor then wait for
  # ever, and the worker, who knows how, has to end them.
  first=0
  [ -s container.pid ] && read -r first <container.pid
  if is_gone "$first"; then : >removed; fi
}

marker=$GROUNDCREW_MARKER groups=$GROUNDCREW_GROUPS
unset GROUNDCREW_MARKER GROUNDCREW_GROUPS
kind=$2 timeout=$3 grace=$4 nonce=$5 window=$6
shift 6
run "$@"
