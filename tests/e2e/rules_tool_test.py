"""The tools of those who write rules: match --explain, rules, score; mistakes shown with a caret."""
import json
import os

import harness
from harness import check, check_equal

RULES = """sets:
  halted: [halt*, "put on hold"]
  arms: [missiles, ракет*]
rules:
  - name: pause-arms
    class: pause
    lang: [en, uk]
    when: $halted NEAR/5 $arms
    guard: not ONEAR/1 $halted
  - {name: sale-arms, class: sale, when: bought NEAR/5 $arms}
systems: {Patriot: [Patriot]}
furniture: {starts: [Read also]}
"""

CORPUS = [
    dict(id="a", lang="en", title="They halt missiles", text="", expect=["pause"], allow=[], systems=["Patriot"]),
    dict(id="b", lang="en", title="They bought missiles", text="<p>And halted missiles.</p>", expect=["sale"],
         allow=["pause"], systems=[], kind="positive"),
    dict(id="c", lang="uk", title="Вони halted ракети", text="", expect=[], allow=[], kind="background"),
    dict(id="d", lang="uk", title="Нічого", text="", expect=["pause"], allow=[]),
    dict(id="e", lang="uk", title="Ще нічого", text="Read also: they halt missiles", expect=[], allow=[], kind="background"),
]


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def corpus(folder):
    return write(folder, "corpus.jsonl", "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in CORPUS))


def run(*args, status=0, stdin=b""):
    got, stdout, stderr = harness.client(*args, stdin=stdin)
    check_equal(got, status, stderr)
    return stdout, stderr


def test_rules(folder):
    """rules lists name, class, languages and place; --class leaves out the others"""
    rules = write(folder, "my.yaml", RULES)
    lines = run("rules", "-r", rules)[0].splitlines()
    check_equal(lines[1].split(), ["pause-arms", "pause", "en,uk", rules + ":5"])
    check_equal(lines[2].split(), ["sale-arms", "sale", "all", rules + ":10"])
    listed = json.loads(run("rules", "--json", "--class", "sale", "-r", rules)[0])
    check_equal(listed, {"rules": [{"name": "sale-arms", "class": "sale", "languages": "", "file": rules, "line": 10}],
                         "terms": listed["terms"]})
    run("rules", "--class", "party", "-r", rules, status=2)
    run("rules", "a file without --words", status=2)


def test_words(folder):
    """rules --words counts what a set, a wildcard or an expression catches, in a text and in a corpus"""
    rules = write(folder, "my.yaml", RULES)
    stdout, stderr = run("rules", "--words", "$halted", "-r", rules, corpus(folder))
    check_equal([line.split() for line in stdout.splitlines()], [["2", "halted"], ["1", "halt"]])
    check("3 places" in stderr and "5 items" in stderr, stderr)
    stdout, _ = run("rules", "--words", "halt* OR 'n'", "--json", "-r", rules, stdin=b"Halts, halted: it's put on hold. Halts.")
    check_equal(json.loads(stdout)["words"], [{"words": "halts", "count": 2, "items": 1}, {"words": "halted", "count": 1, "items": 1}])
    stdout, _ = run("rules", "--words", "put on hold", "-r", rules, stdin=b"put on hold")
    check_equal(stdout.split(), ["1", "put", "on", "hold"])
    _, stderr = run("rules", "--words", "halt AND", "-r", rules, stdin=b"x", status=1)
    check("something is missing" in stderr and stderr.splitlines()[2].strip() == "^", stderr)


def test_score(folder):
    """score counts as documented, by class and language, and shows each miss"""
    rules, items = write(folder, "my.yaml", RULES), corpus(folder)
    answer = json.loads(run("score", "--json", "-r", rules, items)[0])
    every, uk = answer["groups"]["all"], answer["groups"]["uk"]
    check_equal((every["items"], every["relevance"]["tp"], every["relevance"]["fp"], every["relevance"]["fn"]), (5, 2, 1, 1))
    check_equal(every["false_alarms"], {"background": [1, 2]})
    check_equal(every["classes"]["pause"], {"precision": .5, "recall": .5, "f1": .5, "tp": 1, "fp": 1, "fn": 1, "allowed": 1})
    check_equal((every["systems"]["all"]["found"], every["systems"]["all"]["of"]), (0, 1))
    check_equal((uk["relevance"]["precision"], uk["relevance"]["tn"]), (0, 1))
    check_equal([[miss["id"] for miss in answer["misses"][kind]] for kind in ("missed", "false_alarms", "classes", "systems")],
                [["d"], ["c"], [], ["a"]])
    strict = json.loads(run("score", "--json", "--strict", "--lang", "en", "-r", rules, items)[0])
    check_equal(list(strict["groups"]), ["all"])
    check_equal([miss["too_many"] for miss in strict["misses"]["classes"]], [["pause"]])
    stdout, _ = run("score", "-r", rules, items)
    check("missed: 1\n  d  lacks pause  | Нічого\n" in stdout, stdout)
    stdout, _ = run("score", "--no-misses", "-r", rules, items)
    check("missed" not in stdout, stdout)
    bad = write(folder, "bad.jsonl", json.dumps(CORPUS[0]) + "\n" + json.dumps(dict(CORPUS[0], expect=["party"])) + "\n")
    _, stderr = run("score", "-r", rules, bad, status=1)
    check(bad + ":2: there is no class party" in stderr, stderr)
    run("score", "-r", rules, status=2)


def test_explain(folder):
    """match --explain shows words, sets, rules and the guard that won, as text and as JSON"""
    rules = write(folder, "my.yaml", RULES)
    text = "They did not halt missiles: F-16.\nRead also: they halt missiles".encode()
    stdout, _ = run("match", "--explain", "-r", rules, stdin=text)
    lines = [line.split() for line in stdout.splitlines()]
    check(["tokens", "they", "did", "not", "halt", "missiles", "|", "f-16"] in lines, stdout)
    check(["halt", "$halted"] in [line[-2:] for line in lines], stdout)
    check("not + halt  by not ONEAR/1 $halted  (%s:9)" % rules in stdout, stdout)
    check("furniture" in stdout and stdout.endswith("no event\n"), stdout)
    answer = json.loads(run("match", "--explain", "--json", "-r", rules, stdin=text)[0])
    first, second = answer["sentences"]
    check_equal(first["rules"][0], {"rule": "pause-arms", "class": "pause", "verdict": "guarded", "words": ["not", "halt"],
                                    "expression": "not ONEAR/1 $halted", "file": rules, "line": 9})
    check_equal(first["sets"], {"halted": ["halt"], "arms": ["missiles"]})
    check_equal((second["furniture"] is None, second["rules"], answer["alerts"]), (False, [], []))


def test_caret(folder):
    """a mistake in a rule file: file, line, column, the row and a caret, from the tool and from wirewatchd --check"""
    rules = write(folder, "my.yaml", RULES.replace("$halted NEAR/5 $arms", "$halted NEAR/5 $armes"))
    config = write(folder, "wirewatch.yaml", "feeds: [http://127.0.0.1:1/]\nrules: [my.yaml]\nledger: sqlite://%s/l.db\n" % folder)
    _, stderr = run("match", "-r", rules, stdin=b"x", status=1)
    for said in (stderr, harness.daemon_command("-c", config, "--check")[2]):
        row = said.splitlines().index("        when: $halted NEAR/5 $armes")
        check(said.splitlines()[row - 1].endswith("my.yaml:8: column 26: there is no set $armes"), said)
        check_equal(said.splitlines()[row + 1], " " * 29 + "^")


if __name__ == "__main__":
    harness.run_tests([test_rules, test_words, test_score, test_explain, test_caret])
