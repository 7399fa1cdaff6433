"""A network of this process's own: publishers, a database, and machines that can be cut off from it.

enter() starts the calling program again in namespaces of its own, network, processes and scratch folder, so nothing
outside is touched and nothing is left when it ends, however it ends. Machines are network namespaces behind a bridge.
Root only.
"""
import os
import subprocess
import sys

import harness
from harness import check

CENTRE = "10.77.0.1"           # where the database listens
PUBLISHERS = "198.18.0.0/15"   # for benchmarks (RFC 2544): public to the daemon's politeness, and nobody's
PORT = 8080
INSIDE = "WW_TOWN"               # set in the environment of who is inside
ALONE = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
SCRATCH = "/mnt"                 # every system has it; inside, it is ours
MOUNT = "mount -t tmpfs -o size=4G,mode=1777 tmpfs " + SCRATCH

# What a machine that is cut off does with the packets: nothing comes back, nothing goes out, neither, or it is told so.
CUTS = {
    "drop": ("ip daddr %s drop" % CENTRE, "ip saddr %s drop" % CENTRE),
    "drop-out": ("ip daddr %s drop" % CENTRE, None),
    "drop-in": (None, "ip saddr %s drop" % CENTRE),
    "reject": ("ip daddr %s meta l4proto tcp reject with tcp reset" % CENTRE,
               'iifname "eth0" ip saddr %s meta l4proto tcp reject with tcp reset' % CENTRE),
}


def run(*command, feed=None):
    done = subprocess.run(command, input=feed, stdin=None if feed else subprocess.DEVNULL, capture_output=True,
                          text=True)
    check(done.returncode == 0, " ".join(command), "failed:", done.stderr.strip())
    return done.stdout


def why_not():
    """Why there can be no town here; None if there can."""
    if os.geteuid() != 0:
        return "only root can make networks"
    try:
        run(*ALONE, "sh", "-ec", MOUNT + "; ip link add br0 type bridge; nft list tables")
    except (AssertionError, OSError) as error:
        return str(error)
    return None


def enter():
    """Start this program again inside, unless it is there already or there can be no town."""
    if os.environ.get(INSIDE) or why_not():
        return
    os.environ.update({INSIDE: "1", "TMPDIR": SCRATCH})
    # The shell is the first process and waits for orphans.
    os.execvp(ALONE[0], [*ALONE, "sh", "-c", MOUNT + ' && "$@"; exit $?', "sh", sys.executable, "-B", *sys.argv])


def build():
    """The centre of the town, once inside. Raises harness.Skip where there can be none."""
    if not os.environ.get(INSIDE):
        raise harness.Skip("no town: %s" % why_not())
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "br0", "type", "bridge")
    run("ip", "address", "add", CENTRE + "/24", "dev", "br0")
    run("ip", "link", "set", "br0", "up")
    run("ip", "route", "add", "local", PUBLISHERS, "dev", "lo")
    harness.Cleanup.add(demolish)


def demolish():
    run("ip", "route", "delete", "local", PUBLISHERS, "dev", "lo")
    run("ip", "link", "delete", "br0")


def publisher(host):
    """The address of a publisher, from 0 on."""
    check(0 <= host < 60000, "publisher", host)
    return "198.18.%d.%d" % (host // 250, host % 250 + 1)


class Machine:
    """A namespace with an address and a way to the rest; `within` begins a command that runs there."""

    def __init__(self, number):
        self.address = "10.77.0.%d" % (10 + number)
        # Says that it is there by closing its output.
        self.holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "exec sleep infinity >&-"],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        harness.Cleanup.add(self.end)
        self.holder.stdout.read()
        pid = str(self.holder.pid)
        self.within = ["nsenter", "--net=/proc/%s/ns/net" % pid]
        run("ip", "link", "add", "m%d" % number, "type", "veth", "peer", "name", "eth0", "netns", pid)
        run("ip", "link", "set", "m%d" % number, "master", "br0", "up")
        for words in (["link", "set", "lo", "up"], ["address", "add", self.address + "/24", "dev", "eth0"],
                      ["link", "set", "eth0", "up"], ["route", "add", "default", "via", CENTRE]):
            run(*self.within, "ip", *words)

    def cut(self, kind):
        out, into = CUTS[kind]
        rules = ["add table inet cut"]
        for name, hook, rule in (("out", "output", out), ("into", "input", into)):
            if rule:
                rules += ["add chain inet cut %s { type filter hook %s priority 0; }" % (name, hook),
                          "add rule inet cut %s %s" % (name, rule)]
        run(*self.within, "nft", "-f", "-", feed="\n".join(rules) + "\n")

    def heal(self):
        run(*self.within, "nft", "flush", "ruleset")

    def end(self):
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()
