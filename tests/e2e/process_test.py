"""The daemon as a process: what it tells systemd, idle CPU, clean ends, dead log sockets."""
import os
import signal
import socket
import time

import documents
import feedserver
import harness
import news
from harness import check, check_equal
from schedule import metric, new_server


def hundred_feeds(folder, settings=None):
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    server.route("/sentinel", feedserver.document(documents.rss2([news.numbered(1)])))
    urls = [server.route("/feed%d" % n, feedserver.document(documents.rss2([]))) for n in range(99)]
    values = {"poll.min": harness.Plain("1h"), "poll.max": harness.Plain("2h"), "poll.per_host": 50}
    values.update(settings or {})
    return server, harness.Daemon(folder, urls + [server.url("/sentinel")], values)


def test_idle(folder):
    """100 feeds between polls: no measurable CPU"""
    server, daemon = hundred_feeds(folder)
    check_equal(daemon.once(), 0, daemon.story())  # all polled; the next start has nothing due for an hour
    check_equal(len({r.path for r in server.requests()}), 100, "feeds polled")
    daemon.start()
    asked = len(server.requests())
    time.sleep(1)  # what belongs to the start is over
    before = daemon.cpu_seconds()
    time.sleep(5)  # the span measured
    used = daemon.cpu_seconds() - before
    print("# %.2f s of CPU in 5 s" % used)
    check_equal(len(server.requests()), asked, "polls while idle")
    check(used <= 0.02, "CPU used while idle:", used)
    daemon.stop_cleanly()


def ever_new(connection, request):
    """One item, another one at each request, that concerns nobody."""
    item = news.item(news.by_name("decoy-aid"), id="urn:test:%d" % time.monotonic_ns())
    feedserver.document(documents.rss2([item]))(connection, request)


def test_polls_share_transactions(folder):
    """polls that bring no alert are stored together, as many as come within 50 ms"""
    server = new_server()
    urls = [server.route("/feed%d" % n, ever_new) for n in range(60)]
    daemon = harness.Daemon(folder, [{"url": url, "interval": harness.Plain("1s")} for url in urls],
                            {"poll.per_host": 50})
    daemon.start()
    polls, commits = ["wirewatch_%s" % name for name in ('polls_total{result="new"}', "ledger_commits_total")]
    check(harness.wait_until(lambda: metric(daemon, polls) >= 60), daemon.story())
    began, before, polled = time.monotonic(), metric(daemon, commits), metric(daemon, polls)
    check(harness.wait_until(lambda: metric(daemon, polls) >= polled + 180), daemon.story())
    made, took = metric(daemon, commits) - before, time.monotonic() - began
    print("# 180 polls in %.2f s, %d transactions" % (took, made))
    check(made <= took / 0.05 + 1, made, "transactions in", took, "seconds")
    daemon.stop_cleanly()


def test_notify(folder):
    """READY, STATUS and STOPPING are told to systemd"""
    _, daemon = hundred_feeds(folder)
    daemon.start()
    daemon.notify.wait_line("STATUS=.*100 feeds")
    daemon.stop_cleanly()
    daemon.notify.wait("STOPPING=1")


def test_watchdog(folder):
    """the watchdog is fed in the interval systemd asks for"""
    _, daemon = hundred_feeds(folder)
    os.environ["WATCHDOG_USEC"] = "1000000"
    try:
        daemon.start()
    finally:
        del os.environ["WATCHDOG_USEC"]
    daemon.notify.wait("WATCHDOG=1")
    daemon.notify.forget()
    daemon.notify.wait("WATCHDOG=1", timeout=5)
    daemon.stop_cleanly()


def test_end_in_the_middle(folder):
    """SIGTERM while transfers hang: they are cancelled, exit code 0 within seconds, sockets removed"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    urls = [server.route("/hang%d" % n, feedserver.gone_quiet(server)) for n in range(5)]
    daemon = harness.Daemon(folder, urls)
    daemon.start()
    for n in range(5):
        server.wait_requests("/hang%d" % n, 1)
    began = time.monotonic()
    daemon.stop_cleanly()
    took = time.monotonic() - began
    check(took < 5, "the end took", took)


def test_sigint(folder):
    """SIGINT ends it as cleanly as SIGTERM"""
    _, daemon = hundred_feeds(folder)
    daemon.start()
    check_equal(daemon.stop(signal.SIGINT), 0, daemon.story())


def test_dead_log_socket(folder):
    """a full log socket that nobody reads blocks nothing"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    server.route("/feed", feedserver.document(documents.rss2([news.numbered(n) for n in range(1, 301)])))
    daemon = harness.Daemon(folder, [server.url("/feed")])
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    dead.bind(os.path.join(folder, "dead"))
    daemon.syslog.path = os.path.join(folder, "dead")
    server.hold()
    subscriber = harness.Subscriber(daemon.publish)
    daemon.start()
    subscriber.wait_welcome()
    server.release()
    alerts = subscriber.alerts_until(lambda found: len(found) >= 300)
    check_equal(len(alerts), 300)
    daemon.stop_cleanly()
    dead.close()


