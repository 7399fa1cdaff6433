"""The benches still measure: each in its tiny form, whose figures say nothing but must be there and be told in one form.

That the server answered as many requests as polls are counted, in the way that is to be measured, the benches check.
"""
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile

import measure
from harness import Skip, check, check_equal

# What each must tell at least; TLS needs root.
CASES = {
    "poll": ["http kept, not modified", "http fresh, first"],
    "memory": ["a feed at rest", "a transfer under way, http"],
    "scale": ["start to first poll", "lag of 99 %", "processor", "reload", "missed polls"],
    "publish": ["to 1 subscriber", "to 10 subscribers", "to 100 subscribers"],
    "ledger": ["processor, 20 polls a commit", "look-up of 30 entries"],
    "match": ["match shipped"],
    "latency": ["last byte to subscriber", "1000 alerts of one document"],
}
TLS = {"poll": ["tls fresh, not modified", "tls resumed, changed"], "memory": ["a transfer under way, tls"]}


def run(name):
    """Runs a bench: its status, what it printed, what it said."""
    script = os.path.join(measure.HERE, name + "_bench.py")
    command = [sys.executable, "-B", script] if os.path.exists(script) else [
        os.path.join(measure.harness.BUILDDIR, "tests", "bench", name + "_bench")]
    with tempfile.TemporaryDirectory(prefix="ww-bench-") as folder:
        place = [folder] if name == "ledger" else []
        done = subprocess.run([*command, "--smoke", "--json", *place], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=300, env=dict(os.environ, WW_BENCH_FOLDER=folder), check=False)
    return done.returncode, done.stdout, done.stderr


def smoke(name, running, no_tls):
    def test(folder):
        status, printed, said = running.result()
        check_equal(status, 0, said[-3000:])
        results = [json.loads(line) for line in printed.splitlines()]
        for result in results:
            check_equal(result["bench"], name)
            check(result["least"] <= result["median"] <= result["most"] and result["unit"], "figures:", result)
            if "of" in result:
                check(result["reference"]["least"] > 0 and result["ratio"]["median"] > 0, "the reference:", result)
        told = [result["case"] for result in results]
        for case in CASES[name] + ([] if no_tls else TLS.get(name, [])):
            check(any(case in one for one in told), "nothing of", case, "in", told)
    test.__doc__ = "%s_bench measures, in its tiny form" % name
    test.__name__ = "test_" + name
    return test


def skip(folder):
    """the benches measure, in their tiny form"""
    raise Skip("sanitizers change what is measured")


def main():
    if measure.harness.is_sanitized():
        measure.harness.run_tests([skip])
    no_tls = measure.enter(True)
    if no_tls:
        print("# without TLS: " + no_tls)
    pool = concurrent.futures.ThreadPoolExecutor(4)  # they wait more than they work
    measure.harness.run_tests([smoke(name, pool.submit(run, name), no_tls) for name in CASES])


if __name__ == "__main__":
    main()
