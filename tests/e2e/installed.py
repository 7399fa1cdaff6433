#!/usr/bin/python3
"""installed.py FOLDER: the Debian packages in FOLDER on the machine this runs on, from installing to purging; prints TAP.

For a machine that may be thrown away: tests/e2e/box.sh makes one.
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ALERT_TEST = os.path.join(HERE, "..", "..", "packaging", "debian", "tests", "alert")
PAGE = os.path.join(HERE, "..", "..", "docs", "subscribing.md")
CONFIGURATION = "/etc/wirewatch/wirewatch.yaml"
DROP_IN = "/run/systemd/system/wirewatchd.service.d/test.conf"
UNIT = "wirewatchd.service"
STRAYS = ["/etc", "/lib/systemd", "/run", "/usr", "/var/lib", "/var/log"]  # where a package or a service leaves things
PATIENCE = 20  # seconds


def run(*command, check=True):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False)
    if check and done.returncode:
        raise AssertionError("%s: exit %d: %s" % (" ".join(command), done.returncode, done.stdout[-1500:]))
    return done.stdout


def shown(name):
    return run("systemctl", "show", "-P", name, UNIT).strip()


def journal(since):
    return run("journalctl", "-u", UNIT, "-o", "cat", "--since", since)


def now():
    """For journalctl --since, which knows no smaller unit that is sure to be parsed."""
    return "@%.6f" % time.time()


def until(what, test):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if test():
            return
        time.sleep(0.05)
    raise AssertionError("not within %d s: %s" % (PATIENCE, what))


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def test_packages_install_and_the_service_starts():
    packages = glob.glob(os.path.join(sys.argv[1], "*.deb"))
    run("dpkg", "--install", *(path for path in packages if "-dbgsym_" not in path))
    until("the unit is active", lambda: shown("ActiveState") == "active")
    assert shown("User") == "wirewatch" and shown("StatusText"), shown("StatusText")


def test_unit_is_valid_and_exposed_little():
    run("systemd-analyze", "verify", UNIT)
    told = run("systemd-analyze", "security", "--no-pager", "--threshold=12", UNIT)
    print("# " + told.strip().splitlines()[-1])


def test_news_become_an_alert_on_socket_journal_and_file():
    print("# " + run(ALERT_TEST).strip())


def test_catalog_explains_an_alert():
    told = run("journalctl", "-u", UNIT, "-x", "WIREWATCH_CLASS=delivery")
    assert "Subject: A news item reports: delivery" in told, told


def test_reload_takes_a_new_feed_and_keeps_the_process():
    pid, since = shown("MainPID"), now()
    with open(CONFIGURATION, encoding="utf-8") as file:
        text = file.read()
    write(CONFIGURATION, text.replace("/feed]", "/feed, 'http://127.0.0.1:9/second']"))
    run("systemctl", "reload", UNIT)
    until("the reload is done", lambda: re.search("done: 2 feeds", journal(since)))
    assert shown("MainPID") == pid and shown("ActiveState") == "active"


def test_bad_configuration_is_refused_and_the_old_one_stays():
    pid, since = shown("MainPID"), now()
    with open(CONFIGURATION, encoding="utf-8") as file:
        good = file.read()
    write(CONFIGURATION, good + "polll: {min: 5m}\n")
    run("systemctl", "reload", UNIT)
    until("the mistake is told", lambda: "wirewatch.yaml:" in journal(since) and "refused" in journal(since))
    assert shown("MainPID") == pid and shown("ActiveState") == "active"
    run("systemctl", "restart", UNIT, check=False)
    assert shown("ActiveState") != "active"
    assert "polll" in journal(since), journal(since)
    write(CONFIGURATION, good)
    run("systemctl", "reset-failed", UNIT)
    run("systemctl", "restart", UNIT)


def test_key_comes_as_a_credential():
    run("wirewatch", "keygen", "/root/server")
    os.makedirs("/etc/wirewatch/clients", exist_ok=True)
    with open(CONFIGURATION, encoding="utf-8") as file:
        good = file.read()
    write(CONFIGURATION, good + "zeromq: {publish: 'tcp://0.0.0.0:5556', curve: {server_key: server.key, clients: clients}}\n")
    write(DROP_IN, "[Service]\nLoadCredential=server.key:/root/server.key\n")
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", UNIT)
    assert shown("ActiveState") == "active"
    os.remove(DROP_IN)
    os.rmdir("/etc/wirewatch/clients")
    write(CONFIGURATION, good)
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", UNIT)


def test_subscribing_page_leads_to_an_alert_with_keys():
    """What docs/subscribing.md says of other machines, as it stands there, but for the name of the daemon's machine."""
    with open(PAGE, encoding="utf-8") as file:
        blocks = re.findall(r"^```(\w+)\n(.*?)^```$", file.read().split("\n## From another machine\n")[1], re.M | re.S)
    own, theirs, restart, tail = ("cd /root\n" + text for kind, text in blocks if kind == "sh")
    settings, = (text for kind, text in blocks if kind == "yaml")
    with open(CONFIGURATION, encoding="utf-8") as file:
        good = file.read()
    for commands in own, theirs, "cp /etc/wirewatch/keys/server.pub /root":
        run("sh", "-ec", commands)
    write(CONFIGURATION, good + settings)
    run("sh", "-ec", restart)
    told = run("timeout", str(PATIENCE), "sh", "-ec",
               tail.replace("wire.example.org", "127.0.0.1").replace("tail ", "tail --since 0 --count 1 ", 1))
    assert "IRIS-T" in told, told
    shutil.rmtree("/etc/wirewatch/keys")
    write(CONFIGURATION, good)
    run("systemctl", "restart", UNIT)


def test_watchdog_restarts_a_daemon_that_hangs():
    write(DROP_IN, "[Service]\nWatchdogSec=1s\nRestartSec=100ms\n")
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", UNIT)
    pid, restarts = shown("MainPID"), int(shown("NRestarts"))
    run("kill", "-STOP", pid)
    until("the watchdog restarts it", lambda: int(shown("NRestarts")) > restarts and shown("ActiveState") == "active")
    assert shown("MainPID") not in (pid, "0")


def test_stop_takes_less_than_two_seconds():
    began = time.monotonic()
    run("systemctl", "stop", UNIT)
    took = time.monotonic() - began
    print("# stopped in %.2f s" % took)
    assert took < 2 and shown("Result") == "success", (took, shown("Result"))


def test_purge_leaves_nothing():
    run("dpkg", "--purge", "wirewatch", "libwirewatch-dev", "libwirewatch0")
    os.remove(DROP_IN)
    os.rmdir(os.path.dirname(DROP_IN))
    # /run/log/journal is the machine's; what it says of the service is history.
    left = run("find", *STRAYS, "-xdev", "-path", "*journal/*", "-prune", "-o", "-iname", "*wirewatch*", "-print")
    assert left == "", left
    assert "wirewatch" not in run("getent", "passwd") + run("getent", "group")


def main():
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    print("1..%d" % len(tests), flush=True)
    for number, (name, test) in enumerate(tests, 1):
        title = name[len("test_"):].replace("_", " ")
        try:
            test()
            print("ok %d - %s" % (number, title), flush=True)
        except Exception as error:  # pylint: disable=broad-except
            print("not ok %d - %s" % (number, title))
            print("# " + str(error).replace("\n", "\n# "), flush=True)


main()
