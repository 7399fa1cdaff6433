#!/usr/bin/python3
"""A PostgreSQL server of the test's own: unprivileged, in a temporary folder, gone with the test.

As a command: `database.py run COMMAND…` runs a command with WW_POSTGRES naming an empty database (status 77, and a line
that says so, when no PostgreSQL is installed); `database.py serve` prints that address and serves until its input ends.
"""
import ctypes
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PATIENCE = 60
ROLE = "wirewatch"  # what nodes log in as: it may create things in its database, and no more
# Nothing here survives the machine, and a server that is killed leaves its writes to the kernel.
SETTINGS = {
    "fsync": "off", "shared_buffers": "32MB", "max_connections": "60", "jit": "off", "logging_collector": "off",
    "log_min_messages": "warning", "wal_level": "replica", "autovacuum_naptime": "5s",
}


class Missing(Exception):
    """No PostgreSQL is installed here."""


def binaries():
    """The folder of initdb and postgres, the newest version first."""
    def version(path):
        digits = path.split("/")[-2].split(".")[0]
        return int(digits) if digits.isdigit() else 0
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=version, reverse=True) + \
        glob.glob("/usr/pgsql-*/bin") + os.environ.get("PATH", "").split(":")
    for folder in folders:
        if all(os.access(os.path.join(folder, name), os.X_OK) for name in ("initdb", "postgres", "psql")):
            return folder
    raise Missing("no PostgreSQL server is installed (Debian: postgresql)")


def unprivileged():
    """Popen's arguments for a user that PostgreSQL agrees to run as: it refuses root."""
    if os.geteuid():
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise Missing("there is no user that PostgreSQL could run as")


def die_with_parent():
    """The server ends when the thread that started it does, however that happens."""
    ctypes.CDLL(None).prctl(1, signal.SIGQUIT)  # PR_SET_PDEATHSIG


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Database:
    """A server; start it, and stop it whatever happens. Also a context: `with Database() as db`."""

    def __init__(self, settings=None, addresses="127.0.0.1"):
        self.bin = binaries()
        self.user = unprivileged()
        self.settings = dict(SETTINGS, **(settings or {}))
        self.addresses = addresses  # where it listens, beside a socket in its folder
        self.folder = tempfile.mkdtemp(prefix="ww-pg-", dir=self._root())
        if self.user:
            os.chown(self.folder, self.user["user"], self.user["group"])
        self.data = os.path.join(self.folder, "data")
        self.log = os.path.join(self.folder, "log")
        self.port = free_port()
        self.process = None
        self.made = 0
        try:
            self._run("initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C")
        except Exception:
            self.remove()
            raise

    @staticmethod
    def _root():
        """Where the server's user gets at, and a socket's name is short enough (107 bytes)."""
        root = os.environ.get("TMPDIR", "/tmp")
        return root if len(root) < 60 and (os.geteuid() or os.stat(root).st_mode & 0o1) else "/tmp"

    def _run(self, program, *arguments, **options):
        done = subprocess.run([os.path.join(self.bin, program), *arguments], stdin=subprocess.DEVNULL, cwd="/",
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False,
                              **self.user, **options)
        if done.returncode:
            raise RuntimeError("%s: %s" % (program, done.stderr.strip() or done.stdout.strip()))
        return done.stdout

    # ---- its life ----------------------------------------------------------------

    def start(self):
        """Returns when it takes connections."""
        until = time.monotonic() + PATIENCE
        while True:
            told = len(self.said())
            try:
                self._start(until)
                return self
            except RuntimeError:
                # Children of a server that was killed end a moment later; until then their memory is in the way.
                if "shared memory block" not in self.said()[told:] or time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def _start(self, until):
        arguments = [os.path.join(self.bin, "postgres"), "-D", self.data, "-k", self.folder, "-p", str(self.port),
                     "-c", "listen_addresses=" + self.addresses]
        for name, value in self.settings.items():
            arguments += ["-c", "%s=%s" % (name, value)]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                                            preexec_fn=die_with_parent, **self.user)
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("PostgreSQL does not start: %s" % self.said()[-1000:])
            time.sleep(0.01)

    def _ready(self):
        """The eighth line of its file says so (src/include/utils/pidfile.h), once the pid is the new server's."""
        try:
            with open(os.path.join(self.data, "postmaster.pid"), encoding="ascii") as file:
                lines = file.read().split("\n")
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(self.process.pid) and lines[7].strip() == "ready"

    def _end(self, number):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(PATIENCE)
        self.process = None

    def stop(self):
        """As `pg_ctl stop -m fast`: connections are told and cut."""
        self._end(signal.SIGINT)

    def kill(self):
        """Without a word; what was committed is there again at the next start."""
        if not self.process:
            return
        self.process.kill()
        self.process.wait(PATIENCE)
        self.process = None

    def restart(self):
        self.stop()
        return self.start()

    def remove(self):
        self._end(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.remove()

    def said(self):
        """What the server wrote to its log."""
        try:
            with open(self.log, encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    # ---- what is in it -------------------------------------------------------------

    def uri(self, name, role=ROLE, tcp=False):
        """The address of a database for `ledger`: through the socket, or through the loopback interface."""
        if tcp:
            return "postgresql://%s@127.0.0.1:%d/%s" % (role, self.port, name)
        return "postgresql://%s@/%s?host=%s&port=%d" % (role, name, self.folder, self.port)

    def sql(self, text, name="postgres", role="postgres"):
        """Run SQL; the rows, each a list of texts (a NULL is an empty one)."""
        out = self._run("psql", "-X", "-q", "-A", "-t", "-F", "\x1f", "-R", "\x1e", "-v", "ON_ERROR_STOP=1", "-h",
                        self.folder, "-p", str(self.port), "-U", role, "-d", name, "-c", text).rstrip("\n")
        return [row.split("\x1f") for row in out.split("\x1e")] if out else []

    def new(self, name=None):
        """A new empty database that ROLE may use; its name."""
        self.made += 1
        name = name or "ww%d" % self.made
        self.sql("DO $$ BEGIN CREATE ROLE %s LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$" % ROLE)
        self.sql("CREATE DATABASE %s" % name)
        self.sql("GRANT CREATE ON DATABASE %s TO %s" % (name, ROLE))
        return name

    def cut(self, name=None):
        """Cut every connection to a database, or to all; how many there were."""
        rows = self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend'"
                        " AND pid <> pg_backend_pid()%s" % (" AND datname = '%s'" % name if name else ""))
        return len(rows)


# ---- as a command --------------------------------------------------------------------

def main(arguments):
    if not arguments or arguments[0] not in ("run", "serve") or (arguments[0] == "run") != (len(arguments) > 1):
        sys.exit(__doc__)
    try:
        database = Database()
    except Missing as why:
        print("1..0 # SKIP %s" % why, flush=True)
        return 77
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is removed
    with database:
        uri = database.uri(database.new())
        if arguments[0] == "serve":
            print(uri, flush=True)
            sys.stdin.read()
            return 0
        environment = dict(os.environ, WW_POSTGRES=uri, WW_POSTGRES_ADMIN=database.uri("ww1", role="postgres"))
        return subprocess.run(arguments[1:], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
