"""The page for people, in a real browser: live alerts, filter, source links, restarts, no foreign host, accessible.

WW_SHOTS=docs/images /usr/bin/python3 tests/e2e/page_test.py test_pictures   takes the pictures of the documentation.
"""
import html
import json
import os

import documents
import feedserver
import harness
import news
from browser import Browser
from harness import check, check_equal

CARD = "#alerts .card"


class Wire:
    """A feed that a test adds items to, and the articles that they link to."""

    def __init__(self, language="en", delay=0.0):
        self.server = feedserver.FeedServer()
        harness.Cleanup.add(self.server.stop)
        self.items, self.language, self.delay = [], language, delay
        self.url = self.server.route("/feed", self.behave)

    def behave(self, connection, request):
        self.server.stopping.wait(self.delay * (1 + len(self.server.log) % 5))
        feedserver.document(documents.rss2(self.items, language=self.language))(connection, request)

    def tell(self, entry, **changes):
        item = news.item(entry, **changes)
        path = "/article/%d" % len(self.items)
        text = "<!doctype html><title>article</title><body>The article itself: %s" % entry["id"]
        item.setdefault("link", self.server.route(path, feedserver.document(text.encode(), "text/html; charset=utf-8")))
        self.items.insert(0, item)


def start(folder, wire=None, **open_how):
    """Daemon and browser; the browser first, since without one nothing needs to start."""
    browser = Browser()
    feeds = [{"url": wire.url, "name": "Sample agency"}] if wire else []
    daemon = harness.Daemon(folder, feeds, {"poll.max": harness.Plain("1s")}).start()
    browser.open(url="http://%s/" % daemon.http, **open_how)
    browser.wait(selector="#link-text", text="Live")
    return daemon, browser


def check_quiet(browser, daemon, allow=()):
    """Nothing was complained of in the console, and only the daemon was asked."""
    said = [line for line in browser.said() if not any(text in line for text in allow)]
    check_equal(said, [], "console")
    home = "http://%s/" % daemon.http
    check_equal([url for url in browser.asked() if not url.startswith(home)], [], "requests elsewhere")


def test_alerts_appear(folder):
    """an alert appears without reload, is filtered, and leads to its source"""
    wire = Wire()
    daemon, browser = start(folder, wire)
    browser.wait(selector="#empty", text="No alerts yet")
    wire.tell(news.by_name("pause-en"))
    browser.wait(selector=CARD, text="Pentagon halts shipments of interceptors")
    check_equal(browser.texts(selector=CARD + " .badge"), ["pause"], "class")
    check("deliveries" in " ".join(browser.texts(selector=CARD + " .evidence mark")), "nothing of the evidence is marked")
    browser.wait(selector="#news", text="New report, pause: Pentagon")

    wire.tell(news.by_name("sale-en"))
    wire.tell(news.by_name("delivery-en"))
    browser.wait(selector=CARD, text="Germany delivers two air defence systems")
    browser.wait(selector=CARD, text="Estonia buys launchers")
    check_equal(browser.count(selector=CARD), 3, "cards")
    browser.click(selector=".chip", text="pause")
    browser.wait(selector=CARD, text="Estonia", hidden=True)
    check_equal(browser.count(selector=CARD), 1, "cards of the class")
    check(browser.url().endswith("#class=pause"), "the filter is not in", browser.url())
    browser.click(selector="#clear")
    browser.choose(selector="#filter-system", value="HIMARS")
    browser.wait(selector=CARD, text="Pentagon", hidden=True)
    browser.wait(selector=CARD, text="Estonia buys launchers")
    browser.fill(selector="#filter-text", text="nothing like this")
    browser.wait(selector="#empty", text="No alert fits this filter")
    browser.reload()
    browser.wait(selector="#empty", text="No alert fits this filter")
    browser.click(selector="#clear")
    browser.wait(selector=CARD, text="Pentagon")

    found = browser.follow(selector=CARD + "[data-story^=pause] h3 a")
    check("/article/0" in found["url"] and "urn:test:pause-en" in found["text"], "not the source:", found)
    check(not found["opener"], "the source can reach back to the page")
    check_quiet(browser, daemon)
    daemon.stop_cleanly()


