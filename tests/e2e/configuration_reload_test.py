#!/usr/bin/python3 -B
"""A reload takes feeds in and lets feeds go while the pollers run."""
import random
import re

import documents
import feedserver
import harness
import news
from harness import check, check_equal, wait_until


EARLIEST = 0.9  # of a second's interval: requests are timed by another process, with all that delays it


def server_of(paths, first=1):
    """A host of its own with a feed of one alerting item at each path; the items are numbered from first on."""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    for number, path in enumerate(paths, first):
        server.route(path, feedserver.document(documents.rss2([news.numbered(number)]), headers=[("ETag", '"%d"' % number)]))
    return server


def every(server, path, interval):
    return {"url": server.url(path), "interval": harness.Plain(interval)}


def reload(daemon, feeds, count, settings=None):
    """Reload; the count-th one of the daemon's life is in effect."""
    daemon.write_config(settings, feeds)
    daemon.reload()
    daemon.wait_log("reload: done: %d feeds" % len(feeds))
    daemon.wait_log("reload: done: ", count)


def distances(server, path):
    times = [request.began for request in server.requests(path)]
    return [later - earlier for earlier, later in zip(times, times[1:])]


def keeps_pace(pollers):
    servers = [server_of(["/a", "/b", "/c"], 1 + 10 * number) for number in range(4)]
    stay = [every(server, path, "1s") for server in servers for path in ("/a", "/b")]
    comes = [every(server, "/c", "1s") for server in servers]
    return servers, stay, comes, {"poll.pollers": pollers}


def twenty_reloads(folder, pollers):
    servers, stay, comes, settings = keeps_pace(pollers)
    daemon = harness.Daemon(folder, stay, settings)
    daemon.start()
    daemon.syslog.wait_alerts(8)
    for number in range(20):
        reload(daemon, stay + comes[:number % 5], number + 1)
        target = servers[number % 4]
        target.wait_requests("/a", len(target.requests("/a")) + 1)
    daemon.syslog.wait_alerts(12)
    counts = {(server, path): len(server.requests(path)) for server in servers for path in ("/a", "/b")}
    for (server, path), count in counts.items():
        server.wait_requests(path, count + 1)
    for server in servers:
        for path in ("/a", "/b", "/c"):
            check(min(distances(server, path), default=1) > EARLIEST, path, "was polled twice within its interval",
                  distances(server, path))
        for path in ("/a", "/b"):
            check(max(distances(server, path)) < 1.1 + (8 if harness.is_sanitized() else 3), path, "missed a poll", distances(server, path))
            check(all(request.header("If-None-Match") for request in server.requests(path)[1:]),
                  path, "was asked without what was known of it")
    check_equal(len(daemon.syslog.alerts()), 12, "alerts")
    check('wirewatch_feeds{state="ok"} 12\n' in daemon.get("/metrics")[1], "not the feeds of the last reload;", daemon.story())
    check_equal(daemon.get("/feeds")[1].count('"url":'), 12, "feeds shown")
    daemon.stop_cleanly()


def test_twenty_reloads(folder):
    """20 reloads in a row while feeds are polled: none misses a poll, none is polled too early, nothing is lost"""
    twenty_reloads(folder, 1)


def test_twenty_reloads_of_three(folder):
    """the same with three pollers"""
    twenty_reloads(folder, 3)


def any_order(folder, pollers):
    server = server_of(["/%d" % number for number in range(12)])
    feeds = [every(server, "/%d" % number, "1s") for number in range(12)]
    chance = random.Random(3)
    daemon = harness.Daemon(folder, feeds, {"poll.pollers": pollers})
    daemon.start()
    daemon.syslog.wait_alerts(12)
    for number in range(30):
        listed = chance.sample(feeds, chance.randint(1, 12))
        reload(daemon, listed, number + 1)
        urls = sorted(feed["url"] for feed in listed)
        check(wait_until(lambda: sorted(re.findall(r'"url":"([^"]*)"', daemon.get("/feeds")[1])) == urls), "not just the feeds of",
              urls, daemon.get("/feeds")[1])
    reload(daemon, feeds[::-1], 31)
    reload(daemon, feeds[3:] + feeds[:2], 32)
    counts = {path: len(server.requests(path)) for path in server.routes}
    for number in [0, 1, *range(3, 12)]:
        server.wait_requests("/%d" % number, counts["/%d" % number] + 1)
    check(len(server.requests("/2")) <= counts["/2"] + 1, "a feed that is no longer listed is polled")
    check_equal(len(daemon.syslog.alerts()), 12, "alerts")
    daemon.stop_cleanly()


def test_any_order(folder):
    """lists in any order, from which feeds have gone and to which they have come anywhere: just those listed are polled"""
    any_order(folder, 1)


def test_any_order_of_two(folder):
    """the same with two pollers"""
    any_order(folder, 2)


def held_feed():
    """A server whose only feed has been asked for and not answered."""
    server = server_of(["/held"], 50)
    server.hold()
    return server


def test_removed_under_way(folder):
    """a feed removed while its poll is under way: the reload is done at once, what the poll brings is not lost"""
    held, other = held_feed(), server_of(["/other"])
    feeds = [every(other, "/other", "1s"), every(held, "/held", "1s")]
    daemon = harness.Daemon(folder, feeds)
    daemon.start()
    held.wait_requests("/held", 1)
    reload(daemon, feeds[:1], 1)
    other.wait_requests("/other", len(other.requests("/other")) + 2)
    held.release()
    check_equal(sorted(line["title"] for line in daemon.syslog.wait_alerts(2)), ["Shipment 1 is halted", "Shipment 50 is halted"])
    check(wait_until(lambda: '"url":"%s"' % held.url("/held") not in daemon.get("/feeds")[1]), "a feed that has gone is shown")
    other.wait_requests("/other", len(other.requests("/other")) + 2)
    check_equal(len(held.requests("/held")), 1, "requests for a feed that has gone")
    daemon.stop_cleanly()


