"""PostgreSQL as nodes use it, to be broken: one server, or two under Patroni with etcd and HAProxy in front.

Servers run as an unprivileged user in a folder of their own. url is what nodes connect to; query() asks the server
that takes writes; restart(how) and fail_over() break it and return when it serves again; settle() waits until it can
stand the next fault.
"""
import glob
import json
import os
import pwd
import signal
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request

import harness
import town
from harness import check

USER = "postgres"
PARAMETERS = {"max_connections": "60", "shared_buffers": "64MB", "wal_log_hints": "on", "synchronous_commit": "on",
              "log_min_messages": "warning"}
# What Patroni is told for all: a failover within about ttl; a commit is answered when the standby has it as well.
COMMON = {"ttl": 8, "loop_wait": 1, "retry_timeout": 3, "synchronous_mode": True}


def programs():
    """The folder of PostgreSQL's programs, the newest; None if it is not installed."""
    found = glob.glob("/usr/lib/postgresql/*/bin/postgres")
    return os.path.dirname(max(found, key=lambda path: int(path.split("/")[4]))) if found else None


def why_not(*needed):
    """Why there can be no database here; None if there can."""
    try:
        pwd.getpwnam(USER)
    except KeyError:
        return "no user " + USER
    if not programs():
        return "PostgreSQL is not installed"
    missing = [name for name in needed if not os.access(name, os.X_OK)]
    return missing[0] + " is not installed" if missing else None


def shared_folder(parent, name):
    """A folder of the unprivileged user below a scratch folder."""
    os.chmod(parent, 0o711)
    path = os.path.join(parent, name)
    os.mkdir(path)
    owner = pwd.getpwnam(USER)
    os.chown(path, owner.pw_uid, owner.pw_gid)
    return path