def test_no_log_socket(folder):
    """without a log socket alerts go out over ZeroMQ all the same"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    server.route("/feed", feedserver.document(documents.rss2([news.numbered(1)])))
    daemon = harness.Daemon(folder, [server.url("/feed")])
    daemon.syslog.path = os.path.join(folder, "nowhere")
    server.hold()
    subscriber = harness.Subscriber(daemon.publish)
    daemon.start()
    subscriber.wait_welcome()
    server.release()
    subscriber.wait_topic("ww1/alert/pause/first/")
    daemon.stop_cleanly()


def test_taken_endpoint(folder):
    """an HTTP port that is taken: exit code 1 and a line that names it"""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        daemon = harness.Daemon(folder, [], {"http": address})
        status, _, stderr = harness.daemon_command("-c", daemon.config)
    check_equal(status, 1, stderr)
    check(address in stderr, stderr)


def test_few_descriptors(folder):
    """few descriptors and a crowd at the sockets: no core is spun, polls go on, subscribers are served afterwards"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    feed = news.NumberedFeed(server)
    daemon = harness.Daemon(folder, [feed.url], {"poll.max": harness.Plain("1s")})
    daemon.command = ["prlimit", "--nofile=280:280", *daemon.command]
    daemon.start()
    daemon.wait_log("limits: poll.concurrency is 200, but with 280 open files allowed")
    crowd = []
    for _ in range(600):
        peer = socket.socket(socket.AF_UNIX)
        peer.setblocking(False)
        try:
            peer.connect(daemon.publish[len("ipc://"):])
        except BlockingIOError:  # the backlog is full, which is fine
            peer.close()
            continue
        crowd.append(peer)
    daemon.wait_log("publish: more than 64 connections")
    asked = len(server.requests())
    before = daemon.cpu_seconds()
    time.sleep(3)  # the span measured
    used = daemon.cpu_seconds() - before
    print("# %d connections, %.2f s of CPU in 3 s" % (len(crowd), used))
    check(daemon.alive(), daemon.story())
    check(used < 1, "CPU used with a crowd:", used)
    check(len(os.listdir("/proc/%d/fd" % daemon.process.pid)) < 220, "descriptors in use")
    check(harness.wait_until(lambda: len(server.requests()) > asked), "no polls any more;", daemon.story())
    for peer in crowd:
        peer.close()
    subscriber = harness.Subscriber(daemon.publish)
    subscriber.wait_welcome()
    feed.grow(1)
    subscriber.wait_topic("ww1/alert/")
    check("no file descriptor left" not in daemon.story(), daemon.story())
    daemon.stop_cleanly()


def test_too_few_descriptors(folder):
    """a limit that leaves nothing to work with is refused at the start"""
    daemon = harness.Daemon(folder, [])
    daemon.command = ["prlimit", "--nofile=100:100", *daemon.command]
    daemon.start(ready=False)
    check_equal(daemon.wait(), 1, daemon.story())
    daemon.wait_log("only 100 open files are allowed")


def test_soft_limit_raised(folder):
    """the soft limit on descriptors is raised to the hard one"""
    daemon = harness.Daemon(folder, [])
    daemon.command = ["prlimit", "--nofile=100:3000", *daemon.command]
    daemon.start()
    check("process_max_fds 3000" in daemon.get("/metrics")[1], "the limit in /metrics")
    daemon.stop_cleanly()


if __name__ == "__main__":
    harness.run_tests([test_idle, test_polls_share_transactions, test_notify, test_watchdog, test_end_in_the_middle,
                       test_sigint, test_dead_log_socket, test_no_log_socket, test_taken_endpoint, test_few_descriptors,
                       test_too_few_descriptors, test_soft_limit_raised])