def test_removed_and_added_again(folder):
    """a feed removed and added again while its poll is under way: it is not asked a second time, and goes on"""
    held, other = held_feed(), server_of(["/other"])
    feeds = [every(other, "/other", "1s"), every(held, "/held", "2s")]
    daemon = harness.Daemon(folder, feeds)
    daemon.start()
    held.wait_requests("/held", 1)
    for number in range(4):
        reload(daemon, feeds[:1], 2 * number + 1)
        reload(daemon, feeds, 2 * number + 2)
    other.wait_requests("/other", len(other.requests("/other")) + 2)
    check_equal(len(held.requests("/held")), 1, "requests while the first one is under way")
    held.release()
    held.wait_requests("/held", 3)
    check(distances(held, "/held")[1] > 1.98, "asked too early", distances(held, "/held"))
    check(held.requests("/held")[1].header("If-None-Match"), "asked without what was known of it")
    check_equal(len(daemon.syslog.wait_alerts(2)), 2, "alerts")
    daemon.stop_cleanly()


def test_removed_and_added_at_rest(folder):
    """a feed removed between two polls and added again keeps its distance and what is stored of it"""
    server = server_of(["/feed", "/other"])
    feeds = [every(server, "/other", "1s"), every(server, "/feed", "4s")]
    daemon = harness.Daemon(folder, feeds)
    daemon.start()
    daemon.syslog.wait_alerts(2)
    reload(daemon, feeds[:1], 1)
    reload(daemon, feeds, 2)
    second = server.wait_requests("/feed", 2)[1]
    check(distances(server, "/feed")[0] > 3.98, "asked too early", distances(server, "/feed"))
    check(second.header("If-None-Match"), "asked without what is stored of it")
    daemon.stop_cleanly()


def test_removed_right_after_a_poll(folder):
    """a feed removed right after a poll that brought nothing, and added again: that poll counts"""
    server = server_of(["/feed", "/other"])
    server.route("/feed", *server.routes["/feed"], feedserver.not_modified())
    feeds = [every(server, "/other", "1s"), every(server, "/feed", "3s")]
    daemon = harness.Daemon(folder, feeds)
    daemon.start()
    server.wait_requests("/feed", 2)
    check(wait_until(lambda: '"not_modified"' in daemon.get("/feeds")[1]), "the second poll is not over")
    reload(daemon, feeds[:1], 1)
    reload(daemon, feeds, 2)
    server.wait_requests("/feed", 4)
    check(min(distances(server, "/feed")) > 3 * EARLIEST, "asked too early", distances(server, "/feed"))
    daemon.stop_cleanly()


def test_interval(folder):
    """an interval made shorter holds from the reload on, also for a feed whose poll is under way"""
    held, server = held_feed(), server_of(["/feed"])
    daemon = harness.Daemon(folder, [every(server, "/feed", "1h"), every(held, "/held", "1h")])
    daemon.start()
    daemon.syslog.wait_alerts(1)
    held.wait_requests("/held", 1)
    reload(daemon, [every(server, "/feed", "1s"), every(held, "/held", "1s")], 1)
    server.wait_requests("/feed", 4)
    held.release()
    held.wait_requests("/held", 3)
    daemon.stop_cleanly()


def test_settings(folder):
    """what pollers are made with is changed as well: new ones take over, and no feed is polled too early"""
    servers, stay, comes, settings = keeps_pace(2)
    daemon = harness.Daemon(folder, stay, settings)
    daemon.start()
    daemon.syslog.wait_alerts(8)
    for number in range(4):
        reload(daemon, stay + comes[:number % 2], number + 1, {"poll.pollers": number % 3 + 1, "poll.per_host": 8 - number})
        servers[0].wait_requests("/a", len(servers[0].requests("/a")) + 2)
    daemon.syslog.wait_alerts(9)
    for server in servers:
        for path in ("/a", "/b"):
            check(min(distances(server, path)) > EARLIEST, path, "was polled twice within its interval", distances(server, path))
    check_equal(len(daemon.syslog.alerts()), 9, "alerts")
    daemon.stop_cleanly()


def test_stopped_with_changes(folder):
    """SIGTERM right after SIGHUP, with a poll under way: it ends within seconds"""
    held = held_feed()
    many = [held.url("/none/%d" % number) for number in range(3000)]
    daemon = harness.Daemon(folder, [held.url("/held")], {"poll.pollers": 3})
    daemon.start()
    held.wait_requests("/held", 1)
    daemon.write_config(feeds=many)
    daemon.reload()
    daemon.stop_cleanly()


def test_once(folder):
    """--once with several pollers polls each feed once and ends"""
    servers, stay, comes, settings = keeps_pace(3)
    daemon = harness.Daemon(folder, stay + comes, settings)
    check_equal(daemon.once(), 0, "exit status")
    check_equal([len(server.requests()) for server in servers], [3, 3, 3, 3], "requests")
    check_equal(len(daemon.syslog.wait_alerts(12)), 12, "alerts")


if __name__ == "__main__":
    harness.run_tests([test_twenty_reloads, test_twenty_reloads_of_three, test_any_order, test_any_order_of_two, test_removed_under_way,
                       test_removed_and_added_again, test_removed_and_added_at_rest, test_removed_right_after_a_poll, test_interval, test_settings,
                       test_stopped_with_changes, test_once])
