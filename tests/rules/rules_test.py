#!/usr/bin/env python3
"""The shipped rules over sentences of news: <language>.jsonl says which classes each must and may raise.

names.jsonl says besides which systems are named, and the language with each."""
import glob
import json
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("WW_SRCDIR") or os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("WW_BUILDDIR") or os.path.join(SOURCE, "build")
COMMAND = [os.path.join(BUILD, "client", "wirewatch"), "match", "--jsonl",
           "-r", os.path.join(SOURCE, "config", "rules.d"), "-"]


def read_cases():
    for path in sorted(glob.glob(os.path.join(SOURCE, "tests", "rules", "*.jsonl"))):
        language = os.path.splitext(os.path.basename(path))[0]
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield dict({"lang": language}, **json.loads(line), id="%s:%d" % (os.path.basename(path), number))


def raised(cases):
    """For each id, class -> rule of the alerts that the tool raised, and the systems named."""
    lines = [json.dumps({"id": case["id"], "title": case.get("title", ""), "text": case["text"], "lang": case["lang"]})
             for case in cases]
    answer = subprocess.run(COMMAND, input="\n".join(lines) + "\n", capture_output=True, encoding="utf-8", check=False)
    for line in answer.stderr.splitlines():
        print("# " + line)
    found = (json.loads(line) for line in answer.stdout.splitlines())
    return {one["id"]: ({alert["class"]: alert["rule"] for alert in one["alerts"]}, one["systems"]) for one in found}


def main():
    cases = list(read_cases())
    print("1..%d" % len(cases), flush=True)
    found = raised(cases)
    for number, case in enumerate(cases, 1):
        alerts, systems = found.get(case["id"], (None, None))
        wanted, allowed = set(case["classes"]), set(case["classes"]) | set(case.get("allow", []))
        good = alerts is not None and wanted <= set(alerts) <= allowed
        if good and "systems" in case:
            good = sorted(systems) == sorted(case["systems"])
        print("%s %d - %s %s" % ("ok" if good else "not ok", number, case["id"], case["text"].replace("#", "no.")))
        if not good:
            print("#   wanted %s, raised %s, named %s" % (sorted(wanted), alerts, systems))


main()
