#!/usr/bin/env python3
"""docs/politeness.md: all 29 behaviours are there, and every test it names exists and is run."""
import os
import re

SOURCE = os.environ.get("WW_SRCDIR") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BEHAVIOURS = 29


def read(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as file:
        return file.read()


def rows():
    """(first cell, last cell) of each line of the tables."""
    lines = [line.strip("|").split("|") for line in read("docs", "politeness.md").split("\n") if line.startswith("| ")]
    return [(cells[0].strip(), cells[-1].strip()) for cells in lines if len(cells) in (2, 3)]


def proofs(cell):
    """(file, test) of "`file` test, test; `file` test"."""
    for part in cell.split(";"):
        found = re.fullmatch(r"`(tests/[\w/.-]+)` ((?:\w+, )*\w+)", part.strip())
        assert found, "not understood: %r" % part
        for name in found.group(2).split(", "):
            yield found.group(1), name


def test_all_behaviours_are_there():
    numbered = [int(first) for first, _ in rows() if first.isdigit()]
    assert numbered == list(range(1, BEHAVIOURS + 1)), numbered


def test_every_test_exists_and_is_run():
    count = 0
    for first, last in rows():
        if not last.startswith("`tests/"):
            assert last in ("proved by", "---") or set(last) <= set("-"), (first, last)
            continue
        for path, name in proofs(last):
            text = read(path)
            defined = r"^def %s\(" if path.endswith(".py") else r"^static void %s\("
            assert re.search(defined % name, text, re.M), "%s has no %s" % (path, name)
            assert len(re.findall(r"\b%s\b" % name, text)) > 1, "%s in %s is not run" % (name, path)
            folder, file = os.path.split(path)
            assert file.split(".c")[0] in read(folder, "include.am"), path + " is not among the tests"
            count += 1
    assert count >= BEHAVIOURS + 7, count


if __name__ == "__main__":
    TESTS = [test_all_behaviours_are_there, test_every_test_exists_and_is_run]
    print("TAP version 13\n1..%d" % len(TESTS))
    for number, test in enumerate(TESTS, 1):
        try:
            test()
            print("ok %d - %s" % (number, test.__name__))
        except AssertionError as error:
            print("# %s\nnot ok %d - %s" % (error, number, test.__name__))
