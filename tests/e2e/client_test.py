"""The tool as its user runs it: tail, status, feeds, match, parse."""
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading

import documents
import feedserver
import harness
import news
from harness import check, check_equal


class Tail:
    """A running `wirewatch tail --json` with its lines."""

    def __init__(self, *arguments):
        self.changed, self.lines = threading.Condition(), []
        self.process = subprocess.Popen([harness.CLIENT, "tail", *arguments], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        threading.Thread(target=self._read, daemon=True).start()
        harness.Cleanup.add(self.kill)

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.decode())
                self.changed.notify_all()

    def wait_lines(self, count):
        with self.changed:
            check(self.changed.wait_for(lambda: len(self.lines) >= count, harness.PATIENCE),
                  "tail printed", self.lines, "not", count, "lines")
            return list(self.lines)

    def wait(self):
        status = self.process.wait(harness.PATIENCE)
        return status, self.process.stderr.read().decode()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def start_with(folder, count):
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    items = [news.numbered(n, minutes_ago=60 - n) for n in range(1, count + 1)]
    server.route("/feed", feedserver.document(documents.rss2(items)))
    daemon = harness.Daemon(folder, [{"url": server.url("/feed"), "name": "Example agency"}],
                            {"poll.max": harness.Plain("1s")})
    daemon.start()
    daemon.syslog.wait_alerts(count)
    return server, daemon, items


def add_item(server, items):
    items.insert(0, news.numbered(len(items) + 1))
    server.route("/feed", feedserver.document(documents.rss2(items)))


def test_tail_since(folder):
    """tail --since replays what is stored, then goes on live; --count ends it"""
    server, daemon, items = start_with(folder, 5)
    tail = Tail("--json", "--since", "2", "--count", "4", daemon.publish)
    tail.wait_lines(3)
    add_item(server, items)
    status, stderr = tail.wait()
    check_equal(status, 0, stderr)
    check_equal([json.loads(line)["sequence"] for line in tail.wait_lines(4)], ["%020d" % n for n in (3, 4, 5, 6)])


def test_tail_readable(folder):
    """tail prints a readable block without escape sequences when standard output is no terminal"""
    _, daemon, _ = start_with(folder, 1)
    status, stdout, stderr = harness.client("tail", "--since", "0", "--count", "1", daemon.publish)
    check_equal(status, 0, stderr)
    for word in ("pause", "Shipment 1 is halted", "https://news.example/", "Norway"):
        check(word in stdout, word, "is missing in", stdout)
    check("\033" not in stdout, "escape sequences")


def on_terminal(columns, *command, **environment):
    """What a command prints on a terminal so wide."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=slave, stderr=subprocess.PIPE,
                               env={**os.environ, "TERM": "xterm", "TZ": "UTC", "NO_COLOR": "", **environment})
    os.close(slave)
    printed = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError: # EIO: the other side is closed
            break
        if not piece:
            break
        printed += piece
    os.close(master)
    process.stderr.close()
    check_equal(process.wait(harness.PATIENCE), 0)
    return printed.decode().replace("\r\n", "\n")


def test_tail_on_a_terminal(folder):
    """on a terminal tail wraps to its width, colours, and folds repeats under the first report of their story"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    report = news.item(news.by_name("pause-en"))
    server.route("/first", feedserver.document(documents.rss2([report])))
    server.route("/second", feedserver.document(documents.rss2([dict(report, id="urn:test:other")])))
    feeds = [{"url": server.url("/first"), "name": "Example agency"}, {"url": server.url("/second"), "name": "Other wire"}]
    daemon = harness.Daemon(folder, feeds, {"poll.max": harness.Plain("1s")})
    daemon.start()
    daemon.syslog.wait_alerts(2)
    printed = on_terminal(60, harness.CLIENT, "tail", "--since", "0", "--count", "2", daemon.publish)
    check("\033[1m" in printed, "no bold", printed)
    lines = re.sub("\033\\[[0-9]*m", "", printed).splitlines()
    check(max(map(len, lines)) <= 60, "too wide", lines)
    check(lines[0].startswith("── "), "no day", lines)
    check(any(line[10:].startswith("“The Pentagon has halted deliveries") for line in lines), lines)
    folded = [number for number, line in enumerate(lines) if line.startswith("          ↳ ")]
    check(len(folded) == 1 and lines[folded[0] - 1] != "", "not folded under the first report", lines)
    check_equal(sum(line[10:15] == "pause" for line in lines), 1)