def test_repeats(folder):
    """repeats of a story are folded under its first report; systems and feeds are shown"""
    wire, other = Wire(), Wire()
    daemon, browser = start(folder, wire)
    wire.tell(news.by_name("pause-en"))
    browser.wait(selector=CARD, text="Pentagon")
    daemon.write_config(feeds=daemon.feeds + [{"url": other.url, "name": "Other wire"},
                                              {"url": wire.server.route("/gone", feedserver.status("410 Gone")),
                                               "name": "Broken gazette"}])
    other.tell(news.by_name("pause-en"))
    daemon.reload()
    browser.wait(selector=CARD + " summary", text="1 more report from 1 outlet")
    check_equal(browser.count(selector=CARD), 1, "cards")
    browser.click(selector=CARD + " summary")
    browser.wait(selector=CARD + " .repeats li", text="Other wire")
    browser.wait(selector="#systems tr:has-text('Patriot') td.k-pause", text="2")
    browser.wait(selector="#feeds .failing", text="Broken gazette")
    browser.wait(selector="#feeds .failing .reason", text="410")
    browser.wait(selector="#feeds .feed:has-text('Other wire') .spark rect.poll-new")
    browser.click(selector="#only-failing")
    check_equal(len(browser.texts(selector="#feeds .feed")), 1, "failing feeds")
    check("1 pause" not in browser.attribute(selector="#plot svg", name="aria-label"), "the plot counts 2")
    check("2 pause" in browser.attribute(selector="#plot svg", name="aria-label"), "the plot counts 2")
    check_quiet(browser, daemon)


def test_restart(folder):
    """it comes back by itself after the daemon restarts, without gap or repeat"""
    wire = Wire()
    daemon, browser = start(folder, wire)
    for number in range(1, 4):
        wire.tell(news.numbered(number))
    browser.wait(selector="#counted", text="3 alerts")
    for how, first in (("SIGTERM", 4), ("SIGKILL", 7)):
        check_quiet(browser, daemon)
        daemon.stop(getattr(harness.signal, how))
        browser.wait(selector="#link-text", text="Connection lost")
        for number in range(first, first + 3):
            wire.tell(news.numbered(number))
        daemon.start()
        daemon.syslog.wait_alerts(first + 2)
        browser.wait(selector="#link-text", text="Live")
        browser.wait(selector="#counted", text="%d alerts" % (first + 2))
        # That nobody was there to connect to is said by the browser itself, whatever a page does.
        browser_own = ("net::ERR_CONNECTION_REFUSED", "net::ERR_INCOMPLETE_CHUNKED_ENCODING", "net::ERR_CONNECTION_RESET",
                       "net::ERR_EMPTY_RESPONSE")
        check_quiet(browser, daemon, browser_own)
        browser.forget()
    check_equal(browser.count(selector=CARD) + browser.count(selector=CARD + " .repeats li"), 9, "reports shown")
    browser.reload()
    browser.wait(selector="#counted", text="9 alerts")
    check_equal(browser.count(selector=CARD) + browser.count(selector=CARD + " .repeats li"), 9, "reports after a reload")


def test_new_ledger(folder):
    """a ledger that was lost makes the page begin again"""
    wire = Wire()
    daemon, browser = start(folder, wire)
    wire.tell(news.numbered(1))
    wire.tell(news.numbered(2))
    browser.wait(selector="#counted", text="2 alerts")
    daemon.stop()
    for name in os.listdir(folder):
        if name.startswith("ledger.db"):
            os.unlink(os.path.join(folder, name))
    wire.items.pop()
    daemon.start()
    browser.wait(selector="#counted", text="1 alert")
    browser.wait(selector=CARD, text="Shipment 2 is halted")


def test_hostile_text(folder):
    """what a feed says is text: no markup, no script, no link but to the web"""
    wire = Wire()
    daemon, browser = start(folder, wire)
    # Escaped twice more than the document is: the daemon reads titles thoroughly, and only this is left as text.
    evil = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>\u202e<b>"
    escaped = html.escape(html.escape(evil))
    entry = dict(news.by_name("pause-en"), title="Pentagon halts shipments " + escaped)
    wire.tell(entry, link="javascript:document.title='broken'")
    browser.wait(selector=CARD, text="Pentagon halts shipments")
    check_equal(browser.count(selector="#alerts img, #alerts script, #alerts b"), 0, "elements made by a feed")
    check_equal(browser.count(selector=CARD + " a[href^='javascript']"), 0, "links that run something")
    wire.tell(dict(news.by_name("sale-en"), title=escaped + " Estonia signed a contract to buy six HIMARS launchers"))
    browser.wait(selector=CARD, text="Estonia signed")
    check("onerror" in "".join(browser.texts(selector=CARD)), "the text itself is shown")
    browser.fill(selector="#filter-text", text=evil[:40])
    browser.wait(selector=CARD + " h3", text="<img src=x")
    check_quiet(browser, daemon)


