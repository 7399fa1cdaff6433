"""A crowd of publishers for one process: many virtual hosts, a fifth of their feeds failing in every way; a log of arrivals.

    crowd.py FOLDER HOSTS CERTIFICATE KEY

Writes its ports to FOLDER/ports, then each request to FOLDER/arrivals: time, host, path.
"""
import asyncio
import os
import ssl
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import documents  # noqa: E402
import news       # noqa: E402
import replies    # noqa: E402

CHANGE = 300.0  # seconds between two new items of a feed
HANG = 60.0

# Of hosts 0, 5, 10 ... each has one of these; the others are well.
EVILS = ["404", "403", "503", "500", "retry", "html", "empty", "broken", "reset", "refused", "hang", "drip", "drip-head",
         "cut", "chunks", "bomb", "nested", "endless", "headers", "loop", "inside", "no-http", "bad-gzip", "tls", "name"]


def evil_of(host):
    return EVILS[host // 5 % len(EVILS)] if host % 5 == 0 else None


def name_of(host):
    """Half of them names, the others addresses of their own."""
    if evil_of(host) == "name":
        return "host%d.invalid" % host
    if host % 2:
        return "host%d.localhost" % host
    return "127.%d.%d.%d" % (101 + host // 50000, host // 250 % 200, host % 250 + 1)


def url_of(host, feed, ports):
    evil = evil_of(host)
    scheme, port = ("https", ports["tls"]) if evil == "tls" else ("http", ports["closed" if evil == "refused" else "plain"])
    return "%s://%s:%d/%d.xml" % (scheme, name_of(host), port, feed)


def head(status, *fields):
    return ("HTTP/1.1 %s\r\n%s\r\n" % (status, "".join(field + "\r\n" for field in fields))).encode()


def whole(body, *fields, status="200 OK"):
    return head(status, "Content-Type: application/xml", "Content-Length: %d" % len(body), *fields) + body


class Crowd:
    def __init__(self, folder):
        self.log = open(os.path.join(folder, "arrivals"), "w", encoding="ascii", buffering=1 << 16)
        page = b"<!doctype html><html><body>Hello</body></html>"
        coded = "Content-Encoding: gzip"
        self.same = {
            "404": whole(page, status="404 Not Found"), "403": whole(page, status="403 Forbidden"),
            "503": whole(b"", status="503 Busy"), "500": whole(b"", status="500 Oops"),
            "retry": whole(b"", "Retry-After: 90", status="429 Slow down"), "html": whole(page), "empty": whole(b""),
            "broken": whole(b"<rss><channel><item><title>x</titel></rss"), "no-http": b"SSH-2.0-server\r\n",
            "cut": head("200 OK", "Content-Length: 5000") + b"<rss><channel>" + b" " * 500,
            "chunks": head("200 OK", "Transfer-Encoding: chunked") + b"5\r\n<rss>\r\nzz\r\n",
            "bomb": whole(replies.gzip_of(40 * replies.MIB), coded),
            "nested": whole(replies.nested(40 * replies.MIB, 2), "Content-Encoding: gzip, gzip"),
            "loop": head("302 Found", "Location: /loop.xml", "Content-Length: 0"),
            "inside": head("302 Found", "Location: http://10.0.0.1/secret", "Content-Length: 0"),
            "headers": b"HTTP/1.1 200 OK\r\n" + b"X-Filler: " * 1 + b"h" * 1000 + b"\r\n" + b"".join(
                b"X-%d: %s\r\n" % (n, b"h" * 1000) for n in range(1000)) + b"\r\n",
            "bad-gzip": whole(b"this is not gzip", coded),
        }
        self.items = [news.item(entry) for entry in news.DECOYS] + [news.numbered(1)]

    def well(self, host, feed, wanted):
        """A feed that has something new now and then."""
        turn = int((time.time() + host * 7 + feed * 61) / CHANGE)
        tag = '"%d-%d-%d"' % (host, feed, turn)
        if wanted == tag:
            return head("304 Not Modified", "ETag: " + tag)
        items = [dict(self.items[(turn - n + host) % len(self.items)], id="urn:crowd:%d-%d-%d" % (host, feed, turn - n))
                 for n in range(5)]
        return whole(documents.rss2(items), "ETag: " + tag)

    async def misbehave(self, evil, writer):
        if evil in self.same:
            writer.write(self.same[evil])
        elif evil == "hang":
            await asyncio.sleep(HANG)
        elif evil == "endless":
            writer.write(head("200 OK", "Transfer-Encoding: chunked"))
            while True:
                writer.write(b"10000\r\n" + b"y" * 65536 + b"\r\n")
                await writer.drain()
        elif evil in ("drip", "drip-head"):
            writer.write(head("200 OK", "Content-Length: 100000")[:None if evil == "drip" else -2])
            if evil == "drip-head":
                writer.write(b"X-Drip: ")
            for _ in range(int(HANG * 4)):
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.25)
        elif evil == "reset":
            writer.transport.abort()

    async def serve(self, reader, writer):
        try:
            while True:
                request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                line, fields = request.split("\r\n", 1)
                path = line.split(" ")[1]
                fields = dict(pair.split(": ", 1) for pair in fields.split("\r\n") if ": " in pair)
                name = fields["Host"].rsplit(":", 1)[0]
                self.log.write("%.6f %s %s\n" % (time.time(), name, path))
                host = self.numbers.get(name)
                evil = evil_of(host) if host is not None else "404"
                if evil:
                    await self.misbehave(evil, writer)
                    await writer.drain()
                    if evil not in ("404", "403", "loop"):
                        return
                else:
                    writer.write(self.well(host, int(path[1:-4]), fields.get("If-None-Match")))
                    await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def run(self, folder, hosts, certificate, key):
        self.numbers = {name_of(host): host for host in range(hosts)}
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        plain = await asyncio.start_server(self.serve, "0.0.0.0", 0, backlog=4096)
        secure = await asyncio.start_server(self.serve, "0.0.0.0", 0, ssl=context)
        ports = [server.sockets[0].getsockname()[1] for server in (plain, secure)]
        with open(os.path.join(folder, "ports.new"), "w", encoding="ascii") as file:
            file.write("%d %d\n" % tuple(ports))
        os.rename(os.path.join(folder, "ports.new"), os.path.join(folder, "ports"))
        while True:
            await asyncio.sleep(1)
            self.log.flush()


if __name__ == "__main__":
    FOLDER, HOSTS, CERTIFICATE, KEY = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    asyncio.run(Crowd(FOLDER).run(FOLDER, HOSTS, CERTIFICATE, KEY))
