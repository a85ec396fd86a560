#!/bin/bash
# systemd-box.sh UNITS COMMAND...
#
# Boots a real systemd in pid, mount and cgroup namespaces of its own, runs COMMAND among its
# processes, and ends them all when COMMAND has ended. systemd sees the unit files in the directory
# UNITS and no other: the stock ones clean up /tmp and more. /run is empty inside; files and network
# are those of the machine. Needs root.
#
# systemd-box.sh --missing says what is missing for that here, nothing if nothing is.
set -u

find_systemd() {
  for path in /usr/lib/systemd/systemd /lib/systemd/systemd; do
    [ -x "$path" ] && echo "$path" && return
  done
}

in_namespaces=(unshare --pid --fork --kill-child --mount --mount-proc --cgroup)

missing() {
  [ "$(uname)" = Linux ] || { echo 'no Linux'; return; }
  [ -n "$(find_systemd)" ] || { echo 'no systemd is installed'; return; }
  [ "$(id -u)" = 0 ] || { echo 'not root'; return; }
  "${in_namespaces[@]}" sh -c 'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup' \
    2>/dev/null || echo 'no namespaces or no cgroup2 to be had (a container without privileges?)'
}

# As the first process of the namespaces.
boot() {
  umount -R /sys/fs/cgroup 2>/dev/null
  mount -t cgroup2 none /sys/fs/cgroup && mount -t tmpfs none /run || exit 1
  # Without a colon at its end the path replaces the built-in one.
  exec env -i PATH="$PATH" container=box SYSTEMD_UNIT_PATH="$1" "$(find_systemd)" \
    --system --unit=box.target --log-target=console --show-status=no
}

inside() {
  nsenter --target "$first" --pid --mount --cgroup "$@"
}

if [ "$1" = --missing ]; then missing; exit; fi
if [ "$1" = --boot ]; then boot "$2"; fi

scratch=$(mktemp -d)
trap 'kill -9 "$box" 2>/dev/null; wait "$box" 2>/dev/null; rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$scratch/units"
cp "$1"/* "$scratch/units"
printf '[Unit]\nDefaultDependencies=no\n' >"$scratch/units/box.target"
shift

"${in_namespaces[@]}" "$0" --boot "$scratch/units" </dev/null >"$scratch/log" 2>&1 &
box=$!
for _ in $(seq 200); do
  first=
  read -r first 2>/dev/null <"/proc/$box/task/$box/children"
  state=$([ -n "$first" ] && inside systemctl is-system-running 2>/dev/null)
  case $state in running | degraded) break ;; esac
  kill -0 "$box" 2>/dev/null || break
  sleep 0.05
done
case $state in
  # Beside the shell, so that a signal ends it at once.
  running | degraded) inside "$@" <&0 & wait $! ;;
  *) echo "systemd did not come up:" >&2; cat "$scratch/log" >&2; exit 1 ;;
esac
