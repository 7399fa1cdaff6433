#!/usr/bin/env python3
"""Real alerts are valid against docs/alert.schema.json, and the schema can tell."""

import copy
import json
import os
import subprocess
import sys

try:
    import jsonschema
except ImportError:
    print("1..0 # SKIP python3-jsonschema is missing")
    sys.exit(0)

source = os.environ.get("WW_SRCDIR", ".")
build = os.environ.get("WW_BUILDDIR", ".")
with open(os.path.join(source, "docs", "alert.schema.json"), encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
output = subprocess.run([os.path.join(build, "tests", "unit", "alert", "alert_print")], check=True, capture_output=True)
lines = output.stdout.decode("utf-8").split("\n")[:-1]
alerts = [json.loads(line) for line in lines]

tests = []


def test(name, good, note=""):
    tests.append(good)
    print(f"{'ok' if good else 'not ok'} {len(tests)} - {name}")
    if not good and note:
        print("# " + note.replace("\n", "\n# "))


for number, alert in enumerate(alerts, 1):
    errors = [f"{list(e.absolute_path)}: {e.message}" for e in validator.iter_errors(alert)]
    test(f"alert {number} is valid", not errors, "\n".join(errors))
test("several alerts were printed", len(alerts) == 11)
test("every class is there", {a["data"]["class"] for a in alerts} == set(schema["$defs"]["alert"]["properties"]["class"]["enum"]))
test("the same headline from another feed repeats the story",
     alerts[1]["data"]["report"] == "repeat" and alerts[1]["data"]["outlets"] == 2
     and alerts[0]["data"]["story"] == alerts[1]["data"]["story"])
test("keys are those of the schema, in its order",
     all(list(a) == list(schema["properties"]) and list(a["data"]) == list(schema["$defs"]["alert"]["properties"])
         for a in alerts))
test("compact, one line each",
     all(line == json.dumps(alert, ensure_ascii=False, separators=(",", ":")) for line, alert in zip(lines, alerts)))

# Each of these is wrong in one place and must be refused.
for path, value in [(["id"], "x"), (["data", "class"], "arrival"), (["data", "report"], None),
                    (["data", "evidence"], []), (["data", "money"], [{"amount": "1", "currency": "USD"}]),
                    (["data", "systems"], None), (["data", "extra"], 1), (["sequence"], 1)]:
    broken = copy.deepcopy(alerts[0])
    place = broken
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    test(f"refused: {'.'.join(path)} = {value!r}", not validator.is_valid(broken))

print(f"1..{len(tests)}")
sys.exit(0 if all(tests) else 1)