def test_keyboard(folder):
    """everything can be reached and used by the keyboard"""
    wire = Wire()
    daemon, browser = start(folder, wire)
    wire.tell(news.by_name("pause-en"))
    browser.wait(selector=CARD, text="Pentagon")
    browser.reload()
    browser.wait(selector=CARD, text="Pentagon")
    browser.press(key="Tab")
    check_equal(browser.focused(), "Skip to the alerts", "focus")
    browser.press(key="Enter")
    check_equal(browser.focused(), "Reports", "focus after skipping")
    browser.press(key="Tab")
    check("Pentagon" in browser.focused(), "focus on", browser.focused())
    seen = []
    for _ in range(4):
        browser.press(key="Tab")
        seen.append(browser.focused())
    check("Patriot" in seen, "the system's button is not reached:", seen)
    browser.open(url="http://%s/" % daemon.http)
    browser.wait(selector=CARD, text="Pentagon")
    reached = []
    for _ in range(12):
        browser.press(key="Tab")
        reached.append(browser.focused())
        if reached[-1].startswith("pause"):
            break
    browser.press(key="Space")
    browser.wait(selector=".chip[aria-pressed=true]", text="pause")
    check(browser.url().endswith("#class=pause"), browser.url())


def fill(wire, count=16):
    for entry in news.REPORTS[:count]:
        wire.tell(entry)


def test_accessible(folder):
    """axe-core finds nothing, in light and dark, wide and narrow, in every view; nothing scrolls sideways"""
    wire = Wire()
    fill(wire)
    daemon, browser = start(folder, wire, bypass=True)
    for scheme in ("light", "dark"):
        for width in (1440, 390):
            browser.open(url="http://%s/" % daemon.http, width=width, scheme=scheme, bypass=True)
            browser.wait(selector=CARD, text="Joint ammunition plant")
            browser.wait(selector="#feeds-sum" if width > 1000 else "#totals div")
            where = "%s, %d wide" % (scheme, width)
            check_equal(browser.axe(), [], where)
            check_equal(browser.overflow(), 0, "scrolls sideways, " + where)
            for view in ("Systems", "Feeds") if width < 1000 else ():
                browser.click(selector=".views button", text=view)
                check_equal(browser.axe(), [], view + " " + where)
                check_equal(browser.overflow(), 0, view + " scrolls sideways, " + where)
            if width > 1000:
                browser.click(selector=".as-table summary")
                browser.click(selector=".chip", text="pause")
                check_equal(browser.axe(), [], "with table and filter, " + where)


def test_pictures(folder):
    """the pictures of the documentation, when $WW_SHOTS names a folder for them"""
    target = os.environ.get("WW_SHOTS")
    if not target:
        raise harness.Skip("no pictures are asked for")
    with open(os.path.join(harness.SRCDIR, "scripts", "sample-wire.json"), encoding="utf-8") as file:
        sample = [dict(entry, id="urn:sample:%d" % n) for n, entry in enumerate(json.load(file)) if entry["expect"]]
    wires = [Wire("en", 0.05), Wire("uk", 0.12), Wire("en", 0.3)]
    names = ["North Sea Wire", "Дніпро Новини", "Baltic Courier"]
    feeds = [{"url": wire.url, "name": name, "language": wire.language} for wire, name in zip(wires, names)]
    feeds.append({"url": wires[0].server.route("/gone", feedserver.status("503 Service Unavailable")),
                  "name": "Harbour Gazette"})
    browser = Browser()
    daemon = harness.Daemon(folder, feeds, {"poll.max": harness.Plain("1s")}).start()
    told = 0
    for entry in sample + news.REPORTS:
        if entry["id"] not in ("urn:test:pause-en", "urn:test:delivery-en"):
            wires[entry["language"] == "uk"].tell(entry)
            told += 1
    daemon.syslog.wait_alerts(told)
    for entry, wire in (("delivery-en", 0), ("pause-en", 0), ("pause-en", 2), ("delivery-en", 2)):  # the last ones repeat
        wires[wire].tell(news.by_name(entry))
        told += 1
        daemon.syslog.wait_alerts(told)
    harness.wait_until(lambda: min(len(feed["past"]) for feed in json.loads(daemon.get("/feeds")[1])["feeds"]) >= 20)
    hours = [0.01, 0.06, 0.1, 1.2, 5, 9, 20, 21, 24, 26, 30, 44, 47, 49, 52, 70, 75, 92, 95, 99, 118, 121, 140, 146]
    for scheme in ("light", "dark"):
        for width, height in ((1440, 1000), (390, 844)):
            browser.open(url="http://%s/" % daemon.http, width=width, height=height, scheme=scheme)
            browser.spread(hours=hours)
            browser.wait(selector=CARD)
            browser.wait(selector="#totals div")
            browser.shot(file=os.path.join(target, "page-%s-%d.png" % (scheme, width)))


if __name__ == "__main__":
    harness.run_tests([test_alerts_appear, test_repeats, test_restart, test_new_ledger, test_hostile_text, test_keyboard,
                       test_accessible, test_pictures])
