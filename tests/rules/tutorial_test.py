#!/usr/bin/env python3
"""The examples of docs/writing-rules.md beside the shipped rules: each loads, and does what the page says of it."""
import json
import os
import re
import shutil
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("WW_SRCDIR") or os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("WW_BUILDDIR") or os.path.join(SOURCE, "build")
TOOL = os.path.join(BUILD, "client", "wirewatch")
SHIPPED = os.path.join(SOURCE, "config", "rules.d")
with open(os.path.join(SOURCE, "docs", "writing-rules.md"), encoding="utf-8") as page:
    PAGE = page.read()


def snippets(kind):
    return re.findall(r"^```%s\n(.*?)^```$" % kind, PAGE, re.M | re.S)


WORD, NAMES, RULE, TAKEN_OUT = range(4)  # the page's YAML, in its order
LOCAL = snippets("yaml")


class Rules:
    """The shipped rules with some of the examples as local.yaml."""

    def __init__(self, *which, text=None):
        self.folder = tempfile.mkdtemp(prefix="ww-")
        for name in os.listdir(SHIPPED):
            shutil.copy(os.path.join(SHIPPED, name), self.folder)
        with open(os.path.join(self.folder, "local.yaml"), "w", encoding="utf-8") as file:
            file.write(text or "\n".join(LOCAL[one] for one in which))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def run(self, command, *arguments, stdin="", status=0):
        done = subprocess.run([TOOL, command, "-r", self.folder, *arguments], input=stdin, capture_output=True,
                              encoding="utf-8", check=False)
        assert done.returncode == status, (done.returncode, done.stderr)
        return done.stderr if status else done.stdout

    def match(self, text):
        """(class -> rule, systems, actors) of a text."""
        line = json.dumps({"id": "1", "title": "", "text": text, "lang": "en"})
        found = json.loads(self.run("match", "--jsonl", "-", stdin=line + "\n"))
        return {one["class"]: one["rule"] for one in found["alerts"]}, found["systems"], found["actors"]


def plain():
    return Rules(text="{}\n")


def test_page_has_the_examples_known_here():
    assert len(LOCAL) == 4 and len(snippets("json")) == 1, (len(LOCAL), len(snippets("json")))


def test_word_makes_its_story_fire():
    story = re.search(r'A story says "(.*?)"', PAGE).group(1) + "."
    with plain() as rules:
        assert not rules.match(story)[0], "fires without the word"
    with Rules(WORD) as rules:
        assert rules.match(story)[0], "does not fire with it"


def test_pattern_shows_the_words_it_catches():
    with plain() as rules:
        corpus = os.path.join(rules.folder, "old-news.txt")
        with open(corpus, "w", encoding="utf-8") as file:
            file.write("They pledged it.\n\nA pledge and pledging, no plea.\n")
        told = rules.run("rules", "--words", "pledg*", corpus)
        assert set(re.findall(r"\bpl\w+", told)) >= {"pledged", "pledge", "pledging"} and "plea\n" not in told, told


def test_names_are_known():
    with Rules(NAMES) as rules:
        for text in "Sweden delivered a GBU-53 to Ukraine.", "Sweden delivered a СтормБрейкер to Ukraine.":
            assert "Stormbreaker" in rules.match(text)[1], text
        assert "Ruritania" in rules.match("The Ruritanians in Strelsau delivered missiles to Ukraine.")[2]
        arms = "Sweden delivered missiles and a Falcon Shield to Ukraine. The army fires the missiles."
        assert "Falcon Shield" in rules.match(arms)[1]
        assert "Falcon Shield" in rules.match("Sweden bought Falcon Shield systems.")[1]
        assert "Falcon Shield" not in rules.match("Falcon Shield raised its rates.")[1]
        assert "Falcon Shield" not in rules.match(arms.replace("Shield", "Shield Bank"))[1]


def test_rule_answers_its_corpus_and_nothing_else_does():
    corpus = snippets("json")[0]
    wanted = {line["id"]: line["expect"] for line in map(json.loads, corpus.splitlines())}
    with Rules(RULE) as rules:
        found = {one["id"]: {alert["class"]: alert["rule"] for alert in one["alerts"]}
                 for one in map(json.loads, rules.run("match", "--jsonl", "-", stdin=corpus).splitlines())}
        assert {key: list(value) for key, value in found.items()} == wanted, found
        assert found["1"] == {"delivery": "local-strait-delivery"}, found
        path = os.path.join(rules.folder, "mine.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            file.write(corpus)
        assert "missed: 0\nfalse alarms: 0\n" in rules.run("score", path)
        # "at most six words between, in this order"
        assert rules.match("The navy slipped its neighbour on the coast three sea drones.")[0]
        assert not rules.match("The navy slipped its neighbour on the far coast three sea drones.")[0]
        assert not rules.match("Sea drones slipped.")[0]
    with plain() as rules:
        found = map(json.loads, rules.run("match", "--jsonl", "-", stdin=corpus).splitlines())
        assert not any(one["alerts"] for one in found), "no rule is needed"


def test_what_is_left_out_is_gone():
    with plain() as rules:
        assert "\npause-late " in rules.run("rules")
        assert "Cobra" in rules.match("Sweden delivered Otokar Cobra vehicles to Ukraine.")[1]
    with Rules(TAKEN_OUT) as rules:
        assert "\npause-late " not in rules.run("rules")
        assert "Cobra" not in rules.match("Sweden delivered Otokar Cobra vehicles to Ukraine.")[1]
    for kind, name in ("rules", "no-such-rule"), ("systems", "No Such System"), ("actors", "Nobody"):
        with Rules(text="# a line\nleave_out:\n  %s: [%s]\n" % (kind, name)) as rules:
            assert "local.yaml:3:" in rules.run("rules", status=1), kind


def test_examples_live_together():
    parts = {}
    for text in LOCAL:  # one file has each key once
        for key, body in re.findall(r"^(\w+):\n((?:[ \n].*\n?)+)", text, re.M):
            parts[key] = parts.get(key, "") + body
    with Rules(text="".join("%s:\n%s\n" % part for part in parts.items())) as rules:
        assert "local-strait-delivery" in rules.run("rules")


def main():
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    print("1..%d" % len(tests))
    for number, (name, test) in enumerate(tests, 1):
        title = name[len("test_"):].replace("_", " ")
        try:
            test()
            print("ok %d - %s" % (number, title), flush=True)
        except (AssertionError, LookupError, ValueError) as error:
            print("# %s: %s" % (type(error).__name__, str(error).replace("\n", "\n# ")))
            print("not ok %d - %s" % (number, title), flush=True)


main()
