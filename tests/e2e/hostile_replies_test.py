"""Replies made to hurt: each ends within its limit, says one clear line, and memory stays flat."""
import time

import documents
import feedserver
import harness
import news
import replies
from harness import Plain, check, check_equal
from schedule import feeds_of, new_server

MIB = replies.MIB
MAX_SIZE, TIMEOUT = 2, 4  # MiB, seconds
TOO_LARGE = r"the body is larger than %d bytes \(fetch.max_size\)" % (MAX_SIZE * MIB)
HEADER = "the header is too large"
SLOW = r"timed out after [%d%d]\.\d s" % (TIMEOUT, TIMEOUT + 1)


def memory(daemon, name):
    """VmRSS, or VmHWM for the most there ever was, in MiB (proc(5))."""
    with open("/proc/%d/status" % daemon.process.pid, encoding="ascii") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith(name + ":"))


def endure(folder, evils, sends=True):
    """Asks for each of name -> (reply, what is said of it) beside a good feed; the most memory it took, in MiB.

    sends: the server writes all the time and so sees when it is given up.
    """
    server = new_server()
    # A document of the largest size that is allowed: what it takes is the measure.
    large = documents.rss2([news.numbered(1)])
    server.route("/good", feedserver.document(large + b"\n" * (MAX_SIZE * MIB - len(large))))
    feeds = [{"url": server.url("/good"), "name": "good", "interval": Plain("1s")}]
    for name, (make, _) in evils.items():
        server.route("/" + name, make(server))
        feeds.append({"url": server.url("/" + name), "name": name, "interval": Plain("1h")})
    settings = {"fetch.max_size": Plain("%dMiB" % MAX_SIZE), "fetch.timeout": Plain("%ds" % TIMEOUT), "poll.per_host": 50}
    daemon = harness.Daemon(folder, feeds[:1], settings)
    daemon.start()
    server.wait_requests("/good", 3)
    daemon.reload()  # for a while there are two of everything; that is no matter of replies
    daemon.wait_log("reload: done")
    server.wait_requests("/good", len(server.requests("/good")) + 2)
    before = memory(daemon, "VmHWM")
    daemon.write_config(feeds=feeds)
    daemon.reload()
    for name, (_, wanted) in evils.items():
        line = daemon.wait_log(r"\b%s: .*%s" % (name, wanted))[0]
        check(len(line) < 400, "a long line:", line)
    seen = len(server.requests("/good"))
    server.wait_requests("/good", seen + 2)
    most = memory(daemon, "VmHWM")
    check(daemon.alive(), daemon.story())
    shown = {feed["name"]: feed for feed in feeds_of(daemon).values()}
    daemon.stop_cleanly()
    for name in evils:
        said = [line for line in daemon.stderr_lines if (" %s: " % name) in " " + line and "repaired: " not in line]
        check_equal(len(said), 1, "lines about %s: %r" % (name, said))
        check_equal((shown[name]["result"], shown[name]["failures"]), ("error", 1), name)
        asked = server.requests("/" + name)
        check_equal(len(asked), 1, "requests for " + name)
        if not sends:
            continue
        check(harness.wait_until(lambda asked=asked: asked[0].ended), name, "is still being sent")
        check(asked[0].ended - asked[0].began < TIMEOUT + 3, name, "took", asked[0].ended - asked[0].began)
    print("# memory at most: %.1f MiB before, %.1f MiB with %d of them" % (before, most, len(evils)))
    return most - before, server


def coded(coding, make):
    return lambda server: replies.coded(make(), coding)


def test_bombs(folder):
    """bombs in gzip, deflate and brotli, also nested, end at fetch.max_size; memory is that of a document of that size"""
    beginning = documents.rss2([news.numbered(9)])[:-30]
    evils = {
        "gzip": (coded("gzip", lambda: replies.gzip_of(256 * MIB)), TOO_LARGE),
        "gzip-of-a-feed": (coded("x-gzip", lambda: replies.gzip_of(64 * MIB, beginning)), TOO_LARGE),
        "deflate": (coded("deflate", lambda: replies.deflate(b" " * (64 * MIB))), TOO_LARGE),
        "raw-deflate": (coded("deflate", lambda: replies.deflate(b" " * (64 * MIB), raw=True)), TOO_LARGE),
        "nested-twice": (coded("gzip, gzip", lambda: replies.nested(256 * MIB, 2)), TOO_LARGE),
        "nested-four": (coded("gzip, gzip, gzip, gzip", lambda: replies.nested(256 * MIB, 4)), TOO_LARGE),
        "nested-seven": (coded(", ".join(["gzip"] * 7), lambda: replies.nested(64 * MIB, 7)), "."),
        "mixed": (coded("deflate, gzip", lambda: replies.gzip.compress(replies.deflate(b" " * (64 * MIB)))), TOO_LARGE),
    }
    try:
        packed = replies.brotli(b" " * (64 * MIB))
        evils["brotli"] = (lambda server: replies.coded(packed, "br"), r"larger than|ncoding|HTTP")
    except replies.NoBrotli as why:
        print("# no brotli bomb: %s" % why)
    more, _ = endure(folder, evils)
    # Each may have its buffer grow to twice that.
    check(more < 2 * MAX_SIZE * len(evils) or harness.is_sanitized(), "MiB more:", more)


