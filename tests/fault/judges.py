"""What a cluster must have kept to, judged from what it left behind.

Each judge returns complaints, [] if there are none. They read plain evidence, so that made-up evidence can show that
they are able to find fault (judges_test.py).
"""
import bisect
import collections

Request = collections.namedtuple("Request", "began ended node host feed status")
Row = collections.namedtuple("Row", "sequence epoch item story report")  # an alert, wherever it was seen
Outage = collections.namedtuple("Outage", "node began until")  # until: when something else went wrong

MOST = 5  # complaints of a kind that are spelled out


class Complaints(list):
    def add(self, kind, found):
        found = list(found)
        if found:
            more = "" if len(found) <= MOST else " and %d more" % (len(found) - MOST)
            self.append("%s: %s%s" % (kind, ", ".join(str(f) for f in found[:MOST]), more))


def twice(values):
    return sorted(value for value, count in collections.Counter(values).items() if count > 1)


def _falls(numbers):
    return ["%d after %d" % (after, before) for before, after in zip(numbers, numbers[1:]) if after < before]


# ---- the ledger, and who prints it ------------------------------------------------------------

def ledger(wanted, rows):
    """Every item in the ledger exactly once, sequences from 1 on without holes, one epoch."""
    complaints, items, numbers = Complaints(), [row.item for row in rows], [row.sequence for row in rows]
    complaints.add("lost", sorted(set(wanted) - set(items)))
    complaints.add("never published, yet stored", sorted(set(items) - set(wanted)))
    complaints.add("stored twice", twice(items))
    complaints.add("sequence given twice", twice(numbers))
    complaints.add("sequence left out", sorted(set(range(1, max(numbers, default=0) + 1)) - set(numbers)))
    if len({row.epoch for row in rows}) > 1:
        complaints.append("several epochs: %r" % sorted({row.epoch for row in rows}))
    return complaints


def printed(rows, seen, who):
    """Each alert of the ledger once, in the order of sequences, and the same as stored."""
    complaints, stored = Complaints(), {row.sequence: row for row in rows}
    numbers = [row.sequence for row in seen]
    complaints.add(who + ": printed twice", twice(numbers))
    complaints.add(who + ": not printed", sorted(set(stored) - set(numbers)))
    complaints.add(who + ": out of order", _falls(numbers))
    complaints.add(who + ": differs from the ledger",
                   ("%r, stored %r" % (row, stored.get(row.sequence)) for row in seen
                    if stored.get(row.sequence) != row))
    return complaints


def published(rows, numbers, who):
    """What a node handed on: each alert at least once; the first time of each in the order of sequences."""
    complaints = Complaints()
    first = list(dict.fromkeys(numbers))
    complaints.add(who + ": never handed on", sorted({row.sequence for row in rows} - set(first)))
    complaints.add(who + ": handed on, not stored", sorted(set(first) - {row.sequence for row in rows}))
    complaints.add(who + ": out of order", _falls(first))
    return complaints


def stories(rows):
    """Each story begins with its only first report, whichever nodes it came by."""
    complaints, told = Complaints(), collections.defaultdict(list)
    for row in sorted(rows):
        told[row.story].append(row)
    complaints.add("stories with reports before the first", (story for story, reports in told.items()
                                                             if reports[0].report != "first"))
    complaints.add("stories with several first reports", (story for story, reports in told.items()
                                                          if sum(row.report == "first" for row in reports) > 1))
    return complaints


# ---- the publishers' log ----------------------------------------------------------------------

def _by_host(requests):
    found = collections.defaultdict(list)
    for request in sorted(requests):
        found[request.host].append(request)
    return found


def hosts(requests):
    """No host asked by two nodes at once."""
    def pairs():
        for asked in _by_host(requests).values():
            under_way = []
            for request in asked:
                under_way = [other for other in under_way if other.ended > request.began]
                for other in under_way:
                    if other.node != request.node:
                        yield "host %d: %s from %.3f to %.3f, %s from %.3f" % (
                            request.host, other.node, other.began, other.ended, request.node, request.began)
                under_way.append(request)
    complaints = Complaints()
    complaints.add("two nodes at once", pairs())
    return complaints


def distances(requests):
    """(of one node, of two): seconds between the beginnings of two requests in a row to the same host, ascending."""
    same, other = [], []
    for asked in _by_host(requests).values():
        for before, after in zip(asked, asked[1:]):
            (same if before.node == after.node else other).append(after.began - before.began)
    return sorted(same), sorted(other)


def gaps(requests, gap):
    """The distance between two requests to a host that publishers are promised holds across nodes too."""
    complaints = Complaints()
    complaints.add("too soon after each other", (
        "host %d: %s %.3f, %s %.3f" % (before.host, before.node, before.began, after.node, after.began)
        for asked in _by_host(requests).values() for before, after in zip(asked, asked[1:])
        if after.began - before.began < gap))
    return complaints


class TakeOver:
    """How long the feeds of nodes that died waited for another. Feeds come round once per interval."""

    def __init__(self, requests, lease, interval, slack, spread=0.0):
        self.feeds = collections.defaultdict(list)
        for request in sorted(requests):
            self.feeds[request.host, request.feed].append(request)
        self.lease, self.interval, self.slack, self.spread = lease, interval, slack, spread

    def of(self, outage):
        """Of its feeds that had to be asked before the next fault: (feed, seconds until it was asked, seconds past its
        due time). A feed that was not asked before the next fault has waited until then."""
        found = []
        for feed, asked in self.feeds.items():
            at = bisect.bisect(asked, (outage.began,))
            if not at or asked[at - 1].node != outage.node:
                continue
            due = max(outage.began + self.lease, asked[at - 1].began + self.interval)
            if due + self.slack > outage.until:
                continue
            # The node itself may have asked it after its return: then it was asked.
            again = min(asked[at].began, outage.until) if at < len(asked) else outage.until
            found.append((feed, again - outage.began, again - due))
        return found

    def judge(self, outages):
        complaints = Complaints()
        for outage in outages:
            complaints.add("%s, killed at %.3f, feeds that nobody took over in time" % (outage.node, outage.began), (
                "%d/%d after %.1f s, %.1f s late" % (*feed, wait, late)
                for feed, wait, late in self.of(outage) if late > self.slack + self.spread))
        return complaints


def quantile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else 0.0


# ---- reading the evidence -----------------------------------------------------------------------

def read_requests(path, nodes):
    """nodes: address -> name. A last line that is still being written is left out."""
    found = []
    with open(path, encoding="ascii") as file:
        for line in file:
            if line.endswith("\n"):
                began, ended, address, host, feed, status = line.split()
                found.append(Request(float(began), float(ended), nodes.get(address, address), int(host),
                                     int(feed), int(status)))
    return found


def row_of(event):
    """A CloudEvents object as printed and published."""
    epoch, sequence = event["id"].split("-")
    data = event["data"]
    return Row(int(sequence), int(epoch), data["item"], data["story"], data["report"])
