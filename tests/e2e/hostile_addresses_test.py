"""What leads to our own machine or network is refused: by literal, odd spelling, name and redirect; the allow list works.

Names that change their address between two look-ups are in names_test.py, which brings its own name server.
"""
import re

import documents
import feedserver
import harness
import news
from harness import check, check_equal

DOOR = "127.0.0.9"  # the one address that is allowed
# Spellings of loopback that some parser or resolver takes; a server listens there.
LOOPBACK = ["127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "127.0.0.1.",
            "localhost", "LOCALHOST", "localhost.", "feeds.localhost", "0.0.0.0", "0", "127.255.255.254", "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]", "[::1]", "[0:0:0:0:0:0:0:1]", "[::]"]
NEAR = ["10.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.127.255.254",
        "192.0.0.8", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "0.1.2.3", "[fd00::1]", "[fe80::1]",
        "[fec0::1]", "[ff02::1]", "[64:ff9b::7f00:1]", "[64:ff9b::a00:1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::1]",
        "[2002:7f00:1::1]", "[2002:a9fe:a9fe::1]", "[2001:db8::1]", "[2001::1]", "[::a00:1]", "3232235777", "0xa9fea9fe"]


def open_server(address="0.0.0.0"):
    server = feedserver.FeedServer(address)
    harness.Cleanup.add(server.stop)
    return server


def refused(daemon, count):
    """Every one of the feeds has said that its address is not allowed, and none anything else."""
    lines = [line for line in daemon.stderr_lines if "bad-" in line]
    told = [line for line in lines if "is not allowed (fetch.allow_addresses)" in line or
            re.search(r"\.:\d+: the host name cannot be resolved", line)]  # a dot at the end: as the resolver has it
    check_equal(len(told), count, "refusals; others: %r" % [line for line in lines if line not in told])
    check_equal(len(lines), count, "lines")


def test_literals(folder):
    """every literal and spelling of a near address is refused; no byte is sent there"""
    server = open_server()
    server.route("/feed", feedserver.document(documents.rss2([news.numbered(1)])))
    hosts = LOOPBACK + NEAR
    feeds = [{"url": "http://%s:%d/feed?%d" % (host, server.port, n), "name": "bad-%d" % n} for n, host in enumerate(hosts)]
    daemon = harness.Daemon(folder, feeds, {"fetch.allow_addresses": []})
    check_equal(daemon.once(), 0, daemon.story())
    refused(daemon, len(hosts))
    check_equal((server.connections, server.requests()), (0, []), "connections")


def test_redirects(folder):
    """the same by redirect, at once and at the second hop, and by http as by other ports"""
    server, door = open_server(), open_server(DOOR)
    server.route("/feed", feedserver.document(documents.rss2([news.numbered(1)])))
    hosts = LOOPBACK + NEAR
    for number, host in enumerate(hosts):
        door.route("/%d" % number, feedserver.redirect("http://%s:%d/feed" % (host, server.port), "301 Moved"))
        door.route("/again-%d" % number, feedserver.redirect("/%d" % number, "302 Found"))
    paths = ["/%d" % n for n in range(len(hosts))] + ["/again-%d" % n for n in range(len(hosts))]
    feeds = [{"url": door.url(path), "name": "bad-" + path[1:]} for path in paths]
    daemon = harness.Daemon(folder, feeds, {"fetch.allow_addresses": [DOOR]})
    check_equal(daemon.once(), 0, daemon.story())
    refused(daemon, len(paths))
    check_equal((server.connections, server.requests()), (0, []), "connections")


def test_allow_list(folder):
    """what is listed is asked, by range, by address and by redirect, and nothing beside it"""
    server, door = open_server(), open_server(DOOR)
    hosts = {"127.0.1.1": True, "127.0.1.255": True, "127.0.2.1": False, "127.0.3.7": True, "127.0.3.8": False}
    door.route("/feed", feedserver.document(documents.rss2([news.numbered(1)])))
    feeds = []
    for number, host in enumerate(hosts):
        server.site(host).route("/feed", feedserver.document(documents.rss2([news.numbered(10 + number)])))
        feeds.append({"url": server.site(host).url("/feed"), "name": "feed-" + host})
        door.route("/to-" + host, feedserver.redirect(server.site(host).url("/feed")))
        feeds.append({"url": door.url("/to-" + host), "name": "to-" + host})
    daemon = harness.Daemon(folder, feeds, {"fetch.allow_addresses": [DOOR, "127.0.1.0/24", "127.0.3.7/32"]})
    check_equal(daemon.once(), 0, daemon.story())
    asked = [request.host for request in server.requests()]
    check_equal(sorted(asked), sorted(host for host, allowed in hosts.items() if allowed for _ in range(2)), "asked")
    check_equal(len([line for line in daemon.stderr_lines if "is not allowed" in line]), 4, "refusals")


def test_credentials(folder):
    """a user's password goes to its own host alone and is never logged"""
    server, door = open_server(), open_server(DOOR)
    server.route("/feed", feedserver.document(documents.rss2([news.numbered(1)])))
    door.route("/to", feedserver.redirect("http://127.0.1.1:%d/feed" % server.port))
    door.route("/denied", feedserver.status("403 Forbidden"))
    feeds = ["http://user:sesame@%s:%d%s" % (DOOR, door.port, path) for path in ("/to", "/denied")]
    daemon = harness.Daemon(folder, feeds, {"fetch.allow_addresses": ["127.0.0.0/8"]})
    daemon.start("--log-level", "debug")
    door.wait_requests("/denied", 2)
    server.wait_requests("/feed", 1)
    shown = daemon.get("/feeds")[1] + daemon.get("/")[1] + daemon.get("/metrics")[1]
    daemon.stop_cleanly()
    check(all(request.header("Authorization") for request in door.requests()), "the host itself gets them")
    check_equal({request.header("Authorization") for request in server.requests()}, {None}, "another host")
    check("sesame" not in "\n".join(daemon.stderr_lines + daemon.syslog.messages + [shown]), "the password is told")


if __name__ == "__main__":
    harness.run_tests([test_literals, test_redirects, test_allow_list, test_credentials])
