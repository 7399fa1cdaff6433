#!/usr/bin/env python3
"""Writes fold_vectors.h: words and what folding must make of them, from the
Unicode data of this Python, composed and decomposed, in capitals and mixed."""
import random
import unicodedata as u

rng = random.Random(20261121)
BLOCKS = [range(0x41, 0x250), range(0x386, 0x3CF), range(0x400, 0x460), range(0x48A, 0x500), range(0x1E02, 0x1E95)]
SPECIAL = {0x130, 0x131, 0xDF, 0x17F, 0x3C2, 0x149, 0x1F0, 0x1C4, 0x1C5, 0x1C6}


def letters(block):
    return [chr(c) for c in block if u.category(chr(c)) in ("Lu", "Ll") and c not in SPECIAL
            and len(chr(c).lower()) == 1 and len(chr(c).upper()) == 1]


def c_text(text):
    return '"' + "".join("\\%03o" % b for b in text.encode()) + '"'


print("/* Made by make-fold-vectors.py from Unicode " + u.unidata_version + ": as written, as folded. */")
print("static const char *const fold_vectors[][2] = {")
for block in BLOCKS:
    pool = letters(block)
    for _ in range(24):
        word = "".join(rng.choice(pool) for _ in range(rng.randint(2, 6)))
        folded = u.normalize("NFC", u.normalize("NFC", word).lower()).replace("\u03c2", "\u03c3")
        for form in {word, u.normalize("NFD", word), word.upper() if word.upper().lower() == word.lower() else word}:
            print("\t{%s, %s}," % (c_text(form), c_text(folded)))
print("};")
