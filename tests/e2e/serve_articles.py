#!/usr/bin/python3
"""Judge the programs by articles from a file: serve_articles.py [--format rss|rdf|atom] [--items] ARTICLES.jsonl

Each line of the file is an object with id, title, text, expect (classes that
must be raised), allow (classes that may be), and if known lang, systems and
actors (must be listed by the item's alerts). The articles are served as feed
items with today's dates; what the running daemon raises over ZeroMQ and on
syslog and what `wirewatch match --jsonl` says is compared with the file and
with each other. Prints each difference and a summary; exit status 1 if an
article is judged wrongly. --items lists what was raised for every article.
"""
import argparse
import json
import os
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True

import documents   # noqa: E402
import feedserver  # noqa: E402
import harness     # noqa: E402
import news        # noqa: E402

PAGE = 20  # articles a feed


def read_articles(path):
    with open(path, encoding="utf-8") as file:
        articles = [json.loads(line) for line in file if line.strip()]
    for number, article in enumerate(articles):
        article["item"] = "urn:article:%d" % number
        article["expect"], article["allow"] = set(article.get("expect", [])), set(article.get("allow", []))
    return articles


def serve(articles, kind):
    """One feed for each page of articles of one language; the server and its paths."""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    builder, content_type = documents.FORMATS[kind]
    paths = []
    for language in sorted({a.get("lang", "en") for a in articles}):
        chosen = [a for a in articles if a.get("lang", "en") == language]
        for start in range(0, len(chosen), PAGE):
            items = [news.item({"id": a["item"], "title": a.get("title", ""), "text": a["text"],
                                "html": a.get("html", False), "link": "https://articles.example/" + a["item"]})
                     for a in chosen[start:start + PAGE]]
            paths.append("/%s-%d.%s" % (language, start // PAGE, kind))
            server.route(paths[-1], feedserver.document(builder(items, "Articles", language), content_type))
    return server, paths


def run_daemon(folder, server, paths):
    """What the running daemon raises: by ZeroMQ (item -> class -> data), by syslog (set of (link, class))."""
    daemon = harness.Daemon(folder, [server.url(path) for path in paths])
    subscriber = harness.Subscriber(daemon.publish)
    server.hold()
    daemon.start()
    subscriber.wait_welcome()
    server.release()
    for path in paths:  # asked for again: what it said at first has been dealt with
        server.wait_requests(path, 2)
    daemon.stop_cleanly()
    raised = {}
    while True:
        message = subscriber.next(1.0)
        if message is None:
            break
        if message.is_alert:
            raised.setdefault(message.data["item"], {})[message.data["class"]] = message.data
    return raised, {(line["link"], line["class"]) for line in daemon.syslog.alerts()}


def run_match(articles):
    lines = "".join(json.dumps({"id": a["item"], "title": a.get("title", ""),
                                "text": a["text"] if a.get("html") else documents.html_of(a),
                                **({"lang": a["lang"]} if "lang" in a else {})}) + "\n" for a in articles)
    status, stdout, stderr = harness.client("match", "--jsonl", "-r", harness.RULES, stdin=lines.encode())
    harness.check_equal(status, 0, "exit status of wirewatch match; " + stderr)
    answers = [json.loads(line) for line in stdout.splitlines()]
    return {answer["id"]: {alert["class"]: alert for alert in answer["alerts"]} for answer in answers}


def judge(article, raised):
    """What is wrong with the alerts (class -> data) of one article, as lines."""
    wrong = ["missed " + name for name in sorted(article["expect"] - set(raised))]
    wrong += ["raised %s wrongly: %s" % (name, json.dumps([e["text"] for e in raised[name]["evidence"]],
                                                          ensure_ascii=False))
              for name in sorted(set(raised) - article["expect"] - article["allow"])]
    for field in ("systems", "actors"):
        listed = {name for alert in raised.values() for name in alert[field]}
        if raised and set(article.get(field, [])) - listed:
            wrong.append("note: %s not listed: %s" % (field, ", ".join(sorted(set(article[field]) - listed))))
    return wrong


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("articles")
    parser.add_argument("--format", choices=sorted(documents.FORMATS), default="rss")
    parser.add_argument("--items", action="store_true")
    options = parser.parse_args()
    articles = read_articles(options.articles)
    folder, failed, notes = tempfile.mkdtemp(prefix="ww-"), 0, 0
    try:
        published, syslog = run_daemon(folder, *serve(articles, options.format))
        matched = run_match(articles)
    finally:
        harness.Cleanup.run()
        shutil.rmtree(folder, ignore_errors=True)
    for article in articles:
        raised = published.get(article["item"], {})
        wrong = judge(article, raised)
        on_syslog = {name for link, name in syslog if link == "https://articles.example/" + article["item"]}
        for name, classes in (("syslog", on_syslog), ("wirewatch match", set(matched.get(article["item"], {})))):
            if classes != set(raised):
                wrong.append("%s says %s, ZeroMQ says %s" % (name, sorted(classes), sorted(raised)))
        failed += any(not line.startswith("note: ") for line in wrong)
        notes += any(line.startswith("note: ") for line in wrong)
        if options.items:
            print("%s: %s" % (article["id"], ", ".join(sorted(raised)) or "nothing"))
        for line in wrong:
            print("%s: %s" % (article["id"], line))
    print("%d articles, %d right, %d wrong, %d with names missing" % (len(articles), len(articles) - failed, failed, notes))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
