#!/usr/bin/env python3
"""Write entity_table.c: the named character references of HTML, as Python's standard library knows them.

    entity-table.py > entity_table.c
"""
import html.entities

WIDTH = 120
HEAD = """\
/*
 * The named character references of HTML (Living Standard, section 13.5),
 * sorted by name. Written by entity-table.py; do not edit.
 */
#include "entity.h"

#define ONE(name, first) {#name, first, 0, false},
#define OLD(name, first) {#name, first, 0, true}, /* valid without its semicolon */
#define TWO(name, first, second) {#name, first, second, false},

/* clang-format off */
const struct feed_entity feed_entities[] = {
"""


def rows():
    table = html.entities.html5
    for name in sorted(n[:-1] for n in table if n.endswith(";")):
        points = ["0x%X" % ord(c) for c in table[name + ";"]]
        kind = "TWO" if len(points) > 1 else "OLD" if name in table else "ONE"
        yield "%s(%s)" % (kind, ", ".join([name] + points))


def main():
    line, lines = "", []
    for row in rows():
        if line and 8 + len(line) + 1 + len(row) > WIDTH:
            lines.append("\t" + line)
            line = ""
        line = (line + " " + row).strip()
    lines.append("\t" + line)
    print(HEAD + "\n".join(lines) + "\n};\n/* clang-format on */\nconst size_t feed_entity_count = sizeof(feed_entities) / sizeof(feed_entities[0]);")


main()
