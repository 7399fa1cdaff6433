"""HTTPS and hosts of many names: where the trusted root and /etc/hosts are the test's own, in a mount namespace."""
import os
import subprocess
import sys
import tempfile

import certificates
import documents
import feedserver
import harness
import news
from harness import Plain, check, check_equal
from schedule import feeds_of

INSIDE = "WW_HTTPS_TEST_INSIDE"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"  # where libcurl looks
NAMES = ["secure.test", "plain.test", "wrong.test", "one.tumblr.com", "two.tumblr.com", "tumblr.example"]


def enter(folder):
    """Runs this program again with our root and names in place of the system's; why not, or never returns."""
    if os.geteuid() != 0 or not os.path.exists(BUNDLE):
        return "needs root for a mount namespace, and " + BUNDLE
    authority, hosts = certificates.Authority(folder), os.path.join(folder, "hosts")
    with open(hosts, "w", encoding="ascii") as file:
        file.write("127.0.0.1 localhost %s\n" % " ".join(NAMES))
    script = 'mount --bind "$1" %s && mount --bind "$2" /etc/hosts && shift 2 && exec "$@"' % BUNDLE
    trial = ["unshare", "--mount", "sh", "-c", script, "sh", authority.root, hosts]
    done = subprocess.run([*trial, "true"], capture_output=True, text=True, timeout=30)
    if done.returncode:
        return "no namespace: " + done.stderr.strip().replace("\n", " ")
    command = [*trial, sys.executable, "-B", os.path.abspath(__file__), *sys.argv[1:]]
    sys.exit(subprocess.run(command, env=dict(os.environ, **{INSIDE: folder})).returncode)


def open_server(context=None):
    server = feedserver.FeedServer(tls=context)
    harness.Cleanup.add(server.stop)
    return server


def authority():
    """The one that enter() made, whose root is trusted now."""
    known = object.__new__(certificates.Authority)
    known.folder, known.count = os.environ[INSIDE], len(os.listdir(os.environ[INSIDE]))
    known.key, known.root = (os.path.join(known.folder, name) for name in ("root.key", "root.pem"))
    return known


def document(number, *headers):
    return feedserver.document(documents.rss2([news.numbered(number)]), headers=list(headers))


def test_https(folder):
    """a trusted server is asked as any other, its session resumed; a wrong name, an old certificate or none is refused"""
    roots = authority()
    good, wrong, old = roots.context("secure.test"), roots.context("other.test"), roots.context("secure.test", days=-1)
    strangers = os.path.join(folder, "strangers")
    os.mkdir(strangers)
    servers = {"good": open_server(good), "wrong": open_server(wrong), "old": open_server(old),
               "strange": open_server(certificates.Authority(strangers).context("secure.test"))}
    feeds = []
    for name, server in servers.items():
        feeds.append({"url": server.site("secure.test").route("/feed", document(1, ("ETag", '"1"'), ("Connection", "close")),
                                                              feedserver.not_modified([("Connection", "close")])),
                      "name": name})
    daemon = harness.Daemon(folder, feeds, {"poll.max": Plain("1s")})
    daemon.start()
    asked = servers["good"].wait_requests("/feed", 4)
    check_equal([r.header("If-None-Match") for r in asked[:4]], [None] + ['"1"'] * 3, "conditions")
    for name in ("wrong", "old", "strange"):
        daemon.wait_log("^%s: .*TLS: " % name)
        check_equal(servers[name].requests(), [], name)
    daemon.stop_cleanly()
    check(good.session_stats()["hits"] >= 2, "sessions resumed:", good.session_stats())


def test_no_way_down(folder):
    """27: a redirect from https to http is not followed, at once or at the second hop; from http to https it is"""
    plain, secure = open_server(), open_server(authority().context("secure.test"))
    low, high = plain.site("plain.test"), secure.site("secure.test")
    low.route("/feed", document(1))
    low.route("/up", feedserver.redirect(high.route("/feed", document(2)), "301 Moved"))
    low.route("/up-and-down", feedserver.redirect(high.route("/down", feedserver.redirect(low.url("/feed")))))
    names = {"up": low.url("/up"), "down": high.url("/down"), "both": low.url("/up-and-down")}
    daemon = harness.Daemon(folder, [{"url": url, "name": name} for name, url in names.items()])
    check_equal(daemon.once(), 0, daemon.story())
    for name in ("down", "both"):
        daemon.wait_log("^%s: .*redirects from https to http, which is not followed" % name)
    check_equal((len(secure.requests("/feed")), plain.requests("/feed")), (1, []), "requests")


def test_hoster(folder):
    """16: a pause that one name of a hoster asks for holds for the hoster's other names, and for nobody else"""
    server = open_server()
    busy, other, free = (server.site(name) for name in ("one.tumblr.com", "two.tumblr.com", "tumblr.example"))
    busy.route("/feed", feedserver.status("429 Too Many Requests", [("Retry-After", "3600")]))
    for site in (other, free):
        site.route("/feed", document(1))
    daemon = harness.Daemon(folder, [busy.url("/feed"), free.url("/feed")])
    daemon.start()
    daemon.wait_log("asks to stay away until .*all of its host")
    daemon.write_config(feeds=[site.url("/feed") for site in (busy, other, free)])
    daemon.reload()
    daemon.wait_log("reload: done")
    seen = len(free.requests())
    check(harness.wait_until(lambda: len(free.requests()) >= seen + 3), "the free one is asked on")
    check_equal((len(busy.requests()), len(other.requests())), (1, 0), "requests")
    check(other.url("/feed") in feeds_of(daemon), feeds_of(daemon))
    daemon.stop_cleanly()


TESTS = [test_https, test_no_way_down, test_hoster]

if __name__ == "__main__":
    if INSIDE not in os.environ:
        with tempfile.TemporaryDirectory(prefix="ww-https-") as FOLDER:
            WHY = enter(FOLDER)

        def skip(_folder):
            """a namespace with a trusted root of the test's own"""
            raise harness.Skip(WHY)
        TESTS = [skip]
    harness.run_tests(TESTS)
