"""PostgreSQL as nodes use it, to be broken: one server, or two under Patroni with etcd and HAProxy in front.

Servers run as an unprivileged user in a folder of their own. url is what nodes connect to; query() asks the server
that takes writes; restart(how) and fail_over() break it and return when it serves again.
"""
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request

import database
import harness
import town
from harness import check

LASTING = {"fsync": "on", "wal_log_hints": "on", "shared_buffers": "64MB"}
# What Patroni is told for all: a failover within about ttl; a commit is answered when the standby has it as well.
COMMON = {"ttl": 8, "loop_wait": 1, "retry_timeout": 3, "synchronous_mode": True}


def shared_folder(parent, name, user):
    """A folder of the unprivileged user below a scratch folder."""
    os.chmod(parent, 0o711)
    path = os.path.join(parent, name)
    os.mkdir(path)
    os.chown(path, user["user"], user["group"])
    return path


class Part:
    """A program that runs as the unprivileged user, its output in a file."""

    def __init__(self, folder, user, name, *command):
        self.folder, self.user, self.name, self.command, self.process = folder, user, name, command, None
        harness.Cleanup.add(self.kill)

    def start(self):
        with open(os.path.join(self.folder, self.name + ".log"), "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.folder, **self.user)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()

    def tail(self):
        with open(os.path.join(self.folder, self.name + ".log"), errors="replace") as log:
            return "%s said:\n%s" % (self.name, "".join(log.readlines()[-30:]))


def psql(host, port, role, name, statement):
    """Rows of text fields, by the server's own client. host: an address, or the folder of the socket."""
    done = subprocess.run([os.path.join(database.binaries(), "psql"), "-XqAt", "-F", "\x1f", "-R", "\x1e",
                           "-v", "ON_ERROR_STOP=1", "-h", host, "-p", str(port), "-U", role, "-d", name,
                           "-c", statement],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=harness.PATIENCE)
    check(done.returncode == 0, statement, "failed:", done.stderr.strip())
    text = done.stdout[:-1] if done.stdout.endswith("\n") else done.stdout
    return [row.split("\x1f") for row in text.split("\x1e")] if text else []


def postmaster(data):
    """The process id of the server of a data folder; None if none runs."""
    try:
        with open(os.path.join(data, "postmaster.pid"), encoding="ascii") as file:
            pid = int(file.readline())
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            return pid if data.encode() in file.read().split(b"\0") else None
    except (OSError, ValueError):
        return None


ALERTS = "SELECT convert_from(json, 'UTF8') FROM wirewatch.alert ORDER BY sequence"


class File:
    """SQLite, one node's own."""

    def __init__(self, scratch):
        self.path = os.path.join(scratch, "ledger.db")
        self.url = "sqlite://" + self.path

    def alerts(self):
        """Once the node that owns it has ended."""
        database = sqlite3.connect(self.path)
        try:
            return [row[0].decode() for row in database.execute("SELECT json FROM alert ORDER BY sequence")]
        finally:
            database.close()


class Single:
    """One server at the centre of the town."""

    def __init__(self, _scratch):
        try:
            self.server = database.Database(LASTING, town.CENTRE)
        except database.Missing as why:
            raise harness.Skip(why)
        harness.Cleanup.add(self.server.remove)
        with open(os.path.join(self.server.data, "pg_hba.conf"), "a", encoding="ascii") as file:
            file.write("host all all 10.77.0.0/24 trust\n")
        self.server.start()
        self.url = "postgresql://%s@%s:%d/%s" % (database.ROLE, town.CENTRE, self.server.port,
                                                 self.server.new("wirewatch"))

    def query(self, statement):
        return self.server.sql(statement, "wirewatch")

    def alerts(self):
        return [text for text, in self.query(ALERTS)]

    def restart(self, how):
        """how: fast, or kill. Seconds without a server."""
        started = time.monotonic()
        if how == "kill":
            self.server.kill()
        else:
            self.server.stop()
        self.server.start()
        return time.monotonic() - started

    def remember(self):
        """Keep its state; go_back() returns to it, as a standby does that was behind when it took over."""
        self.server.stop()
        shutil.copytree(self.server.data, self.server.data + ".kept")
        self.server.start()

    def go_back(self):
        self.server.stop()
        shutil.rmtree(self.server.data)
        os.rename(self.server.data + ".kept", self.server.data)
        for path, _, files in os.walk(self.server.data):
            for name in ("", *files):
                os.chown(os.path.join(path, name), self.server.user["user"], self.server.user["group"])
        self.server.start()

    def story(self):
        return "the database said:\n" + self.server.said()[-3000:]


class Member:
    """A server and its Patroni."""

    def __init__(self, folder, user, number):
        self.folder, self.port, self.api = folder, 5433 + number, 8008 + number
        self.data = os.path.join(folder, "data%d" % number)
        config = os.path.join(folder, "patroni%d.json" % number)  # YAML reads JSON
        address = "127.0.0.1:%d"
        with open(config, "w", encoding="ascii") as file:
            json.dump({
                "scope": "wirewatch", "name": "member%d" % number, "etcd3": {"host": "127.0.0.1:2379"},
                "restapi": {"listen": address % self.api, "connect_address": address % self.api},
                "bootstrap": {"dcs": {**COMMON, "postgresql": {"use_pg_rewind": True, "parameters": LASTING}},
                              "initdb": [{"auth": "trust"}, {"encoding": "UTF8"}, "no-sync"]},
                "postgresql": {
                    "listen": address % self.port, "connect_address": address % self.port, "data_dir": self.data,
                    "bin_dir": database.binaries(), "pgpass": os.path.join(folder, "pgpass%d" % number),
                    "authentication": {"superuser": {"username": "postgres"}, "replication": {"username": "postgres"}},
                    "parameters": {"unix_socket_directories": folder},
                    "pg_hba": ["local all all trust", "host all all 127.0.0.1/32 trust",
                               "host replication all 127.0.0.1/32 trust"]}}, file)
        self.patroni = Part(folder, user, "patroni%d" % number, "/usr/bin/patroni", config)
        harness.Cleanup.add(self.kill)

    def ask(self, path, data=None):
        """The answer of its HTTP interface: (status, text); (0, reason) if there is none."""
        try:
            with urllib.request.urlopen("http://127.0.0.1:%d%s" % (self.api, path), data, timeout=20) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def is_primary(self):
        return self.ask("/primary")[0] == 200

    def is_standby(self):
        """One that has every commit."""
        return self.ask("/synchronous")[0] == 200

    def kill(self):
        """As if its machine lost power."""
        self.patroni.kill()
        pid = postmaster(self.data)
        if pid:
            os.kill(pid, signal.SIGKILL)
            check(harness.wait_until(lambda: postmaster(self.data) is None), "a killed server lives")


HAPROXY = """global
    maxconn 200
defaults
    mode tcp
    timeout connect 2s
    timeout client 1h
    timeout server 1h
    timeout check 2s
listen postgresql
    bind %s:5000
    option httpchk GET /primary
    http-check expect status 200
    default-server inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
    server member0 127.0.0.1:5433 check port 8008
    server member1 127.0.0.1:5434 check port 8009
"""


class Pair:
    """Two servers under Patroni, the standby synchronous; HAProxy leads to the one that takes writes."""

    def __init__(self, scratch):
        try:
            user = database.unprivileged()
            database.binaries()
        except database.Missing as why:
            raise harness.Skip(why)
        for path in ("/usr/bin/patroni", "/usr/bin/etcd", "/usr/sbin/haproxy"):
            if not os.access(path, os.X_OK):
                raise harness.Skip("%s is not installed" % path)
        self.folder = folder = shared_folder(scratch, "pair", user)
        etcd = Part(folder, user, "etcd", "/usr/bin/etcd", "--data-dir", os.path.join(folder, "etcd"),
                    "--listen-client-urls", "http://127.0.0.1:2379", "--advertise-client-urls", "http://127.0.0.1:2379",
                    "--listen-peer-urls", "http://127.0.0.1:2380")
        with open(os.path.join(folder, "haproxy.cfg"), "w", encoding="ascii") as file:
            file.write(HAPROXY % town.CENTRE)
        haproxy = Part(folder, user, "haproxy", "/usr/sbin/haproxy", "-db", "-f", os.path.join(folder, "haproxy.cfg"))
        self.members = [Member(folder, user, number) for number in range(2)]
        self.rebuilt = 0
        self.parts = [etcd, haproxy, *(member.patroni for member in self.members)]
        for part in self.parts:
            part.start()
        self.settle()
        for text in ("CREATE ROLE {} LOGIN", "CREATE DATABASE wirewatch", "GRANT CREATE ON DATABASE wirewatch TO {}"):
            self.query(text.format(database.ROLE), "postgres")
        self.url = "postgresql://%s@%s:5000/wirewatch" % (database.ROLE, town.CENTRE)

    def primary(self):
        return next((member for member in self.members if member.is_primary()), None)

    def settle(self, patience=60):
        """Until one takes writes and the other has every commit, as both Patroni and PostgreSQL say."""
        def settled():
            try:
                return any(m.is_standby() for m in self.members) and self.query(
                    "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'", "postgres") == [["1"]]
            except AssertionError:
                return False
        if not harness.wait_until(settled, patience / 2):
            self._rebuild()
            check(harness.wait_until(settled, patience), "no primary with a standby;", self.story())

    def _rebuild(self):
        """As an operator does whose standby went another way than the primary and cannot be rewound."""
        primary = self.primary()
        check(primary, "no primary;", self.story())
        standby = next(member for member in self.members if member is not primary)
        standby.kill()
        shutil.rmtree(standby.data)
        standby.patroni.start()
        self.rebuilt += 1

    def query(self, statement, name="wirewatch"):
        member = self.primary()
        check(member, "no primary;", self.story())
        return psql(self.folder, member.port, "postgres", name, statement)

    def alerts(self):
        return [text for text, in self.query(ALERTS)]

    def _wait_served(self, started):
        """Until a client that comes by the front door can write."""
        def served():
            try:
                psql(town.CENTRE, 5000, "postgres", "postgres", "CREATE TEMPORARY TABLE t (n int)")
                return True
            except AssertionError:
                return False
        check(harness.wait_until(served, 60), "no primary;", self.story())
        return time.monotonic() - started

    def restart(self, how):
        """fast: by Patroni's hand; kill: behind its back. Seconds without a server."""
        member, started = self.primary(), time.monotonic()
        check(member, "no primary;", self.story())
        if how == "kill":
            before = postmaster(member.data)
            os.kill(before, signal.SIGKILL)
            check(harness.wait_until(lambda: postmaster(member.data) != before), "the server does not end")
        else:
            # 503: it is at something else.
            check(harness.wait_until(lambda: member.ask("/restart", b"{}")[0] == 200), "no restart;", self.story())
        return self._wait_served(started)

    def fail_over(self):
        """The machine of the server that takes writes loses power and comes back as the standby later; seconds."""
        self.settle()
        victim, started = self.primary(), time.monotonic()
        victim.kill()
        other = next(member for member in self.members if member is not victim)
        check(harness.wait_until(other.is_primary, 60), "no failover;", self.story())
        took = self._wait_served(started)
        victim.patroni.start()
        return took

    def story(self):
        return "\n".join(part.tail() for part in self.parts)