class Part:
    """A program that runs as the unprivileged user, its output in a file."""

    def __init__(self, folder, name, *command):
        self.folder, self.name, self.command, self.process = folder, name, command, None

    def start(self):
        with open(os.path.join(self.folder, self.name + ".log"), "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.folder, user=USER, group=USER, extra_groups=[])
        harness.Cleanup.add(self.kill)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()

    def tail(self):
        with open(os.path.join(self.folder, self.name + ".log"), errors="replace") as log:
            return "%s said:\n%s" % (self.name, "".join(log.readlines()[-30:]))


def run_as_user(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, user=USER, group=USER, extra_groups=[], cwd="/", timeout=harness.PATIENCE)
    check(done.returncode == 0, " ".join(command), "failed:", done.stdout.strip())


def psql(host, port, database, statement):
    """Rows of text fields, by the server's own client. host: an address, or the folder of the socket."""
    done = subprocess.run([os.path.join(programs(), "psql"), "-XqAt", "-F", "\x1f", "-R", "\x1e",
                           "-v", "ON_ERROR_STOP=1", "-h", host, "-p", str(port), "-U", USER, "-d", database,
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


class Postgres:
    """What the judges want to know of the one or the other."""

    def alerts(self):
        """The JSON of each, in the order of sequences."""
        return [row[0] for row in self.query("SELECT convert_from(json, 'UTF8') FROM alert ORDER BY sequence")]


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


class Single(Postgres):
    """One server at the centre of the town."""
    port = 5432

    def __init__(self, scratch):
        why = why_not()
        if why:
            raise harness.Skip(why)
        self.folder = shared_folder(scratch, "pg")
        self.data, self.bin = os.path.join(self.folder, "data"), programs()
        run_as_user(os.path.join(self.bin, "initdb"), "-A", "trust", "-U", USER, "-E", "UTF8", "--no-sync",
                    "-D", self.data)
        with open(os.path.join(self.data, "postgresql.auto.conf"), "a", encoding="ascii") as file:
            file.writelines("%s = '%s'\n" % pair for pair in {
                **PARAMETERS, "listen_addresses": town.CENTRE, "port": str(self.port),
                "unix_socket_directories": self.folder}.items())
        with open(os.path.join(self.data, "pg_hba.conf"), "a", encoding="ascii") as file:
            file.write("host all all 10.77.0.0/24 trust\n")
        harness.Cleanup.add(self.end)
        self.control("start")
        self.query("CREATE DATABASE wirewatch", "postgres")
        self.url = "postgresql://%s@%s:%d/wirewatch" % (USER, town.CENTRE, self.port)

    def control(self, *words):
        run_as_user(os.path.join(self.bin, "pg_ctl"), "-D", self.data, "-w",
                    "-l", os.path.join(self.folder, "log"), *words)

    def query(self, statement, database="wirewatch"):
        return psql(self.folder, self.port, database, statement)

    def restart(self, how):
        """how: smart, fast or immediate, as pg_ctl has it. Seconds without a server."""
        started = time.monotonic()
        self.control("restart", "-m", how)
        return time.monotonic() - started

    def settle(self):
        self.query("SELECT 1")

    def story(self):
        with open(os.path.join(self.folder, "log"), errors="replace") as log:
            return "the database said:\n" + "".join(log.readlines()[-30:])

    def end(self):
        pid = postmaster(self.data)
        if pid:
            self.control("stop", "-m", "immediate")


class Member:
    """A server and its Patroni."""

    def __init__(self, folder, number):
        self.number, self.folder, self.port, self.api = number, folder, 5433 + number, 8008 + number
        self.data = os.path.join(folder, "data%d" % number)
        config = os.path.join(folder, "patroni%d.json" % number)  # YAML reads JSON
        address = "127.0.0.1:%d"
        with open(config, "w", encoding="ascii") as file:
            json.dump({
                "scope": "wirewatch", "name": "member%d" % number, "etcd3": {"host": "127.0.0.1:2379"},
                "restapi": {"listen": address % self.api, "connect_address": address % self.api},
                "bootstrap": {"dcs": {**COMMON, "postgresql": {"use_pg_rewind": True, "parameters": PARAMETERS}},
                              "initdb": [{"auth": "trust"}, {"encoding": "UTF8"}, "no-sync"]},
                "postgresql": {
                    "listen": address % self.port, "connect_address": address % self.port, "data_dir": self.data,
                    "bin_dir": programs(), "pgpass": os.path.join(folder, "pgpass%d" % number),
                    "authentication": {"superuser": {"username": USER}, "replication": {"username": USER}},
                    "parameters": {"unix_socket_directories": folder},
                    "pg_hba": ["local all all trust", "host all all 127.0.0.1/32 trust",
                               "host replication all 127.0.0.1/32 trust"]}}, file)
        self.patroni = Part(folder, "patroni%d" % number, "/usr/bin/patroni", config)
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


class Pair(Postgres):
    """Two servers under Patroni, the standby synchronous; HAProxy leads to the one that takes writes."""

    def __init__(self, scratch):
        why = why_not("/usr/bin/patroni", "/usr/bin/etcd", "/usr/sbin/haproxy")
        if why:
            raise harness.Skip(why)
        self.folder = folder = shared_folder(scratch, "pair")
        etcd = Part(folder, "etcd", "/usr/bin/etcd", "--data-dir", os.path.join(folder, "etcd"),
                    "--listen-client-urls", "http://127.0.0.1:2379", "--advertise-client-urls", "http://127.0.0.1:2379",
                    "--listen-peer-urls", "http://127.0.0.1:2380")
        with open(os.path.join(folder, "haproxy.cfg"), "w", encoding="ascii") as file:
            file.write(HAPROXY % town.CENTRE)
        haproxy = Part(folder, "haproxy", "/usr/sbin/haproxy", "-db", "-f", os.path.join(folder, "haproxy.cfg"))
        self.members = [Member(folder, number) for number in range(2)]
        self.parts = [etcd, haproxy, *(member.patroni for member in self.members)]
        for part in self.parts:
            part.start()
        self.settle()
        self.query("CREATE DATABASE wirewatch", "postgres")
        self.url = "postgresql://%s@%s:5000/wirewatch" % (USER, town.CENTRE)

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
        check(harness.wait_until(settled, patience), "no primary with a standby;", self.story())

    def query(self, statement, database="wirewatch"):
        member = self.primary()
        check(member, "no primary;", self.story())
        return psql(self.folder, member.port, database, statement)

    def _wait_served(self, started):
        """Until a client that comes by the front door can write."""
        def served():
            try:
                psql(town.CENTRE, 5000, "postgres", "CREATE TEMPORARY TABLE t (n int)")
                return True
            except AssertionError:
                return False
        check(harness.wait_until(served, 60), "no primary;", self.story())
        return time.monotonic() - started

    def restart(self, how):
        """fast: by Patroni's hand; immediate: behind its back. Seconds without a server."""
        member, started = self.primary(), time.monotonic()
        check(member, "no primary;", self.story())
        if how == "immediate":
            before = postmaster(member.data)
            os.kill(before, signal.SIGQUIT)
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
