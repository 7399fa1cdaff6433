"""What the benches share: the load server, libcurl alone, the daemon's processor time, medians, one form of results.

A result is the median of several runs with the least and the most, beside the same of a reference measured in turns with
it, and the median of the runs' ratios. Processor time is user and system time of all threads (CLOCK_PROCESS_CPUTIME_ID
of the process), in microseconds a poll unless said otherwise.
"""
import argparse
import json
import os
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

import certificates  # noqa: E402
import harness       # noqa: E402
from harness import Plain  # noqa: E402,F401

INSIDE, SMOKE = "WW_BENCH_INSIDE", "WW_BENCH_SMOKE"  # variables of the environment
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"  # where libcurl looks
PLACES = 50      # transfers at once, for the daemon and for libcurl alone
PATIENCE = 900   # seconds for any answer


# ---- results ----------------------------------------------------------------------

def options(description, **more):
    """The options all benches have. more: name -> (default, help) of a bench's own numbers and words."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="a line of JSON for each result instead of a table")
    parser.add_argument("--smoke", action="store_true", help="tiny counts: shows that it works, measures nothing")
    parser.add_argument("--runs", type=int, default=5, help="runs of each case (default: 5)")
    for name, (default, text) in more.items():
        kind = {"action": "store_true"} if default is False else {"type": type(default), "default": default}
        parser.add_argument("--" + name, help=text, **kind)
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended then
    if chosen.smoke:
        chosen.runs, os.environ[SMOKE] = 1, "1"
    return chosen


def spread(values):
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def text_of(figures):
    digits = sum(figures["median"] < bound for bound in (100, 10, 1))
    return "%.*f [%.*f %.*f]" % (digits, figures["median"], digits, figures["least"], digits, figures["most"])


class Report:
    """Prints results as they come; whether all kept their marks."""
    HEAD = ("%-38s %22s %-14s %22s %-22s %18s %s",
            ("case", "median [least most]", "unit", "reference", "of", "ratio", "mark"))

    def __init__(self, bench, chosen):
        self.bench, self.json, self.judge, self.kept = bench, chosen.json, not chosen.smoke, True
        if not self.json:
            print(self.HEAD[0] % self.HEAD[1], flush=True)

    def add(self, case, unit, runs, reference=None, of="", mark=None, most=None, **notes):
        """mark: the ratio's upper bound; most: that of the median."""
        result = {"bench": self.bench, "case": case, "unit": unit, **spread(runs), "runs": len(runs)}
        if reference:
            result.update(of=of, reference=spread(reference),
                          ratio=spread([ours / theirs for ours, theirs in zip(runs, reference)]))
        if mark or most:
            kept = (result["ratio"]["median"] <= mark) if mark else (result["median"] <= most)
            result.update(mark=mark or most, kept=kept)
            self.kept = self.kept and kept
        result.update(notes)
        self.show(result)
        return result

    def show(self, result):
        if self.json:
            print(json.dumps(result), flush=True)
        else:
            print(line_of(result), flush=True)

    def end(self):
        sys.exit(1 if self.judge and not self.kept else 0)


def line_of(result):
    known = {"bench", "case", "unit", "median", "least", "most", "runs", "of", "reference", "ratio", "mark", "kept"}
    notes = ", ".join("%s %s" % (name.replace("_", " "), "%.4g" % value if isinstance(value, float) else value)
                      for name, value in result.items() if name not in known)
    ratio = result.get("ratio")
    mark = "" if "mark" not in result else "%s %g" % ("<=" if result["kept"] else "ABOVE", result["mark"])
    return Report.HEAD[0] % (result["case"], text_of(result), result["unit"],
                             text_of(result["reference"]) if ratio else "", result.get("of", ""),
                             text_of(ratio) if ratio else "", "; ".join(filter(None, (mark, notes))))


# ---- processes ------------------------------------------------------------------------

def cpu_of(pid):
    """Processor seconds of all threads of a process, to the nanosecond: clock_getcpuclockid(3)."""
    return time.clock_gettime((~pid << 3) | 2)


def memory_of(pid):
    """Bytes of a process's own memory: resident, less what it maps from files (proc(5))."""
    with open("/proc/%d/status" % pid, encoding="ascii") as file:
        fields = dict(line.split(":", 1) for line in file)
    return int(fields["RssAnon"].split()[0]) * 1024