def test_floods(folder):
    """10 GB of body, announced or in chunks, and 1 MB of header in every shape end at their limits"""
    ten = 10 * 1000**3
    evils = {
        "announced": (lambda s: replies.endless_body(ten, s), TOO_LARGE),
        "chunked": (lambda s: replies.endless_chunks(ten, s), TOO_LARGE),
        "nothing": (lambda s: replies.endless_nothing(ten, s), TOO_LARGE),
        "many-fields": (lambda s: replies.many_headers(1000**2), HEADER),
        "short-fields": (lambda s: replies.many_headers(1000**2, width=1), HEADER),
        "one-field": (lambda s: replies.long_header(1000**2), HEADER),
        "interim": (lambda s: replies.informational(s, 1000), HEADER),
        "no-header-end": (lambda s: feedserver.garbage(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000**2), HEADER),
    }
    more, server = endure(folder, evils)
    check(more < 16 or harness.is_sanitized(), "MiB more:", more)
    for name in ("announced", "chunked", "nothing"):  # what the socket's buffers hold is sent in vain
        check(server.requests("/" + name)[0].sent < 16 * MIB, name, "sent", server.requests("/" + name)[0].sent)


def test_slow(folder):
    """drips of body and header, silence and a stop in the middle are given up after fetch.timeout"""
    body = documents.rss2([news.numbered(9)])
    evils = {
        "drip": (lambda s: feedserver.drip(body, s), SLOW),
        "drip-header": (replies.drip_header, SLOW),
        "silence": (feedserver.gone_quiet, SLOW),
        "stops": (lambda s: feedserver.drip(body, s, piece=len(body) // 2, pause=30), SLOW),
    }
    began = time.monotonic()
    more, _ = endure(folder, evils, sends=False)
    check((more < 8 or harness.is_sanitized()) and time.monotonic() - began < 30, "MiB more:", more)


def test_loops(folder):
    """redirect loops of one, two and ever new addresses end after ten hops"""
    server = new_server()
    count = [0]

    def ever_new(connection, request):
        count[0] += 1
        feedserver.redirect("/new?%d" % count[0])(connection, request)
    server.route("/one", feedserver.redirect("/one"))
    server.route("/two", feedserver.redirect("/back"))
    server.route("/back", feedserver.redirect("/two"))
    server.route("/new", ever_new)
    feeds = [{"url": server.url("/" + name), "name": name, "interval": Plain("1h")} for name in ("one", "two", "new")]
    daemon = harness.Daemon(folder, feeds)
    check_equal(daemon.once(), 0, daemon.story())
    for name in ("one", "two", "new"):
        check_equal(len(daemon.wait_log("^%s: .*too many redirects" % name)), 1, name)
    check_equal([len(server.requests(path)) for path in ("/one", "/new")], [11, 11], "requests")
    check_equal(len(server.requests("/two")) + len(server.requests("/back")), 11, "requests")


def test_framing(folder):
    """bad chunks, two lengths, bad codings and bytes that are no HTTP: one line each, nothing of them alerts"""
    body = documents.rss2([news.item(news.by_name("decoy-sport"))])
    evils = {
        "bad-chunks": (lambda s: replies.bad_chunks(body), "."),
        "cut-chunks": (lambda s: replies.cut_chunks(body[:200]), "."),
        "two-lengths": (lambda s: replies.two_lengths(body), "."),
        "bad-gzip": (lambda s: feedserver.document(body, headers=[("Content-Encoding", "gzip")]), "."),
        "unknown-coding": (lambda s: feedserver.document(body, headers=[("Content-Encoding", "rot13")]), "."),
        "no-http": (lambda s: feedserver.garbage(b"220 ftp.example FTP server\r\n"), "the reply is not HTTP"),
        "http-0.9": (lambda s: feedserver.garbage(body), "the reply is not HTTP"),
    }
    endure(folder, evils)


if __name__ == "__main__":
    harness.run_tests([test_bombs, test_floods, test_slow, test_loops, test_framing])
