#!/usr/bin/env python3
"""Writes fold_table.h: letter classes, lower case and composition of the
Latin, Greek and Cyrillic blocks, from the Unicode data of this Python.
Run by hand when the tables shall follow a newer Unicode: ./make-fold-table.py > fold_table.h"""
import unicodedata as u

LOW = range(0, 0x600)
HIGH = range(0x1E00, 0x2000)


def letter_class(c):
    ch = chr(c)
    cat = u.category(ch)
    if c == 0xAD:
        return "I"
    if ch in "\n\r\v\f\x85":
        return "N"
    if ch == "-":
        return "H"
    if ch in "'`\u02bc\u00b4\u02b9\u02bb":
        return "A"
    if cat in ("Lu", "Lt"):
        return "U"
    if cat[0] == "L":
        return "L"
    if c < 0x80 and cat == "Nd":
        return "D"
    if cat[0] == "M":
        return "M"
    if ch in " \t" or cat[0] == "Z":
        return "S"
    return "O"


def fold(c):
    if c == 0x130:  # no Turkish: the dotted capital stays as it is
        return c
    if c == 0x3C2:  # final sigma
        return 0x3C3
    one = u.normalize("NFC", chr(c))  # some letters are another one for good: U+1F79 is U+03CC
    if len(one) == 1 and u.category(one)[0] == "L" and ord(one) != c:
        return fold(ord(one))
    for low in (chr(c).casefold(), chr(c).lower()):  # the simple folding of CaseFolding.txt
        if len(low) == 1 and ord(low) < 0x10000:
            return ord(low)
    return c


def table(name, cells, per_line):
    print(f"static const {name}[{len(cells)}] = {{")
    for i in range(0, len(cells), per_line):
        print("\t" + ", ".join(cells[i:i + per_line]) + ",")
    print("};\n")


print("/* Made by make-fold-table.py from Unicode " + u.unidata_version + ". */")
print("/* clang-format off */\n")
names = {"O": 0, "S": 1, "N": 2, "L": 3, "U": 4, "D": 5, "M": 6, "I": 7, "H": 8, "A": 9}
table("uint8_t class_low", [str(names[letter_class(c)]) for c in LOW], 48)
table("uint8_t class_high", [str(names[letter_class(c)]) for c in HIGH], 48)
table("uint16_t fold_low", ["0x%X" % fold(c) for c in LOW], 16)
table("uint16_t fold_high", ["0x%X" % fold(c) for c in HIGH], 16)
pairs = []
for c in list(LOW) + list(HIGH):
    d = u.decomposition(chr(c))
    if not d or d.startswith("<") or fold(c) != c or u.normalize("NFC", chr(c)) != chr(c):
        continue
    parts = [int(x, 16) for x in d.split()]
    if len(parts) == 2 and 0x300 <= parts[1] < 0x370:
        pairs.append((fold(parts[0]), parts[1], c))
pairs.sort()
table("struct pair pairs", ["{0x%X, 0x%X, 0x%X}" % p for p in pairs], 8)
