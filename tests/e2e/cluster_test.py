#!/usr/bin/env python3
"""Several nodes share the feeds: each is polled by one, whoever comes, goes, dies or hangs."""
import os
import re
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cluster  # noqa: E402
import harness  # noqa: E402
from cluster import check_peace, wait_divided, wait_polled  # noqa: E402
from harness import check, check_equal  # noqa: E402

LEASE = 5.0
BUSY = 3.0  # more than a machine that has other things to do needs for anything


def say(text, *figures):
    print("# " + text % figures, flush=True)


def test_joins_and_leaves(folder):
    """nodes that join get their share, one that leaves gives it back at once"""
    group = cluster.Group(folder)
    feeds = group.feeds(24)
    nodes = [group.node(name, feeds) for name in ("a", "b", "c")]
    for count, node in enumerate(nodes, 1):
        node.start()
        took = wait_divided(nodes[:count], feeds)
        say("%d nodes: divided %.2f s after the start", count, took)
    wait_polled(group.judge, feeds, time.monotonic())
    states = {node["name"]: node["state"] for node in nodes[2].status()["nodes"]}
    check_equal(states, {"a": "living", "b": "living", "c": "living"}, "states")
    status, text, _ = harness.client("status", "--http", nodes[2].http)
    check_equal(status, 0, "wirewatch status")
    check(re.search(r"\n +c \(this one\): living, \d+ feeds of \d+ hosts, published 0, heard of 2", text), text)
    status, text, _ = harness.client("feeds", "--http", nodes[2].http)
    check("%d of 24 feeds are polled here" % len(nodes[2].held()) in text, text)
    metrics = nodes[0].get("/metrics")[1]
    check('wirewatch_cluster_nodes 3\n' in metrics and 'wirewatch_cluster_lag{node="b"} 0\n' in metrics, metrics[-2000:])
    nodes[1].stop_cleanly()
    left = time.monotonic()
    wait_divided([nodes[0], nodes[2]], feeds)
    took = time.monotonic() - left
    say("taken over %.2f s after the end of a node that left", took)
    check(took < LEASE / 2, "it took", took)
    check_equal(nodes[0].node("b")["state"], "left", "state")
    wait_polled(group.judge, feeds, time.monotonic())
    check_peace(group.judge)
    for node in (nodes[0], nodes[2]):
        node.stop_cleanly()


def start_two(group, feeds):
    """Two nodes that share the feeds and have polled them all."""
    nodes = [group.node(name, feeds) for name in ("a", "b")]
    for node in nodes:
        node.start()
    wait_divided(nodes, feeds)
    wait_polled(group.judge, feeds)
    return nodes


def test_killed(folder):
    """a node that is killed loses its feeds within the lease, and takes its place again at once"""
    group = cluster.Group(folder)
    feeds = group.feeds(20)
    nodes = start_two(group, feeds)
    nodes[1].kill()
    killed = time.monotonic()
    wait_divided(nodes[:1], feeds)
    took = time.monotonic() - killed
    say("taken over %.2f s after kill -9 (lease %.0f s)", took, LEASE)
    check(took < LEASE + BUSY, "it took", took)
    check_equal(nodes[0].node("b")["state"], "dead", "state")
    nodes[1].start()
    wait_divided(nodes, feeds)
    nodes[1].kill()
    started = time.monotonic()
    nodes[1].start()  # it sees that its old process is gone: else it would be refused
    say("back %.2f s after it was killed and started again", time.monotonic() - started)
    wait_divided(nodes, feeds)
    check_peace(group.judge)
    for node in nodes:
        node.stop_cleanly()


def test_stopped(folder):
    """a node stopped for longer than its lease asks nobody before it is a member again"""
    group = cluster.Group(folder)
    feeds = group.feeds(20, pause=0.2)
    nodes = start_two(group, feeds)
    for round_number in range(2):
        mine = set(nodes[1].held())
        nodes[1].process.send_signal(signal.SIGSTOP)
        stopped = time.monotonic()
        wait_divided(nodes[:1], feeds)
        say("taken over %.2f s after SIGSTOP", time.monotonic() - stopped)
        check(time.monotonic() - stopped < LEASE + BUSY, "it took too long")
        wait_polled(group.judge, mine, time.monotonic())
        # Its row is locked, so that it cannot join again for a while; for longer than it waits for a lock, too.
        lock = threading.Thread(target=group.database.sql, args=(
            "BEGIN; SELECT 1 FROM wirewatch.node WHERE name = 'b' FOR UPDATE; SELECT pg_sleep(3); COMMIT", group.name))
        lock.start()
        asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        check(harness.wait_until(lambda: group.database.sql(asleep) == [["1"]]), "no lock")
        going_on = time.monotonic()
        nodes[1].process.send_signal(signal.SIGCONT)
        lock.join()
        early = [(r.host, group.judge.owner(r), r.began - going_on) for r in group.judge.requests()
                 if going_on < r.began < going_on + 1 and group.judge.owner(r) != "a"]
        check(not early, "asked before it was a member again:", early)
        nodes[1].wait_log("joined again", round_number + 1)
        wait_divided(nodes, feeds)
    wait_polled(group.judge, feeds, time.monotonic())
    check_peace(group.judge)
    for node in nodes:
        node.stop_cleanly()