class Talker:
    """A program of this folder that answers a line of JSON for each command."""

    def __init__(self, program, *arguments):
        path = os.path.join(harness.BUILDDIR, "tests", "bench", program)
        harness.check(os.access(path, os.X_OK), path, "is not built")
        self.process = subprocess.Popen([path, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1)
        harness.Cleanup.add(self.stop)

    @property
    def pid(self):
        return self.process.pid

    def tell(self, command):
        self.process.stdin.write(command + "\n")

    def hear(self):
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)  # an answer is one line
        harness.check(ready, "no answer from", self.process.args)
        line = self.process.stdout.readline()
        harness.check(line, "the program ended:", self.process.args)
        return json.loads(line)

    def ask(self, command):
        self.tell(command)
        return self.hear()

    def stop(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class LoadServer(Talker):
    """See load_server.c. tls: None, "fresh" (no tickets) or "resumed"."""

    def __init__(self, feeds, entries=30, closing=False, tls=None, entry_bytes=1800):
        arguments = ["-n", feeds, "-e", entries, "-s", entry_bytes]
        if closing:
            arguments.append("-1")
        if tls:
            folder = os.environ[INSIDE]
            arguments += ["-c", os.path.join(folder, "chain.pem"), "-k", os.path.join(folder, "leaf.key")]
            arguments += ["-t"] if tls == "resumed" else []
        super().__init__("load_server", *arguments)
        self.port = self.hear()["port"]

    def stats(self):
        return self.ask("stats")

    def wait(self, requests):
        """The counters once so many requests were answered since its start."""
        return self.ask("wait %d" % requests)


class Bare(Talker):
    """libcurl alone, see bare_poll.c."""

    def __init__(self, folder, urls, *arguments):
        path = os.path.join(folder, "urls-%d" % time.monotonic_ns())
        with open(path, "w", encoding="ascii") as file:
            file.write("\n".join(urls) + "\n")
        super().__init__("bare_poll", *arguments, path)

    def go(self, count):
        """Makes so many transfers: processor seconds and the rest of what it says."""
        done = self.ask("go %d" % count)
        harness.check(done["failed"] == 0 and done["transfers"] > 0, "libcurl alone failed:", done)
        return done


FEW_RULES = """rules:
  - {name: halt, class: pause, when: 'halted AND deliveries'}
"""


class Wirewatchd(harness.Daemon):
    """The daemon as the benches run it: with fixed intervals, and nobody to ask it by HTTP unless http is true."""

    def __init__(self, folder, urls, settings=None, interval="1s", http=False):
        feeds = [{"url": url, "interval": Plain(interval)} for url in urls]
        quiet = {"poll.concurrency": PLACES, "poll.per_host": 1, "poll.max": Plain("1h"),
                 "fetch.allow_addresses": ["127.0.0.0/8", "::1/128"]}
        quiet.update(settings or {})
        super().__init__(folder, feeds, quiet)
        if not http:
            self.write_config({"http": "off"})
        if SMOKE in os.environ:  # loading all rules is most of what a short run takes
            path = os.path.join(folder, "few.yaml")
            with open(path, "w", encoding="ascii") as file:
                file.write(FEW_RULES)
            self.write_config({"rules": [path]})

    @property
    def pid(self):
        return self.process.pid

    def cpu(self):
        return cpu_of(self.pid)

    def freeze(self):
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.pid, signal.SIGCONT)

    def window(self, server, settle, polls):
        """Processor seconds of the daemon between two counts of the server, and the counts' difference."""
        before = server.wait(server.stats()["requests"] + settle)
        began, cpu = time.monotonic(), self.cpu()
        after = server.wait(before["requests"] + polls)
        cpu, wall = self.cpu() - cpu, time.monotonic() - began
        counts = {name: after[name] - before[name] for name in after}
        return cpu, counts, wall


# ---- addresses and certificates -----------------------------------------------------------

def address(number):
    """A loopback address of the feed's own."""
    return "127.%d.%d.%d" % (1 + number // 62500, number // 250 % 250, 1 + number % 250)


def rsa_chain(folder, bits):
    """A root, an intermediate and a leaf for names below feeds.localhost and PLACES addresses: RSA, as most hosts have."""
    path = lambda name: os.path.join(folder, name)  # noqa: E731
    names = ["DNS:*.feeds.localhost"] + ["IP:127.0.1.%d" % (i + 1) for i in range(PLACES)]
    with open(path("ca.ext"), "w", encoding="ascii") as file:
        file.write("basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n")
    with open(path("leaf.ext"), "w", encoding="ascii") as file:
        file.write("subjectAltName=%s\n" % ",".join(names))
    certificates.run("req", "-x509", "-newkey", "rsa:%d" % bits, "-nodes", "-days", "30", "-subj", "/CN=Bench root",
                     "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", path("root.key"), "-out", path("root.pem"))
    for name, above in (("middle", "root"), ("leaf", "middle")):
        certificates.run("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Bench " + name, "-keyout",
                         path(name + ".key"), "-out", path(name + ".csr"))
        certificates.run("x509", "-req", "-in", path(name + ".csr"), "-CA", path(above + ".pem"), "-CAkey",
                         path(above + ".key"), "-CAcreateserial", "-days", "30", "-extfile",
                         path("leaf.ext" if name == "leaf" else "ca.ext"), "-out", path(name + ".pem"))
    join(path("chain.pem"), path("leaf.pem"), path("middle.pem"))
    join(path("bundle.pem"), BUNDLE, path("root.pem"))


def join(target, *sources):
    with open(target, "wb") as file:
        for source in sources:
            with open(source, "rb") as one:
                file.write(one.read())


def enter(smoke):
    """Runs this program again where the system's bundle has the benches' root too. Why TLS cannot be had, or ""."""
    if INSIDE in os.environ:
        return ""
    if os.geteuid() != 0 or not os.path.exists(BUNDLE):
        return "needs root for a mount namespace, and " + BUNDLE
    folder = tempfile.mkdtemp(prefix="ww-bench-")
    try:
        rsa_chain(folder, 2048 if smoke else 4096)
        script = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
        trial = ["unshare", "--mount", "sh", "-c", script, "sh", os.path.join(folder, "bundle.pem"), BUNDLE]
        done = subprocess.run([*trial, "true"], capture_output=True, text=True, timeout=30)
        if done.returncode:
            return "no namespace: " + done.stderr.strip().replace("\n", " ")
        inside = subprocess.Popen([*trial, sys.executable, "-B", *sys.argv], env=dict(os.environ, **{INSIDE: folder}))
        try:
            inside.wait()
        finally:
            inside.terminate()
            inside.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(inside.returncode)


def in_folder(work):
    """Calls work with a scratch folder; ends what it started, whatever happens."""
    folder = tempfile.mkdtemp(prefix="ww-bench-", dir=os.environ.get("WW_BENCH_FOLDER"))
    try:
        return work(folder)
    finally:
        harness.Cleanup.run()
        shutil.rmtree(folder, ignore_errors=True)