def test_tail_classes(folder):
    """tail --class prints that class alone"""
    server, daemon, items = start_with(folder, 2)
    server.route("/feed", feedserver.document(documents.rss2([news.item(news.by_name("sale-en"))] + items)))
    status, stdout, stderr = harness.client("tail", "--json", "--class", "sale,refusal", "--since", "0", "--count", "1",
                                            daemon.publish)
    check_equal(status, 0, stderr)
    check_equal([json.loads(line)["data"]["class"] for line in stdout.splitlines()], ["sale"])


def test_tail_across_restart(folder):
    """tail lives through a restart of the daemon and misses nothing made meanwhile"""
    server, daemon, items = start_with(folder, 2)
    tail = Tail("--json", "--since", "0", "--count", "5", daemon.publish)
    tail.wait_lines(2)
    for how in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        daemon.stop(how)
        add_item(server, items)
        daemon.start()
        daemon.syslog.wait_alerts(len(items))
    status, stderr = tail.wait()
    check_equal(status, 0, stderr)
    check_equal([json.loads(line)["sequence"] for line in tail.wait_lines(5)], ["%020d" % n for n in range(1, 6)])


def test_tail_interrupted(folder):
    """Ctrl-C ends tail quietly"""
    _, daemon, _ = start_with(folder, 1)
    tail = Tail("--json", "--since", "0", daemon.publish)
    tail.wait_lines(1)
    tail.process.send_signal(signal.SIGINT)
    status, stderr = tail.wait()
    check(status in (0, -signal.SIGINT, 130), "exit status", status)
    check("Sanitizer" not in stderr, stderr)


def test_status(folder):
    """status and feeds ask the running daemon; without one: exit code 1 and a reason"""
    server, daemon, _ = start_with(folder, 3)
    server.wait_requests("/feed", 2)
    status, stdout, stderr = harness.client("status", "--json", "--http", daemon.http)
    check_equal(status, 0, stderr)
    state = json.loads(stdout)
    check_equal(state["sequence"], 3, stdout)
    status, stdout, stderr = harness.client("feeds", "--json", "--http", daemon.http)
    check_equal(status, 0, stderr)
    check(server.url("/feed") in stdout and "Example agency" in stdout, stdout)
    status, stdout, stderr = harness.client("status", "--http", daemon.http)
    check_equal(status, 0, stderr)
    check("3" in stdout, stdout)
    check(re.search(r"^99 of 100 +polls started within \S+ s, alerts published within \S+ s", stdout, re.M), stdout)
    check(0 < state["p99"]["alert_latency"] < 60, state["p99"])
    check_equal(harness.client("feeds", "--failing", "--http", daemon.http)[1], "No feed is failing.\n")
    server.route("/feed", feedserver.status("404 Not Found"))
    daemon.wait_log("404")
    status, stdout, stderr = harness.client("feeds", "--failing", "--http", daemon.http)
    check_equal((status, stderr), (0, ""))
    check("404" in stdout and "look for its new address" in stdout, stdout)
    daemon.stop_cleanly()
    status, stdout, stderr = harness.client("status", "--http", daemon.http)
    check_equal((status, stdout), (1, ""), stderr)
    check_equal(len(stderr.strip().split("\n")), 1, "lines on standard error")


