"""kill -9 at random moments while numbered items appear: the short version of kill_campaign.py.

WW_KILL_ROUNDS sets how often, WW_KILL_SEED repeats a run.
"""
import os
import random
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import feedserver     # noqa: E402
import harness        # noqa: E402
import kill_campaign  # noqa: E402
import news           # noqa: E402
from harness import check, check_equal  # noqa: E402

LOG_PATIENCE = 10  # seconds for which the daemon waits for whoever reads the log


def test_kill(folder):
    """kill -9 again and again at random moments: nothing lost, nothing made twice, the ledger whole"""
    rounds = int(os.environ.get("WW_KILL_ROUNDS", "15"))
    seed = int(os.environ.get("WW_KILL_SEED", random.randrange(1 << 32)))
    print("# %d rounds, WW_KILL_SEED=%d" % (rounds, seed))
    for line in kill_campaign.Campaign(folder, rounds, seed).run():
        print("# " + line)


def kill_behind(folder):
    """One daemon whose log nobody reads, killed; the sequences lost with it, or None: this machine was too slow to say."""
    os.mkdir(folder)
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    feed = news.NumberedFeed(server, window=1000)
    daemon = harness.Daemon(folder, [feed.url], {"poll.max": harness.Plain("1s")})
    read, daemon.syslog.path = daemon.syslog.path, os.path.join(folder, "unread")
    unread = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    unread.bind(daemon.syslog.path)
    with open("/proc/sys/net/unix/max_dgram_qlen") as file:
        count = min(int(file.read()), 600) + 100  # more than the socket holds
    subscriber = harness.Subscriber(daemon.publish)
    began = time.monotonic()
    daemon.start()
    subscriber.wait_welcome()
    for more in (count, 5, 5):  # what a commit published is marked in the next
        feed.grow(more)
        subscriber.alerts_until(lambda found, more=more: len(found) >= more)
    if time.monotonic() - began > LOG_PATIENCE - 1:
        return None
    check_equal(daemon.stop(signal.SIGKILL), -signal.SIGKILL, "exit status; " + daemon.story())
    total, taken = count + 10, []
    unread.setblocking(False)
    try:
        while True:
            taken.append(unread.recv(65536).decode())
    except BlockingIOError:
        unread.close()
    check(sum("]: alert " in line for line in taken) < count, "the log took everything:", len(taken))
    daemon.syslog.path = read
    daemon.syslog.messages.extend(taken)
    daemon.start()
    harness.wait_until(lambda: len({line["seq"] for line in daemon.syslog.alerts()}) >= total)
    seen = {int(line["seq"]) for line in daemon.syslog.alerts()}
    daemon.stop_cleanly()
    return sorted(set(range(1, total + 1)) - seen)


def test_log_behind(folder):
    """kill -9 while lines wait for a log that is not read: they come after the restart"""
    for attempt in range(3):
        lost = kill_behind(os.path.join(folder, str(attempt)))
        if lost is not None:
            check_equal(lost, [], "lost")
            return
    raise harness.Skip("a daemon's start and three polls take longer here than it waits for the log")


if __name__ == "__main__":
    harness.run_tests([test_kill, test_log_behind])
