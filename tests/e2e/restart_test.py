"""Restarts: SIGTERM, kill -9 and --once neither repeat nor lose an alert."""
import signal

import feedserver
import harness
import news
from harness import check, check_equal


def check_ledger(daemon, count):
    """The ledger holds items 1 to count exactly once, in order of sequence, of one epoch."""
    messages = harness.replay_all(daemon.replay)
    check_equal(sorted(m.data["item"] for m in messages),
                ["urn:test:numbered-%06d" % n for n in range(1, count + 1)], "items in the ledger")
    check_equal([m.sequence for m in messages], list(range(1, count + 1)), "sequences")
    check_equal(len({m.epoch for m in messages}), 1, "epochs")


def restart_rounds(folder, how, rounds=6):
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    feed = news.NumberedFeed(server)
    daemon = harness.Daemon(folder, [feed.url], {"poll.max": harness.Plain("1s")})
    total = 0
    for round_number in range(rounds):
        feed.grow(5)
        total += 5
        daemon.start()
        if round_number % 2 == 0:  # every second time the end comes at some moment of its own
            wanted = total
            daemon.syslog.wait_alerts(wanted)
        status = daemon.stop(how)
        check(status in (0, -signal.SIGKILL), "exit status", status, daemon.story())
    daemon.start()
    daemon.syslog.wait_alerts(total)
    subscriber = harness.Subscriber(daemon.publish)
    subscriber.wait_welcome()
    sentinel_count = total + 1
    feed.grow(1)
    subscriber.alerts_until_item("urn:test:numbered-%06d" % sentinel_count)
    check_ledger(daemon, sentinel_count)
    daemon.stop_cleanly()
    return daemon, sentinel_count


def test_sigterm(folder):
    """SIGTERM again and again: every item alerted once and sent once"""
    daemon, count = restart_rounds(folder, signal.SIGTERM)
    sequences = [int(line["seq"]) for line in daemon.syslog.alerts()]
    check_equal(sequences, list(range(1, count + 1)), "on syslog")


def test_sigkill(folder):
    """kill -9 again and again: every item stored once; at most a batch is sent twice"""
    daemon, count = restart_rounds(folder, signal.SIGKILL)
    sequences = [int(line["seq"]) for line in daemon.syslog.alerts()]
    check_equal(sorted(set(sequences)), list(range(1, count + 1)), "on syslog")
    check(len(sequences) <= count + 6 * 6, "sent again too often:", sequences)


def test_once(folder):
    """--once polls each feed once, publishes and ends with 0; the second run alerts what is new alone"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    feeds = [news.NumberedFeed(server), news.NumberedFeed(server, "/empty")]
    feeds[0].grow(3)
    daemon = harness.Daemon(folder, [f.url for f in feeds], {"poll.mean": harness.Plain("1h"),
                                                              "poll.max": harness.Plain("2h")})
    check_equal(daemon.once(), 0, "first run; " + daemon.story())
    check_equal((len(server.requests("/feed")), len(server.requests("/empty"))), (1, 1), "requests")
    check_equal(len(daemon.syslog.wait_alerts(3)), 3)
    feeds[0].grow(2)
    check_equal(daemon.once(), 0, "second run; " + daemon.story())
    check_equal(len(server.requests("/feed")), 2, "polled again although not due")
    check_equal([int(line["seq"]) for line in daemon.syslog.wait_alerts(5)], [1, 2, 3, 4, 5])


def test_epoch(folder):
    """a lost ledger starts a new epoch"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    feed = news.NumberedFeed(server)
    feed.grow(1)
    epochs = []
    for name in ("one.db", "two.db"):
        daemon = harness.Daemon(folder, [feed.url], {"ledger": "sqlite://%s/%s" % (folder, name)})
        daemon.start()
        daemon.syslog.wait_alerts(1)
        epochs.append(harness.replay_all(daemon.replay)[0].epoch)
        daemon.stop_cleanly()
        daemon.syslog.close()
        daemon.notify.close()
        for path in (daemon.syslog.path, daemon.notify.path):
            harness.os.unlink(path)
    check(epochs[0] != epochs[1], "epochs", epochs)


def test_second_daemon(folder):
    """a second daemon on the same ledger is refused with a reason and exit code 1"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    feed = news.NumberedFeed(server)
    daemon = harness.Daemon(folder, [feed.url])
    daemon.start()
    status, _, stderr = harness.daemon_command("-c", daemon.config)
    check_equal(status, 1, "exit status; " + stderr)
    check(stderr.strip(), "no reason given")
    check(daemon.alive(), "the first one ended")
    daemon.stop_cleanly()


if __name__ == "__main__":
    harness.run_tests([test_sigterm, test_sigkill, test_once, test_epoch, test_second_daemon])
