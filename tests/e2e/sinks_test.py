"""Where alerts go besides ZeroMQ: the file of JSON lines, and log sockets that die and come back."""
import json
import os
import socket
import subprocess

import feedserver
import harness
import news
from harness import check, check_equal


def start(folder, settings=None):
    """A daemon with a feed that grows by itself, and where its file of alerts is."""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    feed = news.NumberedFeed(server, window=1000)
    path = os.path.join(folder, "alerts.jsonl")
    values = {"file.alerts": path, "poll.max": harness.Plain("1s")}
    values.update(settings or {})
    return feed, harness.Daemon(folder, [feed.url], values), path


def lines_of(path, writing=False):
    """The lines in the file. writing: the last one may be on its way in, or be taken back."""
    try:
        with open(path, "rb") as file:
            text = file.read()
    except FileNotFoundError:
        return []
    check(writing or not text or text.endswith(b"\n"), "a line without its end in", path)
    return [json.loads(line) for line in text.split(b"\n")[:-1]]


def wait_lines(path, count):
    check(harness.wait_until(lambda: len(lines_of(path, writing=True)) >= count), "lines in the file:",
          len(lines_of(path, writing=True)))
    return lines_of(path)


def test_same_as_wire(folder):
    """the file has what the wire had, in order, also over a restart"""
    feed, daemon, path = start(folder)
    subscriber = harness.Subscriber(daemon.publish)
    daemon.start()
    subscriber.wait_welcome()
    feed.grow(50)
    alerts = subscriber.alerts_until(lambda found: len(found) >= 50)
    check_equal(wait_lines(path, 50), [m.json for m in alerts], "the file")
    daemon.stop_cleanly()
    feed.grow(10)
    daemon.start()
    alerts += subscriber.alerts_until(lambda found: len(found) >= 10)
    check_equal(wait_lines(path, 60), [m.json for m in alerts], "the file after a restart")
    check_equal(os.stat(path).st_mode & 0o137, 0, "nobody else may read it")
    daemon.stop_cleanly()


def rotate(daemon, path, to):
    os.rename(path, to)
    daemon.reload()
    check(harness.wait_until(lambda: os.path.exists(path)), "no new file;", daemon.story())


def test_rotated(folder):
    """SIGHUP opens a new file after a rotation, also with a configuration that is refused; nothing is lost"""
    feed, daemon, path = start(folder)
    daemon.start()
    feed.grow(5)
    wait_lines(path, 5)
    rotate(daemon, path, path + ".1")
    feed.grow(5)
    wait_lines(path, 5)
    with open(daemon.config, "a", encoding="utf-8") as config:
        config.write("nonsense: 1\n")
    rotate(daemon, path, path + ".2")
    daemon.wait_log("refused; the old configuration stays")
    feed.grow(5)
    wait_lines(path, 5)
    everything = [line for name in (path + ".1", path + ".2", path) for line in lines_of(name)]
    check_equal([int(line["sequence"]) for line in everything], list(range(1, 16)), "sequences in the three files")
    daemon.stop_cleanly()


def test_full_disk(folder):
    """a full disk under the file: the wire loses nothing, it is said, and the file gets everything later"""
    disk = os.path.join(folder, "disk")
    os.mkdir(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], stderr=subprocess.PIPE).returncode:
        raise harness.Skip("no file system can be mounted here")
    harness.Cleanup.add(lambda: subprocess.run(["umount", "-l", disk], check=True))
    path = os.path.join(disk, "alerts.jsonl")
    feed, daemon, _ = start(folder, {"file.alerts": path})
    subscriber = harness.Subscriber(daemon.publish)
    daemon.start()
    subscriber.wait_welcome()
    feed.grow(200)
    alerts = subscriber.alerts_until(lambda found: len(found) >= 200)
    daemon.wait_log("file: .*alerts.jsonl cannot be written: No space left on device")
    check(len(lines_of(path, writing=True)) < 200, "the disk was not full")
    check_equal(daemon.get("/healthz")[0], 200, "health")
    subprocess.run(["mount", "-o", "remount,size=4m", disk], check=True)
    check_equal([line["sequence"] for line in wait_lines(path, 200)], [m.json["sequence"] for m in alerts], "in the file")
    daemon.wait_log("file: .*alerts.jsonl has everything again")
    daemon.stop_cleanly()


def test_cannot_open(folder):
    """a file that cannot be opened is refused at the start, with its name"""
    _, daemon, _ = start(folder, {"file.alerts": os.path.join(folder, "nowhere", "alerts.jsonl")})
    status, _, stderr = harness.daemon_command("-c", daemon.config)
    check_equal(status, 1, stderr)
    check("nowhere/alerts.jsonl" in stderr, stderr)


def test_log_comes_back(folder):
    """a log socket that nobody reads blocks nothing; what it lost is counted and said once it is read, or made anew"""
    feed, daemon, path = start(folder)
    dead_path = os.path.join(folder, "dead")
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    dead.bind(dead_path)
    daemon.syslog.path = dead_path
    subscriber = harness.Subscriber(daemon.publish)
    daemon.start()
    subscriber.wait_welcome()
    total = 0
    while total < 1400:  # more than the socket and the queue of 1,024 lines hold
        feed.grow(200)
        total += 200
        subscriber.alerts_until(lambda found: len(found) >= 200)
    check_equal(len(wait_lines(path, total)), total, "lines in the file")
    dropped = "wirewatch_syslog_dropped_total "
    check(harness.wait_until(lambda: dropped in daemon.get("/metrics")[1] and dropped + "0\n" not in daemon.get("/metrics")[1],
                             timeout=15), "nothing dropped is counted")
    dead.close()
    os.unlink(dead_path)
    again = harness.SyslogSocket(dead_path)
    feed.grow(1)
    with again.changed:
        check(again.changed.wait_for(lambda: any("lines were dropped" in m for m in again.messages), harness.PATIENCE),
              "the losses were not said:", again.messages[-3:])
    check(harness.wait_until(lambda: any(a["seq"] == str(total + 1) for a in again.alerts())), "the new alert's line")
    seen = [int(a["seq"]) for a in again.alerts()]
    check_equal(seen, sorted(set(seen)), "order of the lines")
    daemon.stop_cleanly()


if __name__ == "__main__":
    harness.run_tests([test_same_as_wire, test_rotated, test_full_disk, test_cannot_open, test_log_comes_back])