def test_same_name(folder):
    """a second node of one name is refused and told why"""
    group = cluster.Group(folder)
    feeds = group.feeds(3)
    first = group.node("a", feeds).start()
    os.rename(os.path.join(folder, "a"), os.path.join(folder, "first"))
    second = group.node("a", feeds)
    second.start(ready=False)
    check_equal(second.wait(), 1, "exit status")
    second.wait_log("a node called a lives already")
    check(first.alive(), "the first one ended")
    check_equal(len(first.held()), 3, "feeds held")
    first.stop_cleanly()


def test_lists_that_differ(folder):
    """each feed is polled by one of those that list it, a host by one at a time"""
    group = cluster.Group(folder)
    feeds = group.feeds(12, each=3, pause=0.1)
    lists = {
        "a": [url for url in feeds if not url.endswith("/2")],          # all hosts, two feeds of each
        "b": [url for url in feeds if not url.endswith("/0")],          # all hosts, others
        "c": [url for url in feeds if "//h0" in url],                   # some hosts, all their feeds
    }
    nodes = [group.node(name, urls) for name, urls in lists.items()]
    for node in nodes:
        node.start()
    start = time.monotonic()
    wait_polled(group.judge, feeds, start, timeout=60)
    wait_polled(group.judge, feeds, time.monotonic(), timeout=60)
    say("every feed was polled again within %.1f s", (time.monotonic() - start) / 2)
    for request in group.judge.requests():
        url = "http://%s:%d%s" % (request.host, group.judge.port, request.path)
        owner = group.judge.owner(request)
        check(owner is None or url in lists[owner], url, "was polled by", owner)
    check_peace(group.judge)
    for node in nodes:
        node.stop_cleanly()


def test_reload(folder):
    """a reload that adds and removes feeds changes what is shared"""
    group = cluster.Group(folder)
    feeds = group.feeds(16)
    nodes = [group.node(name, feeds[:10]) for name in ("a", "b")]
    for node in nodes:
        node.start()
    wait_divided(nodes, feeds[:10])
    for node in nodes:
        node.write_config(feeds=feeds[4:])
        node.reload()
    wait_divided(nodes, feeds[4:])
    since = time.monotonic()
    wait_polled(group.judge, feeds[4:], since)
    gone = ["h%02d.localhost" % host for host in range(4)]
    check(not [r for r in group.judge.requests() if r.host in gone and r.began > since], "removed feeds were polled")
    nodes[1].write_config(feeds=feeds[4:10])  # only the first lists the rest
    nodes[1].reload()
    check(harness.wait_until(lambda: set(nodes[0].held()) >= set(feeds[10:])), "not taken by the one that lists it")
    wait_divided(nodes, feeds[4:], slack=10)  # nine and three: half of what both list
    check_peace(group.judge)
    for node in nodes:
        node.stop_cleanly()


def test_database_restarted(folder):
    """without the database nothing is polled and health says so; after it all goes on by itself"""
    group = cluster.Group(folder)
    feeds = group.feeds(12)
    nodes = start_two(group, feeds)
    group.database.stop()
    for node in nodes:
        check(harness.wait_until(lambda n=node: n.get("/healthz")[0] == 503), "healthy without a database")
    time.sleep(LEASE)  # all that was known to stand has ended
    before = len(group.judge.requests())
    time.sleep(2)
    check_equal(len(group.judge.requests()), before, "polls without a membership")
    group.database.start()
    for node in nodes:
        check(harness.wait_until(lambda n=node: n.get("/healthz")[0] == 200), "not healthy again", node.story())
    wait_divided(nodes, feeds)
    wait_polled(group.judge, feeds, time.monotonic())
    check_peace(group.judge)
    for node in nodes:
        node.stop_cleanly()


def test_lost_answers(folder):
    """a node takes its feeds and joins again although the answers to both were lost"""
    group = cluster.Group(folder)
    feeds = group.feeds(12)
    way = cluster.LossyWay(group.database)
    nodes = [group.node("a", feeds, {"ledger": way.uri(group)}), group.node("b", feeds)]
    nodes[1].start()
    wait_divided(nodes[1:], feeds)
    way.lose(b"take")
    nodes[0].start()
    check(way.lost.wait(harness.PATIENCE), "nothing was taken")
    wait_divided(nodes, feeds)
    way.lose(b"join_enter", b"commit")
    nodes[0].process.send_signal(signal.SIGSTOP)
    check(harness.wait_until(lambda: nodes[1].node("a")["state"] != "living"), nodes[1].status())
    nodes[0].process.send_signal(signal.SIGCONT)
    check(way.lost.wait(harness.PATIENCE), "it did not join")
    nodes[0].wait_log("share: joined again")
    wait_divided(nodes, feeds)
    check_peace(group.judge)
    for node in nodes:
        node.stop_cleanly()


if __name__ == "__main__":
    harness.run_tests([test_joins_and_leaves, test_killed, test_stopped, test_same_name, test_lists_that_differ,
                       test_reload, test_database_restarted, test_lost_answers])
