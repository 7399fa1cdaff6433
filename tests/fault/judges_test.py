"""The judges of the cluster campaign find fault where there is one: made-up evidence, some of it broken on purpose."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import harness  # noqa: E402
import judges   # noqa: E402
from harness import check, check_equal  # noqa: E402
from judges import Outage, Request, Row  # noqa: E402


def alerts(count, **changes):
    return [Row(n, 7, "item%d" % n, "story", "first" if n == 1 else "repeat")._replace(**changes)
            for n in range(1, count + 1)]


ITEMS = ["item%d" % n for n in range(1, 6)]


def finds(complaints, *words):
    check_equal(len(complaints), len(words), complaints)
    for complaint, word in zip(complaints, words):
        check(word in complaint, word, "not in", complaint)


def test_ledger(_folder):
    """a ledger with an item lost, stored twice or invented, a hole or a second epoch"""
    rows = alerts(5)
    finds(judges.ledger(ITEMS, rows))
    finds(judges.ledger([], []))
    finds(judges.ledger(ITEMS, rows[:4]), "lost: item5")
    finds(judges.ledger(ITEMS[:4], rows), "never published, yet stored: item5")
    finds(judges.ledger(ITEMS, rows + [rows[0]._replace(sequence=6)]), "stored twice: item1")
    finds(judges.ledger(ITEMS, rows[:4] + [rows[4]._replace(sequence=4)]), "given twice: 4")
    finds(judges.ledger(ITEMS, rows[:4] + [rows[4]._replace(sequence=6)]), "left out: 5")
    finds(judges.ledger(ITEMS, rows[:4] + [rows[4]._replace(epoch=8)]), "several epochs: [7, 8]")
    finds(judges.ledger(ITEMS * 1 + ["x%d" % n for n in range(9)], rows), "and 4 more")


def test_printed(_folder):
    """a subscriber that misses one, prints one twice, late, or another one than stored"""
    rows = alerts(5)
    finds(judges.printed(rows, rows, "tail"))
    finds(judges.printed(rows, rows[1:], "tail"), "tail: not printed: 1")
    finds(judges.printed(rows, rows + rows[-1:], "tail"), "printed twice: 5")
    finds(judges.printed(rows, rows[:3] + rows[2:], "tail"), "printed twice: 3")
    finds(judges.printed(rows, [rows[0], rows[2], rows[1], *rows[3:]], "tail"), "out of order: 2 after 3")
    finds(judges.printed(rows, [*rows[:4], rows[4]._replace(item="item1")], "tail"), "differs")
    finds(judges.printed(rows[:4], rows, "tail"), "differs from the ledger")


def test_published(_folder):
    """a node that hands on too little, something else, or in another order"""
    rows = alerts(5)
    finds(judges.published(rows, [1, 2, 3, 4, 5], "node1"))
    finds(judges.published(rows, [1, 2, 3, 2, 3, 4, 5], "node1"))
    finds(judges.published(rows, [1, 2, 4, 5], "node1"), "never handed on: 3")
    finds(judges.published(rows, [1, 2, 4, 3, 5], "node1"), "out of order: 3 after 4")
    finds(judges.published(rows, [1, 2, 3, 4, 5, 6], "node1"), "not stored: 6")


def test_stories(_folder):
    """stories that begin twice or in the middle"""
    rows = alerts(5)
    finds(judges.stories(rows))
    finds(judges.stories(reversed(rows)))
    finds(judges.stories(alerts(3, report="first", story="s")), "several first reports: s")
    finds(judges.stories([rows[0]._replace(report="repeat"), rows[1]._replace(report="first")]), "before the first")


def asked(began, ended, node, host=1, feed=0):
    return Request(began, ended, node, host, feed, 200)


def test_hosts(_folder):
    """hosts asked by two nodes at once, or too soon"""
    well = [asked(0, 1, "a"), asked(1, 2, "b"), asked(0.5, 3, "b", host=2), asked(3, 4, "a"), asked(3.5, 4, "a")]
    finds(judges.hosts(well))
    finds(judges.hosts(well + [asked(1.5, 1.6, "a")]), "host 1: b from 1.000 to 2.000, a from 1.500")
    finds(judges.hosts([asked(0, 9, "a"), asked(1, 2, "a"), asked(3, 4, "b")]), "a from 0.000 to 9.000, b from 3.000")
    same, other = judges.distances(well)
    check_equal((same, other), ([0.5], [1, 2]))
    finds(judges.gaps(well[:4], 1.0))
    finds(judges.gaps(well, 1.0), "host 1: a 3.000, a 3.500")


def test_take_over(_folder):
    """feeds that nobody takes over, or late"""
    before = [asked(9.0 + n / 10, 9.05 + n / 10, "a", host=n) for n in range(5)] + [asked(9, 9.1, "b", host=9)]
    others = [asked(n, n + 0.1, "b", host=9) for n in range(10, 60)]
    after = [asked(16.0, 16.1, "b", host=n) for n in range(5)]
    outage = Outage("a", 10.0, 40.0)

    def judge(requests, *outages):
        return judges.TakeOver(requests, lease=5, interval=4, slack=2).judge(outages)
    finds(judge(before + others + after, outage))
    finds(judge(before + others + after[:4], outage), "4/0 after 30.0 s, 25.0 s late")
    finds(judge(before + others + after[:4]))
    finds(judge(before + others + after[:4] + [asked(18, 18.1, "b", host=4)], outage), "4/0 after 8.0 s, 3.0 s late")
    finds(judge(before + others + after[:4], outage._replace(until=16.5)))
    spread = judges.TakeOver(before + others + after[:4] + [asked(18, 18.1, "b", host=4)], 5, 4, 2, 1.5)
    finds(spread.judge([outage]))
    check_equal(judges.TakeOver(before + others + after, 5, 4, 2).of(outage), [((n, 0), 6.0, 1.0) for n in range(5)])
    finds(judge(before + after, outage._replace(node="nobody")))


def test_reading(folder):
    """a log that is still being written"""
    path = os.path.join(folder, "requests")
    with open(path, "w", encoding="ascii") as file:
        file.write("1.5 2.5 10.77.0.11 3 1 304\n2.0 2.1 10.77.0.99 4 0 200\n9.9 1")
    check_equal(judges.read_requests(path, {"10.77.0.11": "node1"}),
                [Request(1.5, 2.5, "node1", 3, 1, 304), Request(2.0, 2.1, "10.77.0.99", 4, 0, 200)])
    event = {"id": "12-34", "data": {"item": "i", "story": "s", "report": "first"}}
    check_equal(judges.row_of(event), Row(34, 12, "i", "s", "first"))


if __name__ == "__main__":
    harness.run_tests([test_ledger, test_printed, test_published, test_stories, test_hosts, test_take_over,
                       test_reading])
