#!/bin/bash
# box.sh COMMAND...: run COMMAND in a machine of its own: a booted systemd over a copy-on-write view of this root file
# system, without a network but loopback, or in the network namespace with the path $BOX_NETWORK. Nothing that happens inside
# stays. $BOX_SHARE, a folder, is seen at the same path, read-only. Exit status: COMMAND's; 77 when this machine cannot do it
# (no root, no systemd-nspawn).
set -eu

[ "$(id -u)" -eq 0 ] && command -v systemd-nspawn >/dev/null && command -v nsenter >/dev/null || exit 77

name=box$$
network=--private-network
[ -n "${BOX_NETWORK:-}" ] && network=--network-namespace-path=$BOX_NETWORK
work=$(mktemp -d /tmp/wirewatch-box.XXXXXX)
groups=/sys/fs/cgroup # version 1 with systemd's own hierarchy, or version 2: whatever is mounted below or here
nspawn='' init=''

shut() {
	set +e
	if [ -n "$nspawn" ] && kill -0 "$nspawn" 2>/dev/null; then
		[ -n "$init" ] && kill -s RTMIN+4 "$init" # systemd(1): power off
		for _ in $(seq 100); do
			kill -0 "$nspawn" 2>/dev/null || break
			sleep 0.1
		done
		# The init outlives its nspawn.
		# shellcheck disable=SC2086
		kill -9 $init "$nspawn" 2>/dev/null
		wait "$nspawn" 2>/dev/null
	fi
	mountpoint -q "$work/tmp/root" && umount "$work/tmp/root"
	mountpoint -q "$work/tmp" && umount "$work/tmp"
	rm -rf "$work"
	for at in "$groups" "$groups"/*; do
		[ -d "$at/$name" ] && find "$at/$name" -depth -type d -exec rmdir {} \; 2>/dev/null
	done
}
trap shut EXIT

mkdir "$work/tmp"
mount -t tmpfs -o size=2G tmpfs "$work/tmp"
mkdir "$work/tmp/upper" "$work/tmp/work" "$work/tmp/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/tmp/upper,workdir=$work/tmp/work" "$work/tmp/root" || exit 77
: >"$work/tmp/root/etc/machine-id"
rm -f "$work/tmp/root/usr/sbin/policy-rc.d" # where it exists, packages start nothing

# Control groups of its own, or the systemd inside would move this shell about.
enter_groups() {
	for at in "$groups" "$groups"/memory "$groups"/pids "$groups"/cpu "$groups"/unified "$groups"/systemd; do
		if [ -f "$at/cgroup.procs" ] && mkdir -p "$at/$name" 2>/dev/null; then
			echo "$BASHPID" >"$at/$name/cgroup.procs" || true
		fi
	done
}
(
	enter_groups
	# --register=no, --keep-unit: there is no systemd outside to ask. BPF: for IPAddressDeny.
	exec systemd-nspawn -q -D "$work/tmp/root" "$network" -M "$name" --register=no --keep-unit \
		--capability=CAP_BPF --system-call-filter=bpf ${BOX_SHARE:+--bind-ro="$BOX_SHARE"} \
		-b systemd.unit=basic.target >"$work/console" 2>&1
) &
nspawn=$!

inside() {
	nsenter -t "$init" -a env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 SYSTEMD_PAGER= SYSTEMD_COLORS=0 "$@"
}

for _ in $(seq 300); do
	init=$(pgrep -P "$nspawn" -x systemd || true)
	[ -n "$init" ] && inside systemctl is-system-running 2>/dev/null | grep -qE 'running|degraded' && break
	init=''
	kill -0 "$nspawn" 2>/dev/null || break
	sleep 0.1
done
if [ -z "$init" ]; then
	sed 's/^/box: /' "$work/console" >&2
	exit 77
fi
inside "$@"
