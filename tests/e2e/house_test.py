"""The rules of the house that a program can check: order of the rooms, owners of libraries, sizes, forbidden calls."""
import glob
import os
import re

import harness
from harness import check

ROOMS = ["base", "conf", "feed", "match", "alert", "plan", "fetch", "ledger", "publish", "status"]
OWNERS = {  # header -> folders that may include it
    "curl/": ["daemon/fetch"],
    "libxml/": ["daemon/feed"],
    "zmq": ["daemon/publish", "client"],
    "yaml.h": ["daemon/conf"],
    "sqlite3.h": ["daemon/ledger"],
    "event2/": ["daemon/fetch", "daemon/status", "daemon", "client"],
}
FORBIDDEN = re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|strtok|system|popen)\s*\(")
MAX_LINES, MAX_COLUMNS = 600, 128  # 120 is the aim; a comment at the end of a line may stick out


def sources(*patterns):
    found = []
    for pattern in patterns:
        found += glob.glob(os.path.join(harness.SRCDIR, pattern), recursive=True)
    return sorted(os.path.relpath(path, harness.SRCDIR) for path in found)


def text_of(path):
    with open(os.path.join(harness.SRCDIR, path), encoding="utf-8") as file:
        return file.read()


def code_of(path):
    """Without comments and literals, lines kept."""
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\''
    return re.sub(pattern, lambda m: re.sub(r"[^\n]", " ", m.group(0)), text_of(path), flags=re.S)


def includes_of(path):
    return re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', text_of(path), re.M)


def room_of(path):
    for room in ROOMS:
        if path == "include/wirewatch/%s.h" % room or path.startswith("daemon/%s/" % room):
            return room
    return None


def test_order(_folder):
    """a room includes only the doors of rooms before it"""
    wrong = []
    for path in sources("daemon/*/**/*.[ch]", "include/wirewatch/*.h"):
        room = room_of(path)
        if not room:
            continue
        for include in includes_of(path):
            door = re.fullmatch(r"(?:\.\./)*(?:include/)?wirewatch/(\w+)\.h", include)
            if door and door.group(1) in ROOMS and ROOMS.index(door.group(1)) > ROOMS.index(room):
                wrong.append("%s includes %s" % (path, include))
            inner = re.search(r"(?:^|/)daemon/(\w+)/", include)
            if inner and inner.group(1) != room:
                wrong.append("%s includes the inside of another room: %s" % (path, include))
    check(not wrong, "\n".join(wrong))
    check(len(sources("daemon/*/*.c")) >= 20, "hardly any source found")


def test_owners(_folder):
    """each library is included by the room that owns it alone"""
    wrong = []
    for path in sources("daemon/**/*.[ch]", "client/**/*.[ch]", "include/wirewatch/*.h"):
        for include in includes_of(path):
            for header, owners in OWNERS.items():
                if include.startswith(header) and os.path.dirname(path) not in owners \
                        and not any(path.startswith(o + "/") for o in owners if o != "daemon"):
                    wrong.append("%s includes <%s>" % (path, include))
    check(not wrong, "\n".join(wrong))


def test_forbidden(_folder):
    """functions without a bound or with a shell are not called"""
    wrong = []
    for path in sources("daemon/**/*.[ch]", "client/**/*.[ch]"):
        for number, line in enumerate(code_of(path).split("\n"), 1):
            if FORBIDDEN.search(line):
                wrong.append("%s:%d: %s" % (path, number, line.strip()))
    check(not wrong, "\n".join(wrong))


def test_sizes(_folder):
    """no source file over 600 lines, no overlong line, tabs for indentation"""
    wrong = []
    for path in sources("daemon/**/*.[ch]", "client/**/*.[ch]", "include/wirewatch/*.h"):
        if re.search(r"_(table|data)\.[ch]$", path):  # generated or tabular
            continue
        lines = text_of(path).split("\n")
        if len(lines) > MAX_LINES:
            wrong.append("%s: %d lines" % (path, len(lines)))
        for number, line in enumerate(lines, 1):
            if len(line.expandtabs(4)) > MAX_COLUMNS:
                wrong.append("%s:%d: %d columns" % (path, number, len(line.expandtabs(4))))
            if re.match(r" {8}", line) and not line.lstrip().startswith("*"):
                before = lines[number - 2] if number > 1 else ""
                if not before.rstrip().endswith((",", "(", "&&", "||", "=", "+", "?", ":", '"')):
                    wrong.append("%s:%d: indented with spaces" % (path, number))
    check(not wrong, "\n".join(wrong))


def test_documented(_folder):
    """every setting of the sample configuration's sections appears in the manual"""
    manual = os.path.join(harness.SRCDIR, "docs", "wirewatch.yaml.5")
    if not os.path.exists(manual):
        raise harness.Skip("no manual page of the configuration")
    text = text_of("docs/wirewatch.yaml.5")
    for key in ("feeds", "feed_files", "rules", "ledger", "poll", "fetch", "alerts", "zeromq", "syslog", "http"):
        check(key in text, key, "is not in docs/wirewatch.yaml.5")


if __name__ == "__main__":
    harness.run_tests([test_order, test_owners, test_forbidden, test_sizes, test_documented])
