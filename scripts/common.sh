# shellcheck shell=sh disable=SC2034,SC2154  # used and set by those who read this file
# For scripts/demo and scripts/check: missing packages, builds out of tree, progress on a terminal.
# Who reads it has set $source, the folder of configure.ac.

LIBRARIES="libcurl4-openssl-dev libssl-dev libevent-dev libxml2-dev libzmq3-dev libsqlite3-dev libpq-dev libyaml-dev libjansson-dev"
BUILD_TOOLS="gcc make libc6-dev autoconf automake libtool pkg-config python3 ca-certificates"

jobs_count=$(nproc 2>/dev/null || echo 2)

say() {
	printf '%s\n' "$*" >&2
}

die() {
	say "$(basename "$0"): $*"
	exit 1
}

# install_missing PACKAGE...: Debian's apt-get, only for what is not there.
install_missing() {
	missing=
	for package in "$@"; do
		state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
		[ "$state" = installed ] || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	command -v apt-get >/dev/null || die "please install:$missing"
	as_root=
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null || die "not root and no sudo; please install:$missing"
		as_root=sudo
	fi
	say "installing:$missing"
	log=$(mktemp)
	# shellcheck disable=SC2086  # words are wanted
	if ! { $as_root apt-get -qq update &&
		$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install $missing; } >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		rm -f "$log"
		die "apt-get failed"
	fi
	rm -f "$log"
}

# install_postgresql: the server programs for tests that start servers of their own, and no server of the machine's.
install_postgresql() {
	settings=/etc/postgresql-common/createcluster.conf
	if [ "$(dpkg-query -W -f '${db:Status-Status}' postgresql-common 2>/dev/null)" != installed ] && [ ! -e "$settings" ]; then
		as_root=
		[ "$(id -u)" -eq 0 ] || as_root=sudo
		# Debian's package would make a database and start it, now and at every boot.
		$as_root mkdir -p "${settings%/*}"
		printf 'create_main_cluster = false\n' | $as_root tee "$settings" >/dev/null
		say "PostgreSQL is installed without a database of its own ($settings says so)"
	fi
	install_missing postgresql
}

# quietly LABEL LOG COMMAND...: run with the output in LOG; a clock while it runs on a terminal. Status of COMMAND.
quietly() {
	label=$1 log=$2
	shift 2
	if [ ! -t 2 ]; then
		"$@" >>"$log" 2>&1 </dev/null
		return
	fi
	"$@" >>"$log" 2>&1 </dev/null &
	pid=$! began=$(date +%s)
	trap 'kill "$pid" 2>/dev/null; printf "\n" >&2; exit 130' INT
	while kill -0 "$pid" 2>/dev/null; do
		printf '\r\033[K%s  %s s' "$label" $(($(date +%s) - began)) >&2
		sleep 0.5
	done
	trap - INT
	printf '\r\033[K' >&2
	wait "$pid"
}

# make_configure: from a clone to ./configure; later changes are noticed by make itself.
make_configure() {
	[ -x "$source/configure" ] || "$source/autogen.sh"
}

# configure_in FOLDER ARGUMENT...: run configure there unless it was run with the same arguments.
configure_in() {
	folder=$1
	shift
	mkdir -p "$folder"
	if [ -f "$folder/Makefile" ] && [ "$(cat "$folder/configured" 2>/dev/null)" = "$*" ]; then
		return 0
	fi
	(cd "$folder" && "$source/configure" "$@") && printf '%s\n' "$*" >"$folder/configured"
}
