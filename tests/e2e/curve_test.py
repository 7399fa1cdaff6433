"""CURVE on the running daemon: known keys get alerts, unknown ones nothing, and SIGHUP makes a key known."""
import os
import subprocess

import zmq

import feedserver
import harness
import news
from harness import check, check_equal


def keygen(name):
    subprocess.run([harness.CLIENT, "keygen", name], check=True, stdout=subprocess.DEVNULL)
    with open(name + ".key", encoding="ascii") as file:
        secret = file.read().split()[-1]
    with open(name + ".pub", encoding="ascii") as file:
        public = file.read().split()[-1]
    return public.encode(), secret.encode()


class Encrypted(harness.Subscriber):
    """A SUB socket of pyzmq with a key pair."""

    def __init__(self, endpoint, server_public, pair):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.SUB)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.curve_serverkey = server_public
        self.socket.curve_publickey, self.socket.curve_secretkey = pair
        self.socket.setsockopt(zmq.SUBSCRIBE, b"ww1/")
        self.socket.connect(endpoint)
        harness.Cleanup.add(self.close)


def test_keys(folder):
    """a known key gets alerts, an unknown one nothing until its public key is there and SIGHUP came"""
    clients = os.path.join(folder, "clients")
    os.mkdir(clients)
    server_public, _ = keygen(os.path.join(folder, "server"))
    known_pair = keygen(os.path.join(clients, "known"))
    late_pair = keygen(os.path.join(folder, "late"))
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    feed = news.NumberedFeed(server)
    endpoint = "tcp://%s:%d" % (harness.LOOPBACK, harness.free_port())
    daemon = harness.Daemon(folder, [feed.url], {
        "poll.max": harness.Plain("1s"), "zeromq.publish": endpoint,
        "zeromq.curve": {"server_key": os.path.join(folder, "server.key"), "clients": clients}})
    daemon.start()
    known = Encrypted(endpoint, server_public, known_pair)
    known.wait_welcome()
    late = Encrypted(endpoint, server_public, late_pair)
    feed.grow(2)
    alerts = known.alerts_until(lambda found: len(found) == 2)
    check_equal([m.sequence for m in alerts], [1, 2], "of the known key")
    check(late.next(0.2) is None, "the unknown key got something")
    os.rename(os.path.join(folder, "late.pub"), os.path.join(clients, "late.pub"))
    daemon.reload()
    daemon.wait_log("2 client keys are known")
    late.close()  # libzmq does not ask again with a key that was refused
    late = Encrypted(endpoint, server_public, late_pair)
    late.wait_welcome()
    feed.grow()
    check_equal([m.sequence for m in late.alerts_until(lambda found: found)], [3], "of the key now known")
    daemon.stop_cleanly()


def test_open_address(folder):
    """an address that others can reach is refused without keys, with a line that says so"""
    daemon = harness.Daemon(folder, [], {"zeromq.publish": "tcp://0.0.0.0:%d" % harness.free_port()})
    daemon.write_config()
    result = subprocess.run([harness.DAEMON, "-c", daemon.config], capture_output=True, text=True, timeout=20)
    check_equal(result.returncode, 1, "exit status")
    check("curve" in result.stderr, result.stderr)


if __name__ == "__main__":
    harness.run_tests([test_keys, test_open_address])
