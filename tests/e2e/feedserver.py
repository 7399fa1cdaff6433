"""A feed server that does what a test's script says, and remembers what it was asked.

For each path, of every host or of a virtual one, there is a list of behaviours; each request takes the next one, the
last one stays. A behaviour is a function of (connection, request); replies.py has those that are not polite.
"""
import gzip
import socket
import struct
import threading
import time

PATIENCE = 30.0  # seconds until a wait is given up; far more than anything here takes


class Request:
    """One request as it came: its head byte for byte, method, path, header lines, when, on which connection."""

    def __init__(self, head, connection=0, lay=0.0):
        """lay: for how many seconds it has lain in the socket."""
        self.raw, self.connection = head, connection
        self.began, self.ended = time.monotonic() - lay, None  # ended: the reply was sent, or given up
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = (lines[0].split(" ") + ["", "", ""])[:3]
        self.path = self.target.split("?")[0]
        self.headers = [tuple(line.split(": ", 1)) for line in lines[1:] if ": " in line]

    @property
    def host(self):
        """The virtual host: the Host field without its port."""
        return (self.header("Host") or "").rsplit(":", 1)[0]

    def header(self, name):
        for key, value in self.headers:
            if key.lower() == name.lower():
                return value
        return None


def idle(connection):
    """Seconds since the kernel received what was last sent to us: a busy machine reads it later."""
    about = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return struct.unpack_from("I", about, 52)[0] / 1000  # tcpi_last_data_recv


# ---- behaviours ---------------------------------------------------------------

def document(body, content_type="application/xml", status="200 OK", headers=(), coding=None):
    """A whole reply. headers: (name, value) pairs, sent as they are."""
    if coding == "gzip":
        body = gzip.compress(body)
        headers = list(headers) + [("Content-Encoding", "gzip")]
    head = ["HTTP/1.1 " + status, "Content-Type: " + content_type, "Content-Length: %d" % len(body)]
    head += ["%s: %s" % pair for pair in headers]
    data = "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body

    def behave(connection, _request):
        connection.sendall(data)
    return behave


def status(line, headers=()):
    return document(b"nothing to read here\n", "text/plain", line, headers)


def not_modified(headers=()):
    data = "".join(["HTTP/1.1 304 Not Modified\r\n"] + ["%s: %s\r\n" % pair for pair in headers] + ["\r\n"])

    def behave(connection, _request):
        connection.sendall(data.encode("latin-1"))
    return behave


def redirect(location, line="302 Found"):
    return status(line, [("Location", location)])


def cut(body, sent):
    """Announces the whole body, sends the first bytes of it and closes."""
    def behave(connection, _request):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n" % len(body))
        connection.sendall(body[:sent])
        raise ConnectionAbortedError
    return behave


def reset():
    """Closes with a TCP reset instead of a reply."""
    def behave(connection, _request):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise ConnectionAbortedError
    return behave


def gone_quiet(server):
    """Accepts the request and says nothing until the server stops."""
    def behave(_connection, _request):
        server.stopping.wait()
        raise ConnectionAbortedError
    return behave


def drip(body, server, piece=1, pause=0.05):
    """A body that comes byte by byte."""
    def behave(connection, _request):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n" % len(body))
        for start in range(0, len(body), piece):
            connection.sendall(body[start:start + piece])
            if server.stopping.wait(pause):
                raise ConnectionAbortedError
    return behave


def garbage(data):
    """Bytes that are no HTTP."""
    def behave(connection, _request):
        connection.sendall(data)
        raise ConnectionAbortedError
    return behave


# ---- the server -----------------------------------------------------------------

class Site:
    """A virtual host of a server. Names below localhost lead to the loopback address (RFC 6761, and libcurl knows)."""

    def __init__(self, server, name):
        self.server, self.name = server, name

    def url(self, path):
        return "%s://%s:%d%s" % (self.server.scheme, self.name, self.server.port, path)

    def route(self, path, *behaviours):
        with self.server.changed:
            self.server.routes[self.name, path] = list(behaviours)
        return self.url(path)

    def requests(self, path=None):
        return [r for r in self.server.requests(path) if r.host == self.name]


class FeedServer:
    """Listens on a free port of a loopback address; with tls, an ssl.SSLContext. hold() keeps requests until release().

    Address "0.0.0.0" serves all of 127.0.0.0/8, and nobody else.
    """

    def __init__(self, address="127.0.0.1", tls=None):
        self.listener = socket.create_server((address, 0), backlog=1024)
        self.address, self.port = self.listener.getsockname()[:2]
        self.tls, self.scheme = tls, "https" if tls else "http"
        self.stopping = threading.Event()
        self.released = threading.Event()
        self.released.set()
        self.changed = threading.Condition()
        self.routes, self.log, self.open, self.connections = {}, [], set(), 0
        self.failed_handshakes = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, path):
        return "%s://%s:%d%s" % (self.scheme, self.address, self.port, path)

    def site(self, name):
        return Site(self, name)

    def route(self, path, *behaviours):
        """For every host that has no such path of its own."""
        with self.changed:
            self.routes[path] = list(behaviours)
        return self.url(path)

    def hold(self):
        self.released.clear()

    def release(self):
        self.released.set()

    def requests(self, path=None):
        with self.changed:
            return [r for r in self.log if path is None or r.path == path]

    def wait_requests(self, path, count, timeout=PATIENCE):
        """The first requests for path once there are count of them."""
        with self.changed:
            if not self.changed.wait_for(lambda: sum(r.path == path for r in self.log) >= count, timeout):
                raise AssertionError("%s was asked for %d times, not %d" % (
                    path, sum(r.path == path for r in self.log), count))
            return [r for r in self.log if r.path == path]

    def stop(self):
        self.stopping.set()
        self.released.set()
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept(); close alone would not
        self.listener.close()
        with self.changed:
            for connection in self.open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def _accept(self):
        while not self.stopping.is_set():
            try:
                connection, peer = self.listener.accept()
            except OSError:
                return
            if not peer[0].startswith("127."):
                connection.close()
                continue
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True).start()

    def _secure(self, connection):
        """The connection to talk on, or None where the handshake failed."""
        try:
            return self.tls.wrap_socket(connection, server_side=True) if self.tls else connection
        except OSError:
            with self.changed:
                self.failed_handshakes += 1
                self.changed.notify_all()
            connection.close()
            return None

    def _serve(self, connection, number):
        connection = self._secure(connection)
        if connection is None:
            return
        with self.changed:
            self.open.add(connection)
        data = b""
        try:
            while not self.stopping.is_set():
                while b"\r\n\r\n" not in data:
                    more = connection.recv(65536)
                    if not more:
                        return
                    data += more
                head, data = data.split(b"\r\n\r\n", 1)
                self._answer(connection, Request(head, number, idle(connection)))
        except OSError:
            pass
        finally:
            with self.changed:
                self.open.discard(connection)
            connection.close()

    def _answer(self, connection, request):
        with self.changed:
            self.log.append(request)
            script = self.routes.get((request.host, request.path)) or self.routes.get(request.path)
            behave = (script.pop(0) if len(script) > 1 else script[0]) if script else status("404 Not Found")
            self.changed.notify_all()
        self.released.wait()
        try:
            behave(connection, request)
        finally:
            request.ended = time.monotonic()


def refusing_url(path="/refused.xml"):
    """A URL whose port refuses connections, and the socket that keeps the port taken."""
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    return "http://127.0.0.1:%d%s" % (holder.getsockname()[1], path), holder
