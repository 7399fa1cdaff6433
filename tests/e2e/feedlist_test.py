"""Feed lists and the look at a feed: import, export, parse."""
import json
import os
import xml.etree.ElementTree as ElementTree

import documents
import feedserver
import harness
import news
from harness import check, check_equal

try:
    import yaml
except ImportError:
    yaml = None

LIST = """<?xml version="1.0" encoding="windows-1251"?>
<opml version="2.0"><head><title>x</title></head><body>
<outline text="Folder"><outline type="rss" text="Агенція &quot;А&quot; \\ &amp; Б: #1" xmlUrl="https://a.example/?x=1&amp;y=2" language="uk"/>
</outline>
<outline xmlUrl="http://b.example/feed"/>
</body></opml>
""".encode("windows-1251")


def read_yaml(text):
    if yaml is None:
        raise harness.Skip("Python's yaml module is missing")
    return yaml.safe_load(text)


def write(folder, name, content):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(content)
    return path


def test_import(folder):
    """import prints the feeds as the configuration lists them"""
    path = write(folder, "list.opml", LIST)
    for answer in (harness.client("import", path), harness.client("import", "-", stdin=LIST)):
        check_equal((answer[0], answer[2]), (0, ""))
        check_equal(read_yaml(answer[1]), {"feeds": [
            {"url": "https://a.example/?x=1&y=2", "name": "Агенція \"А\" \\ & Б: #1", "language": "uk",
             "tags": ["Folder"]},
            "http://b.example/feed"]})


SAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "opml")

# What the lists of other readers are in tests/e2e/opml: feeds as (address, name, tags).
OTHERS = {
    "miniflux": [("https://gazette.example/rss?section=navy&n=20", "Harbour Gazette", ["Defence & security"]),
                 ("https://visnyk.example/feed", "Військовий вісник", ["Defence & security"])],
    "feedly": [("https://north.example/rss.xml", "Northern Wire", ["Agencies", "Must read"]),
               ("http://paper.example/atom", "A “quoted” paper", ["Must read"])],
    "newsboat": [("https://depot.example/news.rss", "Depot news", ["arms", "europe"]),
                 ("https://plain.example/rss", "plain.example", [])],
    "inoreader": [("https://coast.example/feed/", "Coast Times", ["Baltic", "Shipyards"]),
                  ("https://slipway.example/?format=feed&type=rss", "Slipway", ["Shipyards"]),
                  ("https://unfiled.example/rss", "Unfiled", [])],
    "freshrss": [("https://quai.example/rss.php?a=1&b=2", "Le Quai", ["Presse française"]),
                 ("https://scraped.example/page", "Scraped", ["Presse française"])],
}


def exported(folder, configuration):
    """The feeds of a configuration as export lists them."""
    path = write(folder, "wirewatch.yaml", configuration.encode())
    status, stdout, stderr = harness.client("export", "-c", path)
    check_equal((status, stderr), (0, ""))
    found = []

    def walk(outline, tags):
        for child in outline.findall("outline"):
            if child.get("xmlUrl"):
                found.append((child.get("xmlUrl"), child.get("text"), tags))
            else:
                walk(child, tags + [child.get("text")])
    walk(ElementTree.fromstring(stdout).find("body"), [])
    return stdout, found


def test_lists_of_other_readers(folder):
    """lists of other readers import with folders as tags, and export leads back"""
    for reader, wanted in OTHERS.items():
        sample = os.path.join(SAMPLES, reader + ".opml")
        status, stdout, stderr = harness.client("import", sample)
        refused = [line for line in stderr.splitlines() if "not http or https" in line]
        check_equal((reader, status, len(refused)), (reader, 1, 2) if reader == "newsboat" else (reader, 0, 0))
        feeds = [{"url": feed} if isinstance(feed, str) else feed for feed in read_yaml(stdout)["feeds"]]
        check_equal([(feed["url"], feed.get("tags", [])) for feed in feeds], [(url, tags) for url, _, tags in wanted])
        if reader == "newsboat": # a list with a mistake is refused as a whole
            continue
        text, found = exported(folder, "feed_files: [%s]\n" % sample)
        check_equal(found, wanted)
        again = write(folder, "again.opml", text.encode())
        check_equal(exported(folder, "feed_files: [%s]\n" % again), (text, wanted))


def test_import_mistakes(folder):
    """import names what it cannot use with its line and keeps the rest"""
    body = LIST.replace(b"http://b.example/feed", b"|touch /tmp/x").replace(b"</body>", b'<outline xmlUrl="https://c.example/"/></body>')
    status, stdout, stderr = harness.client("import", write(folder, "bad.opml", body))
    check_equal(status, 1)
    check_equal([feed if isinstance(feed, str) else feed["url"] for feed in read_yaml(stdout)["feeds"]],
                ["https://a.example/?x=1&y=2", "https://c.example/"])
    check("bad.opml:5: " in stderr, stderr)
    status, stdout, stderr = harness.client("import", write(folder, "no.opml", b"<rss/>"))
    check_equal((status, stdout), (1, ""))
    check_equal(len(stderr.splitlines()), 1, stderr)
    check_equal(harness.client("import", os.path.join(folder, "none"))[0], 1)
    for arguments in ([], ["a", "b"], ["--no-such-option"]):
        check_equal(harness.client("import", *arguments)[:2], (2, ""))


