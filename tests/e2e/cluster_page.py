#!/usr/bin/python3
"""cluster_page.py FOLDER: does what docs/cluster.md says, word by word, on two machines with the Debian packages in FOLDER.

The machines are two boxes (box.sh) in network namespaces that a cable joins: alpha with PostgreSQL, beta without. The page's
commands run as they stand there, but for what comes from a network or a person: apt's downloads, a typed password, keys
carried from one machine to the other. Prints TAP; root only; by hand.
"""
import glob
import http.server
import json
import os
import re
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.normpath(os.path.join(HERE, "..", ".."))
PAGE = os.path.join(SOURCE, "docs", "cluster.md")
PACKAGES = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else ""
PASSWORD = "correct:horse"  # with what a password file must escape
PATIENCE = 60
HOSTS = ["10.0.0.%d" % number for number in range(11, 17)]  # of feeds, at alpha's side of the cable
SPACES = "wwpage%d" % os.getpid()

sys.path.insert(0, HERE)


def sh(*command):
    subprocess.run(command, check=True)


# ---- the page ---------------------------------------------------------------------

def sections():
    """heading -> its blocks, each (kind, text)."""
    found = {}
    with open(PAGE, encoding="utf-8") as file:
        for part in re.split(r"^## ", file.read(), flags=re.M)[1:]:
            heading, text = part.split("\n", 1)
            found[heading.split(". ")[-1]] = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)
    return found


BLOCKS = sections()


def block(heading, kind, number=0):
    return [text for of, text in BLOCKS[heading] if of == kind][number]


# ---- two machines -------------------------------------------------------------------

