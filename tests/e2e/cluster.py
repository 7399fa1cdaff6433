"""Several daemons on one PostgreSQL, and a feed server that knows which of them asks."""
import json
import os
import select
import socket
import threading
import time

import database
import feedserver
import harness
from harness import Plain, check


class Judge(feedserver.FeedServer):
    """A feed server that notes which daemon is at the other end of each connection: the log is the judge."""

    def __init__(self):
        super().__init__()
        self.nodes, self.owners = [], {}
        harness.Cleanup.add(self.stop)

    def _serve(self, connection, number):
        self.owners[number] = self._owner(connection)
        super()._serve(connection, number)

    def _owner(self, connection):
        """Tried again: the kernel gives its table piece by piece, and a row may slip through while others come and go."""
        return next((owner for owner in (self._look_up(connection) for _ in range(5)) if owner), None)

    def _look_up(self, connection):
        """Whose socket it is, by /proc/net/tcp (proc(5)) and the daemons' descriptors."""
        try:
            port = connection.getpeername()[1]
        except OSError:
            return None
        with open("/proc/net/tcp", encoding="ascii") as file:
            rows = [line.split() for line in file][1:]
        wanted = (":%04X" % port, ":%04X" % self.port)
        inodes = ["socket:[%s]" % row[9] for row in rows if row[1].endswith(wanted[0]) and row[2].endswith(wanted[1])]
        for node in [node for node in self.nodes if node.process]:
            folder = "/proc/%d/fd" % node.process.pid
            try:
                if any(os.readlink(os.path.join(folder, fd)) in inodes for fd in os.listdir(folder)):
                    return node.name
            except OSError:
                continue
        return None

    def owner(self, request):
        return self.owners.get(request.connection)

    def slow(self, body, pause):
        """A document that takes its time, so that two who ask at once are caught."""
        send = feedserver.document(body)

        def behave(connection, request):
            self.stopping.wait(pause)
            send(connection, request)
        return behave

    def clashes(self):
        """Pairs of requests to one host by two nodes at the same time."""
        found, by_host = [], {}
        for request in self.requests():
            by_host.setdefault(request.host, []).append(request)
        for requests in by_host.values():
            requests.sort(key=lambda r: r.began)
            for before, after in zip(requests, requests[1:]):
                both = self.owner(before), self.owner(after)
                if None not in both and both[0] != both[1] and after.began < (before.ended or float("inf")):
                    found.append((before.host, before.path, both, after.began - before.began))
        return found


class Node(harness.Daemon):
    """A daemon with a name, in a folder of its own."""

    def __init__(self, group, name, feeds, settings=None):
        folder = os.path.join(group.folder, name)
        os.mkdir(folder)
        self.name = name
        super().__init__(folder, feeds, {
            "ledger": group.uri, "cluster.node": name, "cluster.lease": Plain("5s"),
            **(settings or {})})
        group.judge.nodes.append(self)

    def status(self):
        return json.loads(self.get("/status")[1])

    def node(self, name=None):
        """What it knows of a node: itself if none is named."""
        for node in self.status()["nodes"]:
            if node["name"] == (name or self.name):
                return node
        return None

    def held(self):
        """The addresses it polls."""
        return sorted(feed["url"] for feed in json.loads(self.get("/feeds")[1])["feeds"])


class Group:
    """A database, a judge, and daemons to come."""

    def __init__(self, folder):
        with open(harness.DAEMON, "rb") as file:
            if b"PQconnectStartParams" not in file.read():
                raise harness.Skip("built without PostgreSQL")
        try:
            self.database = database.Database()
        except database.Missing as why:
            raise harness.Skip(str(why))
        harness.Cleanup.add(self.database.remove)
        self.database.start()
        self.name = self.database.new()
        self.uri = self.database.uri(self.name)
        self.folder, self.judge = folder, Judge()

    def node(self, name, feeds, settings=None):
        return Node(self, name, feeds, settings)

    def feeds(self, hosts, each=1, body=None, pause=0.02):
        """Addresses: some feeds of each of some hosts."""
        from documents import rss2
        behave = self.judge.slow(body or rss2([]), pause)
        return [self.judge.site("h%02d.localhost" % host).route("/%d" % path, behave)
                for host in range(hosts) for path in range(each)]


class LossyWay:
    """A way to the database, over TCP, on which an answer can be lost."""

    def __init__(self, database):
        self.to = os.path.join(database.folder, ".s.PGSQL.%d" % database.port)
        self.doomed, self.lost = [], threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        harness.Cleanup.add(self.listener.close)
        threading.Thread(target=self.accept, daemon=True).start()

    def uri(self, group):
        return "postgresql://wirewatch@127.0.0.1:%d/%s?sslmode=disable" % (self.listener.getsockname()[1], group.name)

    def lose(self, *statements):
        """The answer to the last of these, once they were sent one after the other, cuts its connection."""
        self.lost.clear()
        self.doomed = list(statements)

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.pass_on, args=(client,), daemon=True).start()

    def is_doomed(self, question):
        if not self.doomed or b"\0" + self.doomed[0] + b"\0" not in question:
            return False
        self.doomed.pop(0)
        return not self.doomed

    def pass_on(self, client):
        doomed = False
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(self.to)
            while True:
                for source in select.select([client, server], [], [])[0]:
                    try:
                        data = source.recv(65536)
                        if source is client:
                            doomed = self.is_doomed(data) or doomed
                        elif doomed:
                            self.lost.set()
                            return
                        (server if source is client else client).sendall(data)
                    except OSError:
                        data = b""
                    if not data:
                        return


def wait_divided(nodes, feeds, timeout=harness.PATIENCE, slack=1.5):
    """Until every feed is polled by exactly one, and all have about the same; how long that took."""
    start = time.monotonic()

    def divided():
        held = [node.held() for node in nodes]
        fair = max(map(len, held)) - min(map(len, held)) <= slack * len(feeds) / len(nodes) / 10 + 1
        return fair and sorted(sum(held, [])) == sorted(feeds)
    check(harness.wait_until(divided, timeout), "not divided:", [len(node.held()) for node in nodes],
          "".join(node.story() for node in nodes))
    return time.monotonic() - start


def wait_polled(judge, feeds, since=0.0, timeout=harness.PATIENCE):
    """Until each feed was asked for again."""
    hosts = {url.split("://")[1] for url in feeds}

    def all_asked():
        return hosts <= {"%s:%d%s" % (r.host, judge.port, r.path) for r in judge.requests() if r.began > since}
    check(harness.wait_until(all_asked, timeout), "not all were polled")


def check_peace(judge):
    clashes = judge.clashes()
    check(not clashes, "hosts were asked by two nodes at once:", clashes[:5], len(clashes))