def test_export(folder):
    """export prints the configured feeds, and import reads them back"""
    write(folder, "list.opml", LIST)
    feeds = [{"url": "https://c.example/<x>", "name": "C & D", "language": "en"}]
    config = write(folder, "wirewatch.yaml", json.dumps({"feeds": feeds, "feed_files": ["list.opml"]}).encode())
    status, stdout, stderr = harness.client("export", "-c", config)
    check_equal((status, stderr), (0, ""))
    outlines = [o.attrib for o in ElementTree.fromstring(stdout).iter("outline") if "xmlUrl" in o.attrib]
    check_equal([o["xmlUrl"] for o in outlines],
                ["https://c.example/<x>", "https://a.example/?x=1&y=2", "http://b.example/feed"])
    check_equal([o.get("text") for o in outlines], ["C & D", "Агенція \"А\" \\ & Б: #1", "b.example"])
    status, again, stderr = harness.client("import", "-", stdin=stdout.encode())
    check_equal((status, stderr), (0, ""))
    check_equal(read_yaml(again)["feeds"][0], feeds[0])
    status, stdout, stderr = harness.client("export", "--config", write(folder, "bad.yaml", b"feds: []\n"))
    check_equal((status, stdout), (1, ""))
    check("bad.yaml:1: " in stderr, stderr)


def test_check_feeds(folder):
    """check-feeds asks each feed once, one at a time to a host, and tells which work"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    server.route("/good", feedserver.document(documents.rss2([news.numbered(1)])))
    server.route("/html", feedserver.document(b"<html><body>hello</body></html>", content_type="text/html"))
    feeds = [{"url": server.url(path), "name": path[1:]} for path in ("/good", "/html", "/none")]
    config = {"feeds": feeds, "feed_files": [], "fetch": {"allow_addresses": ["127.0.0.0/8"]}}
    path = write(folder, "wirewatch.yaml", json.dumps(config).encode())
    status, stdout, stderr = harness.client("check-feeds", "--json", "-c", path)
    check_equal((status, stderr), (1, ""))
    told = [json.loads(line) for line in stdout.splitlines()]
    check_equal([(feed["name"], feed["works"], feed["entries"]) for feed in told],
                [("good", True, 1), ("html", False, 0), ("none", False, 0)])
    check("newest" in told[0] and "reason" in told[1] and "404" in told[2]["reason"], told)
    check_equal([request.path for request in server.requests()], ["/good", "/html", "/none"])
    status, stdout, _ = harness.client("check-feeds", "--failing", "-c", path)
    check_equal((status, "good" in stdout, "1 of 3 feeds work." in stdout), (1, False, True))
    config["feeds"] = [{"url": server.url("/good").replace("//", "//user:geheim@")}]
    path = write(folder, "wirewatch.yaml", json.dumps(config).encode())
    status, stdout, stderr = harness.client("check-feeds", "--json", "-c", path)
    check_equal((status, stderr, json.loads(stdout)["url"]), (0, "", server.url("/good")))
    check("geheim" not in stdout and "authorization" in str(server.requests("/good")[-1].headers).lower(), stdout)
    config["feeds"] = feeds[:1]
    path = write(folder, "wirewatch.yaml", json.dumps(config).encode())
    check_equal(harness.client("check-feeds", "-c", path)[0], 0)
    check_equal(harness.client("check-feeds", "extra")[0], 2)


def test_check_feeds_through_the_proxy(folder):
    """check-feeds asks by way of fetch.proxy, which alone knows the names of hosts"""
    proxy = feedserver.FeedServer()
    harness.Cleanup.add(proxy.stop)
    url = "http://feeds.invalid/rss"
    proxy.route(url, feedserver.document(documents.rss2([news.numbered(1)])))
    config = {"feeds": [url], "feed_files": [], "fetch": {"proxy": proxy.url("")}}
    path = write(folder, "wirewatch.yaml", json.dumps(config).encode())
    status, stdout, stderr = harness.client("check-feeds", "--json", "-c", path)
    check_equal((status, stderr, json.loads(stdout)["works"]), (0, "", True), stdout)
    check_equal([request.target for request in proxy.requests()], [url])


def test_parse_url(folder):
    """parse fetches a URL, a loopback one too; its header and address count"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    body = documents.rss2([dict(news.by_name("pause-uk"), link="relative")], "Агенція", "uk").decode()
    body = body.replace(' encoding="UTF-8"', "").replace(" encoding='utf-8'", "").encode("windows-1251", "xmlcharrefreplace")
    server.route("/feed", feedserver.document(body, content_type="text/xml; charset=cp-1251"))
    status, stdout, stderr = harness.client("parse", "--json", server.url("/feed"))
    check_equal((status, stderr), (0, ""))
    feed = json.loads(stdout)
    check_equal(feed["title"], "Агенція")
    status, stdout, stderr = harness.client("parse", server.url("/none"))
    check_equal((status, stdout, len(stderr.splitlines())), (1, "", 1), stderr)


def test_parse_is_safe_on_a_terminal(folder):
    """parse shows no control character or direction mark of a feed, in JSON neither"""
    feed = write(folder, "feed.xml", ("<rss version='2.0'><channel><title>a\u009bb\u202ec\u2028d</title><item><title>x\u0085y</title>"
                                      "<description>z\U000e0041\u007f</description></item></channel></rss>").encode())
    for arguments in (["parse", feed], ["parse", "--json", feed]):
        status, stdout, stderr = harness.client(*arguments)
        check_equal((status, stderr), (0, ""))
        check(not set(stdout) & set("\u009b\u202e\u2028\u0085\u007f\U000e0041"), ascii(stdout))
    check("z\U000e0041\u007f" in json.loads(stdout)["entries"][0]["summary"], stdout)


if __name__ == "__main__":
    harness.run_tests([test_import, test_lists_of_other_readers, test_import_mistakes, test_export, test_check_feeds,
                       test_check_feeds_through_the_proxy, test_parse_url, test_parse_is_safe_on_a_terminal])