def test_feeds_failing(folder):
    """feeds --failing leaves out the feeds that are well and no others, and says what can be done about each"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    advice = {"/pausing": "when the publisher allows it", "/missing": "look for its new address", "/ended": "remove it"}
    server.route("/well", feedserver.document(documents.rss2([news.numbered(1)])))
    server.route("/pausing", feedserver.status("429 Too Many Requests", [("Retry-After", "7200")]))
    server.route("/missing", feedserver.status("404 Not Found"))
    server.route("/ended", feedserver.status("410 Gone"))
    feeds = [{"url": server.url(path), "name": path} for path in ("/well", *advice)]
    daemon = harness.Daemon(folder, feeds)
    daemon.start()

    def shown(*options):
        return harness.client("feeds", "--http", daemon.http, *options)[1]
    check(harness.wait_until(lambda: "null" not in {json.dumps(feed["last_poll"]) for feed in json.loads(shown("--json"))["feeds"]}),
          "not all were polled", daemon.story())
    states = {feed["name"]: feed["state"] for feed in json.loads(shown("--json", "--failing"))["feeds"]}
    check_equal(states, {"/pausing": "paused", "/missing": "failing", "/ended": "ended"})
    rows = re.split("^(?=/)", shown("--failing"), flags=re.M)[1:]
    check_equal({row.split()[0] for row in rows}, set(advice))
    for row in rows:
        check(advice[row.split()[0]] in row, row)
    check_equal(len(shown().splitlines()), 5, "lines about all feeds")


def test_large_configuration(folder):
    """a configuration of more than 16 MiB, which the daemon reads, tells the tool as well where to ask"""
    _, daemon, _ = start_with(folder, 1)
    with open(daemon.config, "a", encoding="utf-8") as file:
        file.write("# a long story\n" * ((17 << 20) // 15))
    for command in ("status", "feeds", "backup"):
        status, _, stderr = harness.client(command, "-c", daemon.config)
        check_equal((status, stderr), (0, ""), command)


def test_default_ledger(folder):
    """backup looks for the ledger at its default place when the configuration names none"""
    if os.path.exists("/var/lib/wirewatch/ledger.db"):
        raise harness.Skip("a daemon of this machine may be told")
    path = os.path.join(folder, "wirewatch.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write("http: off\n")
    status, stdout, stderr = harness.client("backup", "-c", path)
    check_equal((status, stdout), (1, ""))
    check(" /var/lib/wirewatch/ledger.db: " in stderr, stderr)


def test_cannot_write(folder):
    """what cannot be written to standard output is said, and the exit code is 1"""
    _, daemon, _ = start_with(folder, 1)
    ledger = os.path.join(folder, "ledger.db")

    def refused(*arguments):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([harness.CLIENT, *arguments], stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE,
                                  timeout=harness.PATIENCE, check=False)
        check_equal((done.returncode, done.stderr.decode()), (1, "wirewatch %s: cannot write\n" % arguments[0]), arguments)
    refused("feeds", "--failing", "--http", daemon.http)
    refused("feeds", "--http", daemon.http)
    refused("feeds", "--json", "--http", daemon.http)
    refused("backup", "-c", daemon.config)
    daemon.stop_cleanly()
    refused("migrate", "sqlite://" + ledger, "sqlite://" + os.path.join(folder, "other.db"))
    refused("keygen", os.path.join(folder, "key"))


def test_http(folder):
    """health, metrics and status over HTTP; other methods are refused"""
    _, daemon, _ = start_with(folder, 2)
    check_equal(daemon.get("/healthz")[0], 200)
    code, metrics = daemon.get("/metrics")
    check_equal(code, 200)
    for name in ("wirewatch_polls_total{", 'wirewatch_alerts_total{class="pause"', "wirewatch_feeds{",
                 "process_resident_memory_bytes"):
        check(name in metrics, name, "is missing in", metrics)
    check_equal(json.loads(daemon.get("/status")[1])["sequence"], 2)
    check(isinstance(json.loads(daemon.get("/feeds")[1]), (list, dict)), "/feeds")
    check_equal(daemon.get("/nonsense")[0], 404)


def match_lines(text):
    status, stdout, stderr = harness.client("match", "--jsonl", "-r", harness.RULES, stdin=text.encode())
    check_equal(status, 0, stderr)
    return [json.loads(line) for line in stdout.splitlines()]


def test_match_jsonl(folder):
    """match --jsonl says in order what the daemon says about the same items, HTML or not"""
    entries = news.REPORTS + news.DECOYS
    lines = [{"id": e["id"], "title": e["title"], "text": e["text"], "lang": e["language"]} for e in entries]
    lines += [{"id": e["id"] + "-html", "title": e["title"], "text": documents.html_of(e)} for e in entries]
    answers = match_lines("".join(json.dumps(line) + "\n" for line in lines))
    check_equal([a["id"] for a in answers], [line["id"] for line in lines], "order")
    for entry, answer in zip(entries + entries, answers):
        raised = {alert["class"] for alert in answer["alerts"]}
        check(entry["expect"] <= raised <= entry["expect"] | entry["allow"], answer["id"], "raised", raised)
        for alert in answer["alerts"]:
            check(alert["rule"] and alert["evidence"] and alert["evidence"][0]["text"], answer)
            check(isinstance(alert["systems"], list) and isinstance(alert["actors"], list), answer)
    for first, again in zip(answers, answers[len(entries):]):  # an item leaves nothing behind for the next
        for field in ("class", "systems", "actors", "supplier", "recipient"):
            check_equal([alert[field] for alert in again["alerts"]], [alert[field] for alert in first["alerts"]],
                        "%s of %s" % (field, again["id"]))


def test_match_text(folder):
    """match reads a text, names class and words; --explain says more; bad rules: exit code 1 with line"""
    path = os.path.join(folder, "text")
    with open(path, "w", encoding="utf-8") as file:
        file.write(news.by_name("pause-en")["text"])
    status, stdout, stderr = harness.client("match", "-r", harness.RULES, path)
    check_equal(status, 0, stderr)
    check("pause" in stdout and "halted" in stdout, stdout)
    status, stdout, stderr = harness.client("match", "--explain", "-r", harness.RULES, path)
    check_equal(status, 0, stderr)
    check("pause" in stdout, stdout)
    bad = os.path.join(folder, "bad.yaml")
    with open(bad, "w", encoding="utf-8") as file:
        file.write("rules:\n  - name: broken\n    class: party\n    when: 'missiles'\n")
    status, stdout, stderr = harness.client("match", "-r", bad, path)
    check_equal(status, 1, stderr)
    check("%s:3: " % bad in stderr, stderr)


def test_match_bad_lines(folder):
    """match --jsonl: a line that is no object is said with its number"""
    status, _, stderr = harness.client("match", "--jsonl", "-r", harness.RULES,
                                       stdin=b'{"id":"1","title":"","text":""}\nnonsense\n')
    check_equal(status, 1, stderr)
    check("2" in stderr, stderr)


def test_match_endless_line(folder):
    """match --jsonl and score read no more of a line than it may be long"""
    for command in (["match", "--jsonl"], ["score"]):
        process = subprocess.Popen([harness.CLIENT, *command, "-r", harness.RULES, "-"], bufsize=0, stdin=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        harness.Cleanup.add(process.kill)
        taken = 0
        try:
            while taken < 64 << 20:
                taken += process.stdin.write(b" " * 65536)
        except BrokenPipeError:
            pass
        process.stdin.close()
        said = process.stderr.read().decode()
        process.stderr.close()
        check_equal(process.wait(harness.PATIENCE), 1, said)
        check(taken < 32 << 20, command, "took", taken)
        check(re.search(r"1: the line is too long\n", said), said)


def test_match_is_safe_on_a_terminal(folder):
    """match prints no control character or direction mark of a text, in JSON neither"""
    marks = "\u009b\u202e\u007f\U000e0041"
    text = news.by_name("pause-en")["text"].replace("and artillery", "and %s artillery" % marks)
    item = (json.dumps({"id": marks, "title": "", "text": text}) + "\n").encode()
    for arguments, given in ((["--json"], text.encode()), (["--jsonl"], item), (["--explain", "--json"], text.encode()),
                             (["--explain", "--json", "--jsonl"], item), ([], text.encode()),
                             (["--explain"], text.encode()), (["--explain", "--jsonl"], item)):
        status, stdout, stderr = harness.client("match", "-r", harness.RULES, *arguments, stdin=given)
        check_equal((status, stderr), (0, ""), arguments)
        check(not set(stdout) & set(marks), arguments, ascii(stdout))
        if "--json" in arguments or "--explain" not in arguments and arguments:
            answer = json.loads(stdout)
            check_equal(answer.get("id", marks), marks)
            check(any(marks[0] in evidence["text"] for alert in answer["alerts"] for evidence in alert["evidence"]), answer)


def test_match_colours(folder):
    """match colours on a terminal, but not where NO_COLOR or TERM=dumb says so"""
    path = os.path.join(folder, "text")
    with open(path, "w", encoding="utf-8") as file:
        file.write(news.by_name("pause-en")["text"])
    command = [harness.CLIENT, "match", "-r", harness.RULES, path]
    check("\033[1;31m" in on_terminal(80, *command), "no colours")
    for plain in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        printed = on_terminal(80, *command, **plain)
        check("\033" not in printed and "[halted]" in printed, plain, printed)


def test_parse(folder):
    """parse --json shows a feed as the daemon understands it, from a file, standard input and a URL"""
    items = [news.item(news.by_name("pause-uk")), dict(news.numbered(2), date=None)]
    for kind, name in (("rss", "rss-2.0"), ("rdf", "rss-1.0"), ("atom", "atom-1.0")):
        body = documents.FORMATS[kind][0](items, "Agency", "uk")
        path = os.path.join(folder, "feed." + kind)
        with open(path, "wb") as file:
            file.write(body)
        answers = [harness.client("parse", "--json", path), harness.client("parse", "--json", "-", stdin=body)]
        for status, stdout, stderr in answers:
            check_equal(status, 0, stderr)
            document = json.loads(stdout)
            check_equal((document["format"], document["title"], document["language"]), (name, "Agency", "uk"))
            check_equal([e["id"] for e in document["entries"]], [i["id"] for i in items])
            check_equal([e["published"] for e in document["entries"]], [documents.rfc3339(items[0]["date"]), None])
            check("призупинили постачання ракет для систем Patriot" in document["entries"][0]["text"], stdout)
    status, stdout, stderr = harness.client("parse", os.path.join(folder, "feed.rss"))
    check_equal(status, 0, stderr)
    check("США призупинили" in stdout, stdout)


def test_parse_failures(folder):
    """parse: what is no feed, a missing file and wrong usage"""
    status, stdout, stderr = harness.client("parse", "--json", "-", stdin=b"<html><body>hello</body></html>")
    check_equal((status, stdout), (1, ""), stderr)
    check_equal(len(stderr.strip().split("\n")), 1, "lines on standard error")
    status, stdout, stderr = harness.client("parse", os.path.join(folder, "none.xml"))
    check_equal((status, stdout), (1, ""), stderr)
    check("none.xml" in stderr, stderr)


def test_usage(folder):
    """every command has --help and -h; wrong usage: exit code 2"""
    for command in ("tail", "match", "rules", "score", "parse", "status", "feeds", "check-feeds", "import", "export",
                    "backup", "migrate", "keygen"):
        status, stdout, stderr = harness.client(command, "--help")
        check_equal((status, stderr), (0, ""), command)
        check(command in stdout, stdout)
        check_equal(harness.client(command, "-h"), (0, stdout, ""), command)
        status, stdout, stderr = harness.client(command, "--no-such-option")
        check_equal((status, stdout), (2, ""), command)
    for arguments in ([], ["no-such-command"]):
        status, stdout, _ = harness.client(*arguments)
        check_equal((status, stdout), (2, ""), arguments)
    check_equal(harness.client("--version")[0], 0, "--version")


if __name__ == "__main__":
    harness.run_tests([test_tail_since, test_tail_readable, test_tail_on_a_terminal, test_tail_classes,
                       test_tail_across_restart,
                       test_tail_interrupted, test_status, test_feeds_failing, test_large_configuration,
                       test_default_ledger, test_cannot_write, test_http, test_match_jsonl, test_match_text,
                       test_match_bad_lines, test_match_endless_line, test_match_is_safe_on_a_terminal,
                       test_match_colours, test_parse, test_parse_failures, test_usage])
