#!/bin/sh
# Make ./configure from configure.ac; needed once after a clone.
set -eu
cd "$(dirname "$0")"
for tool in autoreconf automake libtoolize pkg-config; do
	command -v "$tool" >/dev/null || {
		echo "autogen.sh: $tool is missing; install: autoconf automake libtool pkg-config (Debian), autoconf automake libtool pkgconf-pkg-config (Fedora)" >&2
		exit 1
	}
done
exec autoreconf --force --install --warnings=all