class Box:
    """A machine that runs commands one by one."""

    def __init__(self, name):
        self.name = name
        self.process = subprocess.Popen([os.path.join(HERE, "box.sh"), "bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", bufsize=1,
                                        env=dict(os.environ, BOX_NETWORK="/run/netns/%s-%s" % (SPACES, name), BOX_SHARE=SOURCE))
        self.run("hostname " + name)

    def run(self, text, status=0):
        """What it prints; the commands stop at the first that fails."""
        self.process.stdin.write("( set -e\n%s\n) </dev/null 2>&1; echo \"\n@@@ $?\"\n" % text)
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            end = re.fullmatch(r"@@@ (\d+)\n", line)
            if end:
                told = "".join(lines)
                assert status is None or int(end.group(1)) == status, "%s: %s\n%s" % (self.name, text, told)
                return told.strip()
            lines.append(line)
        raise AssertionError("%s has ended: %s" % (self.name, "".join(lines)))

    def until(self, text, pattern):
        deadline = time.monotonic() + PATIENCE
        while True:
            told = self.run(text, status=None)
            if re.search(pattern, told):
                return told
            assert time.monotonic() < deadline, "%s: never %s: %s" % (self.name, pattern, told)
            time.sleep(0.2)

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def join_by_a_cable():
    for name, number in ("alpha", 1), ("beta", 2):
        sh("ip", "netns", "add", "%s-%s" % (SPACES, name))
    sh("ip", "link", "add", "cable", "netns", SPACES + "-alpha", "type", "veth", "peer", "name", "cable", "netns", SPACES + "-beta")
    for name, number in ("alpha", 1), ("beta", 2):
        space = "%s-%s" % (SPACES, name)
        sh("ip", "-n", space, "addr", "add", "10.0.0.%d/24" % number, "dev", "cable")
        sh("ip", "-n", space, "link", "set", "cable", "up")
        sh("ip", "-n", space, "link", "set", "lo", "up")
    for host in HOSTS:
        sh("ip", "-n", SPACES + "-alpha", "addr", "add", host + "/24", "dev", "cable")


def unjoin():
    for name in "alpha", "beta":
        subprocess.run(["ip", "netns", "del", "%s-%s" % (SPACES, name)], check=False, stderr=subprocess.DEVNULL)


# ---- what they read, and who listens ---------------------------------------------------

class Wire:
    """A process in alpha's network: numbered items on feeds of several hosts. A line on its input publishes so many more."""

    def __init__(self):
        self.process = subprocess.Popen(["ip", "netns", "exec", SPACES + "-alpha", sys.executable, "-B", __file__, "--wire"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", bufsize=1)
        self.urls = json.loads(self.process.stdout.readline())
        self.total = 0

    def publish(self, count):
        self.process.stdin.write("%d\n" % count)
        told = json.loads(self.process.stdout.readline())
        self.total = told["total"]
        return told

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def be_wire():
    import documents
    import news
    items, lock, asked, total = {host: [] for host in HOSTS}, threading.Lock(), {}, 0

    class Feed(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            host = self.server.server_address[0]
            with lock:
                body = documents.rss2(items[host][:200])
                asked.setdefault(self.client_address[0], set()).add(host)
            self.send_response(200)
            self.send_header("Content-Type", "application/rss+xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    servers = [http.server.ThreadingHTTPServer((host, 0), Feed) for host in HOSTS]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps(["http://%s:%d/feed" % server.server_address for server in servers]), flush=True)
    for line in sys.stdin:
        with lock:
            for _ in range(int(line)):
                total += 1
                items[HOSTS[total % len(HOSTS)]].insert(0, news.numbered(total, minutes_ago=5))
            told = {"total": total, "asked": {peer: sorted(those) for peer, those in asked.items()}}
            asked.clear()
        print(json.dumps(told), flush=True)


class Tail:
    """The page's `wirewatch tail`, on beta: what it prints, line by line."""

    def __init__(self, box, command):
        box.run("cd /root/keys; %s --json >/root/tail.jsonl 2>/root/tail.err & echo $!" % command.strip())
        self.box = box

    def alerts(self):
        return [json.loads(line) for line in self.box.run("cat /root/tail.jsonl").splitlines()]

    def wait(self, total):
        deadline = time.monotonic() + PATIENCE
        wanted = ["urn:test:numbered-%06d" % number for number in range(1, total + 1)]
        while len(self.alerts()) < total:
            assert time.monotonic() < deadline, (total, len(self.alerts()), self.box.run("cat /root/tail.err"))
            time.sleep(0.2)
        alerts = self.alerts()
        assert sorted(alert["data"]["item"] for alert in alerts) == wanted, "not each once"
        assert [int(alert["sequence"]) for alert in alerts] == list(range(1, total + 1)), "not in order"


# ---- step by step -------------------------------------------------------------------------

class Trial:
    def __init__(self):
        self.alpha, self.beta = Box("alpha"), Box("beta")
        self.nodes = [self.alpha, self.beta]
        self.wire = Wire()
        self.tail = None

    def test_database(self):
        making, allowing = block("The database", "sh"), block("The database", "sh", 1)
        assert "apt install postgresql" in making
        making = making.replace("apt install postgresql", "pg_dropcluster 15 main --stop; pg_createcluster 15 main --start")
        making = re.sub(r"^.*--pwprompt.*$", lambda line: "printf '%s\\n%s\\n' | %s" % (PASSWORD, PASSWORD, line.group(0)),
                        making, flags=re.M)
        self.alpha.run(making)
        self.alpha.run(allowing)

    def test_nodes(self):
        certificate = self.alpha.run("cat /etc/postgresql/15/main/server.crt")
        install, password = block("Each node", "sh"), block("Each node", "sh", 1)
        install = re.sub(r"^apt install .*$", "dpkg --install %s" % " ".join(
            path for path in glob.glob(PACKAGES + "/*.deb") if re.search("/(libwirewatch0|wirewatch)_", path)), install, flags=re.M)
        for box in self.nodes:
            box.run(install)
            box.run("cat >/etc/wirewatch/database.crt <<'END'\n%s\nEND" % certificate)
            box.run(password.replace("PASSWORD", PASSWORD.replace(":", "\\:")))
            settings = block("Each node", "yaml").replace("node: alpha", "node: " + box.name)
            box.run("cat >/etc/wirewatch/wirewatch.yaml <<'END'\nfeeds: %s\nfeed_files: []\nrules: [rules.d/*.yaml]\n"
                    "poll: {min: 1s, max: 1s, mean: 1s}\nfetch: {allow_addresses: [10.0.0.0/8]}\n%sEND" %
                    (json.dumps(self.wire.urls), settings))
            box.run("wirewatchd --check")
            box.run(block("Each node", "sh", 3))
        psql = block("Each node", "sh", 2).replace("?…", "?" + re.search(r"\?(\S*)", settings).group(1))
        self.alpha.run(psql)

    def test_ledger_moves(self):
        """Alpha has worked alone before."""
        self.wire.publish(5)
        self.alpha.run("cp /etc/wirewatch/wirewatch.yaml /root/; sed -i '/^ledger:/d' /etc/wirewatch/wirewatch.yaml")
        self.alpha.run("systemctl start wirewatchd")
        self.alpha.until("wirewatch status --json", r'"sequence": ?5\b')
        self.alpha.run("systemctl stop wirewatchd; cp /root/wirewatch.yaml /etc/wirewatch/")
        told = self.alpha.run(block("From a ledger that there is already", "sh"))
        assert re.search(r"moved \d+ feeds, .*sequence 5 ", told), told

    def test_start(self):
        start = block("Start", "sh").splitlines()
        for box in self.nodes:
            box.run(start[0])
        for box in self.nodes:
            print("# " + box.until(start[1], "alpha(.|\n)*beta").replace("\n", "\n# "))

    def test_subscribers(self):
        keys = block("Subscribers on other machines", "sh").splitlines()
        self.alpha.run("mkdir -p /root/keys; cd /root/keys; " + keys[0])
        self.beta.run("mkdir -p /root/keys; cd /root/keys; " + keys[1])
        pair = {name: self.alpha.run("cat /root/keys/server." + name) for name in ("key", "pub")}
        reader = self.beta.run("cat /root/keys/reader.pub")
        for number, box in enumerate(self.nodes, 1):
            box.run("umask 077; mkdir -p /root/keys; echo '%(key)s' >/root/keys/server.key; echo '%(pub)s' >/root/keys/server.pub" % pair)
            box.run("mkdir -p /etc/wirewatch/clients; echo '%s' >/etc/wirewatch/clients/reader.pub" % reader)
            box.run(block("Subscribers on other machines", "sh", 1))
            box.run("cat >>/etc/wirewatch/wirewatch.yaml <<'END'\n%sEND" %
                    block("Subscribers on other machines", "yaml").replace("10.0.0.1", "10.0.0.%d" % number))
            box.run("systemctl restart wirewatchd")
        self.alpha.run("nft -f - <<'END'\n%sEND" % block("Subscribers on other machines", ""))
        self.tail = Tail(self.beta, block("Subscribers on other machines", "sh", 2).replace("tail ", "tail --since 0 ", 1))
        self.wire.publish(12)
        self.tail.wait(self.wire.total)

    def published(self, count=12):
        self.wire.publish(count)
        self.tail.wait(self.wire.total)

    def test_failover(self):
        for line in block("Try a failover", "sh").splitlines():
            self.alpha.run(line)
            self.published()

    def test_cut_off(self):
        cut, status, mend = block("Try a failover", "sh", 1).splitlines()
        self.published()
        self.beta.run("nft delete table inet cut", status=None)
        self.beta.run(cut)  # beta, for alpha has the database on loopback too
        self.published()
        print("# " + self.alpha.run(status).replace("\n", "\n# "))
        self.beta.run(mend)
        self.published()

    def test_both_work_again(self):
        deadline = time.monotonic() + PATIENCE
        while True:
            self.wire.publish(0)
            time.sleep(3)
            asked = self.wire.publish(0)["asked"]
            if len(asked) == 2 and not set(asked[min(asked)]) & set(asked[max(asked)]):
                break
            assert time.monotonic() < deadline, asked
        print("# asked: %s" % asked)

    def test_dump(self):
        self.alpha.run("runuser -u postgres -- pg_dump --format=custom wirewatch >/root/wirewatch.dump; test -s /root/wirewatch.dump")

    def end(self):
        for box in self.nodes:
            try:
                box.stop()
            except OSError:
                pass
        self.wire.stop()


def main():
    if sys.argv[1:] == ["--wire"]:
        return be_wire()
    tests = [name for name in vars(Trial) if name.startswith("test_")]
    print("1..%d" % len(tests))
    trial = failed = None
    try:
        join_by_a_cable()
        trial = Trial()
        for number, name in enumerate(tests, 1):
            title = name[len("test_"):].replace("_", " ")
            if failed:
                print("not ok %d - %s # after a step that failed" % (number, title), flush=True)
                continue
            try:
                getattr(trial, name)()
                print("ok %d - %s" % (number, title), flush=True)
            except (AssertionError, LookupError, ValueError) as error:
                failed = True
                print("# " + str(error).replace("\n", "\n# "))
                for box in trial.nodes:
                    print("# %s:\n# %s" % (box.name, box.run("journalctl -u wirewatchd -n 15 -o cat", None).replace("\n", "\n# ")))
                print("not ok %d - %s" % (number, title), flush=True)
    finally:
        if trial:
            trial.end()
        unjoin()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
