#!/usr/bin/env python3
"""The sources keep the rules of the house, and each rule notices when they do not."""
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
import rules  # noqa: E402

TOP = os.environ.get("WW_SRCDIR") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")

# For each rule files that break it, and how often they do.
LONG = "int conf_long(void)\n{\n" + "\tconf_x();\n" * 101 + "}\n"
BROKEN = {
    rules.order_of_rooms: [
        ("daemon/base/a.c", '#include "wirewatch/conf.h"\n', 1),
        ("include/wirewatch/match.h", '#include "wirewatch/feed.h"\n#include "wirewatch/ledger.h"\n', 1),
        ("daemon/publish/a.c", '#  include <wirewatch/status.h>\n/* #include "wirewatch/status.h" */\n', 1),
    ],
    rules.private_headers: [
        ("daemon/feed/a.c", '#include "daemon/conf/tree.h"\n', 1),
        ("daemon/feed/b.c", '#include "../conf/tree.h"\n#include "c.h"\n', 1),
        ("daemon/feed/c.h", "", 0),
        ("daemon/main.c", '#include "conf/tree.h"\n#include "config.h"\n#include "wirewatch/conf.h"\n', 1),
        ("client/a.c", '#include "daemon/load.h"\n', 1),
    ],
    rules.libraries: [
        ("daemon/feed/a.c", "#include <curl/curl.h>\n#include <libxml/parser.h>\n#include <jansson.h>\n", 1),
        ("daemon/fetch/a.c", "#include <event2/event.h>\n#include <sqlite3.h>\n#include <curl/curl.h>\n", 1),
        ("daemon/main.c", "#include <event2/event.h>\n#include <jansson.h>\n#include <zmq.h>\n", 2),
        ("client/a.c", "#include <zmq.h>\n#include <jansson.h>\n#include <yaml.h>\n", 1),
        ("daemon/ledger/a.c", "#include <event2/event.h>\n#include <sqlite3.h>\n", 1),
        ("include/wirewatch/fetch.h", "#include <curl/curl.h>\n", 1),
    ],
    rules.forbidden_calls: [
        ("daemon/feed/a.c", 'int x = atoi (y);\n/* atoi(1) */\nconst char *z = "system(1)";\nsnprintf(a);\n', 1),
        ("client/a.c", "strtok(a, b); strtok_r(a, b, c);\nfgets(a, 1, b);\n", 1),
        ("include/wirewatch/feed.h", "static inline int feed_x(void)\n{\n\treturn system (\"x\");\n}\n", 1),
    ],
    rules.file_length: [
        ("daemon/feed/a.c", "\n" * 601, 1),
        ("daemon/feed/b.c", "\n" * 600, 0),
    ],
    rules.function_length: [
        ("daemon/conf/a.c", LONG, 1),
        ("daemon/conf/b.c", LONG.replace("\tconf_x();\n", "", 2) * 3, 0),
    ],
    rules.names_of_rooms: [
        ("include/wirewatch/conf.h",
         "#ifndef WIREWATCH_CONF_H\n#define MOST 3\n#define CONF_MOST 3\nstruct conf;\nstruct thing { int a; struct { int b; } c; };\n"
         "enum conf_kind { CONF_A = 1, B };\nenum base_result conf_read(struct base_span a)\n"
         "    __attribute__((format(printf, 1, 2)));\nint parse(void);\ntypedef int fn(void);\ntypedef int conf_fn(void);\n", 5),
    ],
    rules.names_used_twice: [
        ("daemon/conf/a.c", "int conf_x(int a,\n           int b)\n{\n}\n\nstatic int own(void)\n{\n}\n", 0),
        ("daemon/feed/a.c", "static int own(void)\n{\n}\n\nint conf_x(void)\n{\n}\n", 1),
    ],
    rules.hub_headers: [
        ("daemon/feed/util.h", "", 1),
        ("include/wirewatch/status.h", "".join('#include "wirewatch/%s.h"\n' % room for room in rules.ROOMS[:5]), 1),
        ("daemon/feed/fine.h", "".join('#include "wirewatch/%s.h"\n' % room for room in rules.ROOMS[:3]), 0),
    ],
}


def broken_tree(files):
    top = tempfile.mkdtemp(prefix="wirewatch-house-")
    for path, text, _ in files:
        os.makedirs(os.path.join(top, os.path.dirname(path)), exist_ok=True)
        with open(os.path.join(top, path), "w", encoding="utf-8") as file:
            file.write(text)
    return top


def notices(rule):
    """Lines that tell where the rule sees more or less in its broken tree than there is."""
    top = broken_tree(BROKEN[rule])
    try:
        seen = list(rule(top))
    finally:
        shutil.rmtree(top)
    for path, _, wanted in BROKEN[rule]:
        found = [line for line in seen if line.startswith(path + ":")]
        if len(found) != wanted:
            yield "%s: %d seen, %d wanted: %s" % (path, len(found), wanted, found)


def main():
    failed = 0
    checks = [(rule.__doc__, list(rule(TOP))) for rule in rules.RULES]
    checks += [("noticed when broken: " + rule.__doc__, list(notices(rule))) for rule in rules.RULES]
    checks.append(("there are sources to check", [] if len(rules.sources(TOP)) > 20 else ["hardly any found under " + TOP]))
    print("1..%d" % len(checks))
    for number, (name, wrong) in enumerate(checks, 1):
        print("%s %d - %s" % ("not ok" if wrong else "ok", number, name))
        for line in wrong:
            print("# " + line)
        failed += bool(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
