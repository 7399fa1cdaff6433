#!/usr/bin/python3
"""What `wirewatch parse` reads out of small documents, one for each habit of publishers: cases/*.cases.

    cases_test.py [WIREWATCH [FILE...]]

A case starts with a line "== name". Its document follows; a document on one line that starts with "@item" is the
content of the only item of an RSS feed, "@channel" of its channel, "@entry" of an Atom feed's only entry, "@feed" of
an Atom feed. "%XX" in a document that starts with "@bytes" stands for a byte. Then come the expectations:
"=> entries N", "=> format F", "=> feed.FIELD VALUE", "=> NUMBER.FIELD VALUE", "=> repairs WORDS" (some repair holds
them), "=> refused WORDS". VALUE is JSON if it can be read as JSON that is no number, else text.
"""
import glob
import json
import os
import re
import subprocess
import sys
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
NAMESPACES = (
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" '
    'xmlns:media="http://search.yahoo.com/mrss/" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"'
)
FRAMES = {
    "@item": '<rss version="2.0" ' + NAMESPACES + "><channel><title>F</title><item>%s</item></channel></rss>",
    "@channel": '<rss version="2.0" ' + NAMESPACES + "><channel>%s</channel></rss>",
    "@entry": '<feed xmlns="http://www.w3.org/2005/Atom"><title>F</title><entry>%s</entry></feed>',
    "@feed": '<feed xmlns="http://www.w3.org/2005/Atom">%s</feed>',
}


def cases(path):
    with open(path, encoding="utf-8") as file:
        parts = re.split(r"^== (.*)\n", file.read(), flags=re.M)
    for name, body in zip(parts[1::2], parts[2::2]):
        lines = body.rstrip("\n").split("\n")
        wanted = [line[3:] for line in lines if line.startswith("=> ")]
        yield name, "\n".join(line for line in lines if not line.startswith("=> ")).strip(), wanted


def document(text):
    frame, _, rest = text.partition(" ")
    frame, _, first = frame.partition("\n")
    if first:
        rest = first + " " + rest
    if frame in FRAMES:
        text = FRAMES[frame] % rest
    elif frame == "@bytes":
        return urllib.parse.unquote_to_bytes(rest)
    return text.encode()


def value(text):
    try:
        read = json.loads(text)
    except ValueError:
        return text
    return text if isinstance(read, (int, float)) and not isinstance(read, bool) else read


def look_up(got, place):
    where, _, field = place.partition(".")
    if not field:
        return len(got["entries"]) if where == "entries" else got.get(where)
    node = got if where == "feed" else got["entries"][int(where)]
    return node.get(field)


def same(want, got):
    if isinstance(got, (int, float)) and not isinstance(got, bool):
        got = str(got)
    return want == got


def check(wirewatch, text, wanted):
    run = subprocess.run(
        [wirewatch, "parse", "--json", "-"], input=document(text), capture_output=True, timeout=60, check=False
    )
    problems = []
    for line in wanted:
        place, _, rest = line.partition(" ")
        if place == "refused":
            if run.returncode != 1 or rest not in run.stderr.decode():
                problems.append(f"not refused with {rest!r} but {run.returncode} {run.stderr!r}")
            continue
        try:
            got = json.loads(run.stdout)
            found = "; ".join(got["repairs"]) if place == "repairs" else look_up(got, place)
        except (ValueError, IndexError) as error:
            problems.append(f"{place}: {error} {run.stderr!r}")
            continue
        fine = rest in found if place == "repairs" else same(value(rest), found)
        if not fine:
            problems.append(f"{place}: expected {rest!r}, got {found!r}")
    return problems


def main():
    built = os.path.join(os.environ.get("WW_BUILDDIR", "."), "client/wirewatch")
    wirewatch = sys.argv[1] if len(sys.argv) > 1 else built
    files = sys.argv[2:] or sorted(glob.glob(HERE + "/cases/*.cases"))
    number = failed = 0
    for path in files:
        for name, text, wanted in cases(path):
            number += 1
            problems = check(wirewatch, text, wanted)
            failed += bool(problems)
            print(f"{'not ok' if problems else 'ok'} {number} - {os.path.basename(path)}: {name}")
            for problem in problems:
                print("# " + problem)
    print(f"1..{number}")
    return 1 if failed or not number else 0


if __name__ == "__main__":
    sys.exit(main())
