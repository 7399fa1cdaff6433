"""The demo's stage: sample wire, log socket, daemon and `wirewatch tail`, their lines side by side.

Called by scripts/demo, which has built the programs:  stage.py BUILDDIR [--once|--live]
"""
import importlib.machinery
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(HERE)
sys.dont_write_bytecode = True
COLOURS = {"wire": "90", "tail": "32", "syslog": "36", "daemon": "33", "page": "1"}
WANTED_ALERTS, WANTED_CLASSES = 6, 4


def load_wire():
    loader = importlib.machinery.SourceFileLoader("sample_wire", os.path.join(HERE, "sample-wire"))
    spec = importlib.util.spec_from_loader("sample_wire", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


class Screen:
    """Prints whole lines, each with the name of who said it."""

    def __init__(self):
        self.lock, self.colour = threading.Lock(), sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def say(self, who, line):
        name = "%-6s" % who
        if self.colour:
            name = "\033[%sm%s\033[0m" % (COLOURS[who], name)
        with self.lock:
            print(name, "|", line, flush=True)

    def copy(self, who, stream, keep=None):
        """Copy a pipe's lines to the screen, and to the list keep, in a thread."""
        def run():
            for line in stream:
                line = line.decode("utf-8", "replace").rstrip("\n")
                self.say(who, line)
                if keep is not None:
                    keep.append(line)
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread


class LogSocket:
    """Stands for /dev/log, so that the demo shows the lines without writing them into the machine's own log."""

    def __init__(self, path, screen):
        self.alerts, self.screen = [], screen
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            line = self.socket.recv(65536).decode("utf-8", "replace").rstrip("\n\0")
            text = re.sub(r"^<\d+>", "", line)
            self.screen.say("syslog", text)
            found = re.search(r"]: alert class=(\w+) .*\blink=\"([^\"]*)\"", text)
            if found:
                self.alerts.append(found.groups())


def yaml_list(values):
    return "[%s]" % ", ".join('"%s"' % value for value in values)


def free_address():
    """On loopback, for the page: a port of its own, since the machine's own daemon may be at the usual one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return "%s:%d" % probe.getsockname()


def write_config(folder, feeds, http):
    """feeds: (name, URL) pairs of the sample wire, or nothing for the real list. http: where the page is, or "off"."""
    local = ""
    if feeds:
        local = "fetch: {allow_addresses: [127.0.0.0/8]}\npoll: {min: 1s, max: 2s, per_host: 8}\n"
        feeds = "feeds:\n" + "\n".join('  - {name: "%s", url: "%s"}' % pair for pair in feeds)
    else:
        feeds = "feed_files: %s" % yaml_list([os.path.join(SOURCE, "config", "feeds.d", "*.opml")])
    path = os.path.join(folder, "wirewatch.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write("%s\n%srules: %s\n" % (feeds, local, yaml_list([os.path.join(SOURCE, "config", "rules.d", "*.yaml")])))
        file.write('ledger: "sqlite://%s/ledger.db"\nhttp: "%s"\n' % (folder, http))
        file.write('zeromq: {publish: "ipc://%s/alerts.sock", replay: "ipc://%s/replay.sock"}\n' % (folder, folder))
    return path


def end(process):
    """Ask a process to end; its exit status."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def judge(wire, alerts, tail_lines, daemon_status):
    """The summary of --once: prints it and returns the exit status."""
    tail_text = "\n".join(tail_lines)
    by_link = {item["link"]: item for item in wire.items}
    decoys = [a for a in alerts if not by_link[a[1]]["expect"]]
    wrong = [a for a in alerts if a not in decoys
             and a[0] not in by_link[a[1]]["expect"] + by_link[a[1]].get("allow", [])]
    missed = [(name, item["link"]) for item in wire.items for name in item["expect"] if (name, item["link"]) not in alerts]
    unseen = [a for a in alerts if a[1] not in tail_text]
    classes = {name for name, _ in alerts}
    print("\n%d items on the wire, %d alerts of %d classes (%s)" % (
        len(wire.items), len(alerts), len(classes), ", ".join(sorted(classes)) or "none"))
    for title, cases in (("from a decoy", decoys), ("of another class than expected", wrong), ("missed", missed),
                         ("on syslog but not printed by tail", unseen)):
        for name, link in cases:
            print("%s: %s %s (%s)" % (title, name, link, by_link[link]["title"]))
    if daemon_status:
        print("the daemon ended with status %d" % daemon_status)
    good = len(alerts) >= WANTED_ALERTS and len(classes) >= WANTED_CLASSES and not decoys and not unseen \
        and not daemon_status
    print("the demo %s" % ("is complete" if good else "FAILED"))
    return 0 if good else 1


def play(build, mode, folder):
    screen = Screen()
    wire = None
    if mode != "--live":
        wire = load_wire().Wire(lambda item: screen.say("wire", "%s  %s" % (item["feed"], item["title"])))
    page = "off" if mode == "--once" else free_address()
    config = write_config(folder, list(zip(wire.feeds, wire.urls())) if wire else [], page)
    log = LogSocket(os.path.join(folder, "log"), screen)
    environment = dict(os.environ, WIREWATCH_SYSLOG_SOCKET=os.path.join(folder, "log"))
    environment.pop("NOTIFY_SOCKET", None)
    # Processes of their own group: Ctrl-C reaches this script alone, which ends them in order.
    started = dict(stdin=subprocess.DEVNULL, env=environment, start_new_session=True)
    daemon = subprocess.Popen([os.path.join(build, "daemon", "wirewatchd"), "-c", config],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **started)
    screen.copy("daemon", daemon.stderr)
    tail = subprocess.Popen([os.path.join(build, "client", "wirewatch"), "tail", "--since", "0",
                             "ipc://%s/alerts.sock" % folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **started)
    tail_lines = []
    tail_copy = screen.copy("tail", tail.stdout, tail_lines)
    read = True
    try:
        if page != "off":
            screen.say("page", "http://%s/" % page)
        if wire:
            wire.start()
        if mode == "--once":
            deadline = time.monotonic() + 120
            while daemon.poll() is None and time.monotonic() < deadline and not wire.wait_read(0.5):
                pass
            read = daemon.poll() is None and wire.wait_read(0)
        else:
            while wire and daemon.poll() is None and not wire.wait_read(0.5):
                pass
            if wire and daemon.poll() is None:
                screen.say("page", "the wire has no more news; the page stays at http://%s/ until Ctrl-C" % page)
            daemon.wait()
    except KeyboardInterrupt:
        print()
        if mode == "--once":
            return 1
        mode = "interrupted"
    finally:
        status = end(daemon)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and any(link not in "\n".join(tail_lines) for _, link in log.alerts):
            time.sleep(0.05)
        end(tail)
        tail_copy.join(5)
        if wire:
            wire.server.stop()
    if mode == "--once":
        if not read:
            print("\nthe daemon did not read the whole wire")
        return max(judge(wire, log.alerts, tail_lines, status), 0 if read else 1)
    print("\n%d alerts" % len(log.alerts))
    return 0 if mode == "interrupted" and status == 0 else 1


def main():
    build, mode = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    folder = tempfile.mkdtemp(prefix="wirewatch-demo-")
    try:
        return play(build, mode, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
