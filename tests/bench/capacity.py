#!/usr/bin/python3
"""What a machine carries, from the results of `run_all --json`: the tables of docs/capacity.md.

  tests/bench/run_all --json > results; tests/bench/capacity.py results
"""
import json
import sys

INTERVAL, CHANGED, FULL = 300, 0.05, 0.7  # seconds between polls; part of the polls that find something; of a core


def load(path):
    with open(path, encoding="ascii") as file:
        results = [json.loads(line) for line in file if line.startswith("{")]
    return {(result["bench"], result["case"]): result for result in results}


def of_scale(results, what):
    return next(result for (bench, case), result in results.items() if bench == "scale" and case.endswith(what))


def polls(results):
    yield "| feeds over | not modified | changed | mean | feeds a core |"
    yield "|---|---|---|---|---|"
    for name, transport in (("HTTP, connection kept", "http kept"), ("HTTP", "http fresh"), ("TLS, resumed", "tls resumed"),
                            ("TLS, full handshakes", "tls fresh")):
        same, changed = (results.get(("poll", "%s, %s" % (transport, what))) for what in ("not modified", "changed"))
        if same is None:
            continue
        mean = (1 - CHANGED) * same["median"] + CHANGED * changed["median"]
        yield "| %s | %.0f µs | %.0f µs | %.0f µs | %s |" % (
            name, same["median"], changed["median"], mean, "{:,.0f}".format(INTERVAL * FULL * 1e6 / mean // 1000 * 1000))


def paced(results):
    yield "| load | processor |"
    yield "|---|---|"
    cost = of_scale(results, "processor")
    yield "| %.0f polls a second, spread evenly over HTTP | %.0f µs a poll, %.0f %% of a core |" % (
        cost["polls_a_second"], cost["median"], cost["percent_of_a_core"])
    yield "| 1,000 feeds, first polls | %.1f s of processor |" % (results[("poll", "http fresh, first")]["median"] / 1e3)


def memory(results):
    yield "| what | memory |"
    yield "|---|---|"
    rest = of_scale(results, "memory a feed")["median"]
    yield "| 10,000 feeds at rest | %.0f MB |" % (rest * 1024 * 10000 / 1e6)
    for transport in ("http", "tls"):
        one = results.get(("memory", "a transfer under way, " + transport))
        if one:
            yield "| 200 transfers under way, %s | %.0f MB |" % (transport.upper(), one["median"] * 1024 * 200 / 1e6)
    whole = of_scale(results, "memory a feed")  # rules, libraries and all
    yield "| the daemon with %s | %.0f MB |" % (whole["case"].split(", ")[0], whole["all_MB"])


def disk(results):
    yield "| what | disk |"
    yield "|---|---|"
    entry = of_scale(results, "ledger, an entry")["median"]
    yield "| an entry remembered | %.0f bytes |" % entry
    yield "| an alert kept | %.1f KB |" % (results[("ledger", "an alert in the ledger")]["median"] / 1e3)
    yield "| 10,000 feeds that bring 10 new entries a day each | %.0f MB a day |" % (entry * 100000 / 1e6)
    yield "| written for a poll (most of it again and again, to the log of the ledger) | %.1f KB |" % (
        of_scale(results, "written to disk")["median"] / 1e3)


def main():
    results = load(sys.argv[1])
    for table in (polls, paced, memory, disk):
        print("\n".join(table(results)), end="\n\n")


if __name__ == "__main__":
    main()
