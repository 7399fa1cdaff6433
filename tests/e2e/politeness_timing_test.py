"""Politeness, behaviours 13 to 22 of docs/politeness.md: when a feed and its host are asked."""
import datetime
import email.utils

import documents
import feedserver
import harness
import news
import replies
from harness import Plain, check, check_equal
from schedule import HOUR, feeds_of, metric, new_server, one_item, polled, wait_of

LONG = {"poll.max": Plain("24h")}
DAY = 86400


def document(*headers, **extra):
    return feedserver.document(documents.rss2([news.numbered(1)]), headers=list(headers), **extra)


def times(server, path, count):
    return [request.began for request in server.wait_requests(path, count)]


def gaps(moments):
    return [after - before for before, after in zip(moments, moments[1:])]


# ---- 13, 22: the floor -------------------------------------------------------------

def test_floor(folder):
    """13: two requests to a feed begin at least poll.min apart, whatever it answers and through reloads and restarts"""
    server = new_server()
    server.route("/well", document(("Cache-Control", "max-age=0"), ("Expires", "0")), feedserver.not_modified())
    server.route("/slow", replies.slow(1.5, document(), server))
    server.route("/mixed", feedserver.status("500 Oops"), document(), feedserver.reset(), feedserver.not_modified(),
                 document())
    server.route("/hinted", feedserver.document(documents.rss2([news.numbered(1)]).replace(
        b"<channel>", b"<channel><ttl>0</ttl>")))
    paths = ["/well", "/slow", "/mixed", "/hinted"]
    daemon = harness.Daemon(folder, [server.url(path) for path in paths], {
        "poll.min": Plain("2s"), "poll.mean": Plain("2s"), "poll.max": Plain("3s")})
    stalls = harness.Stalls()  # a request that was held up comes closer to the next one
    daemon.start()
    server.wait_requests("/well", 2)
    daemon.reload()
    daemon.wait_log("reload: done")
    server.wait_requests("/slow", 3)
    daemon.stop_cleanly()
    daemon.start()
    for path in paths:
        between = gaps(times(server, path, 4))
        check(min(between) >= 1.95 - stalls.worst, path, between, "stalls", stalls.worst)
    daemon.stop_cleanly()
    if stalls.worst > 1.5:
        raise harness.Skip("this machine stalls for %.1f s" % stalls.worst)


def test_once_obeys_the_floor(folder):
    """22: asking by hand (--once) obeys the floor: a feed asked less than poll.min ago is left out and said so"""
    server = new_server()
    server.route("/feed", document(("ETag", '"1"')), feedserver.not_modified())
    server.route("/quick", document())
    daemon = harness.Daemon(folder, [server.url("/feed"), {"url": server.url("/quick"), "interval": Plain("1s")}], HOUR)
    for _ in range(2):
        check_equal(daemon.once(), 0, daemon.story())
    check_equal((len(server.requests("/feed")), len(server.requests("/quick"))), (1, 2), "requests")
    check(gaps(times(server, "/quick", 2))[0] >= 0.95, "a short one is waited for")
    daemon.wait_log("not polled: .*poll.min")
    daemon.write_config({"poll.min": Plain("1s")})
    check_equal(daemon.once(), 0, daemon.story())
    check_equal(len(server.requests("/feed")), 2, "requests once poll.min allows it")


# ---- 14, 21: what publishers say ------------------------------------------------------

def between(seen, least, name):
    """A wait counts from the start of the poll and has a spread of a tenth."""
    check(least - 1 <= seen <= least * 1.1 + 2, name, "waits", seen, "and not", least)


def test_freshness(folder):
    """14: max-age less Age, else Expires, holds on 200 and on 304; absurd ones end at poll.max"""
    now = datetime.datetime.now(datetime.timezone.utc)
    later = email.utils.format_datetime(now + datetime.timedelta(hours=2), usegmt=True)
    date = ("Date", email.utils.format_datetime(now, usegmt=True))
    wanted = {
        "max-age": (3600, document(("Cache-Control", "public, max-age=3600"))),
        "age": (3000, document(("Cache-Control", "max-age=3600"), ("Age", "600"))),
        "expires": (7200, document(("Expires", later), date)),
        "both": (1800, document(("Cache-Control", "max-age=1800"), ("Expires", later), date)),
        "absurd": (DAY, document(("Cache-Control", "max-age=99999999999999999999"))),
    }
    server = new_server()
    for name, (_, answer) in wanted.items():
        server.route("/" + name, answer)
    server.route("/304", document(("ETag", '"1"')), feedserver.not_modified([("Cache-Control", "max-age=5400")]))
    server.route("/kept", document(("ETag", '"1"'), ("Cache-Control", "max-age=2")), feedserver.not_modified(
        [("Cache-Control", "max-age=4000")]))
    daemon = harness.Daemon(folder, [server.url("/" + name) for name in [*wanted, "304", "kept"]], LONG)
    daemon.start()
    shown = polled(daemon, [server.url("/" + name) for name in wanted])
    for name, (seconds, _) in wanted.items():
        between(wait_of(shown[server.url("/" + name)]), seconds, name)
    check(shown[server.url("/age")]["plan"].startswith("the reply stays fresh"), shown[server.url("/age")])
    for name, seconds in (("304", 5400), ("kept", 4000)):
        check(harness.wait_until(lambda name=name: feeds_of(daemon)[server.url("/" + name)]["result"] == "not_modified"))
        between(wait_of(feeds_of(daemon)[server.url("/" + name)]), seconds, name)
    daemon.stop_cleanly()


def test_override(folder):
    """14: an interval of the operator's that is shorter than what the publisher asks for wins, and is said once"""
    server = new_server()
    server.route("/feed", document(("Cache-Control", "max-age=3600")))
    daemon = harness.Daemon(folder, [{"url": server.url("/feed"), "name": "mine", "interval": Plain("1s")}])
    daemon.start()
    server.wait_requests("/feed", 4)
    daemon.stop_cleanly()
    check_equal(sum("mine: its interval is shorter than what the publisher asks for" in line
                    for line in daemon.stderr_lines), 1, "lines")


def channel(text):
    return feedserver.document(documents.rss2([news.numbered(1)]).replace(b"<channel>", b"<channel>" + text))


def skipping(first, count):
    return b"<skipHours>%s</skipHours>" % b"".join(b"<hour>%d</hour>" % ((first + n) % 24) for n in range(count))


def test_hints(folder):
    """21: the longest of max-age, ttl and sy:updatePeriod holds up to poll.max; hours and days to skip are skipped"""
    rdf = documents.rss1([news.numbered(1)]).replace(b"<channel ", b'<channel xmlns:sy="http://purl.org/rss/1.0/modules/'
                                                     b'syndication/" ').replace(
        b"<items>", b"<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency><items>")
    with_ttl = documents.rss2([news.numbered(1)]).replace(b"<channel>", b"<channel><ttl>90</ttl>")
    now = datetime.datetime.now(datetime.timezone.utc)
    wanted = {
        "ttl": (5400, channel(b"<ttl>90</ttl>")),
        "ttl-longer": (5400, feedserver.document(with_ttl, headers=[("Cache-Control", "max-age=600")])),
        "age-longer": (7200, feedserver.document(with_ttl, headers=[("Cache-Control", "max-age=7200")])),
        "period": (21600, feedserver.document(rdf)),
        "absurd": (DAY, channel(b"<ttl>99999999999</ttl>")),
    }
    days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    today = b"".join(b"<day>%s</day>" % days[(now.weekday() + n) % 7].encode() for n in range(2))
    server = new_server()
    for name, (_, answer) in wanted.items():
        server.route("/" + name, answer)
    server.route("/hours", channel(skipping(now.hour, 3)))
    server.route("/days", channel(b"<skipDays>%s</skipDays>" % today))
    server.route("/all", channel(skipping(0, 24)))
    names = [*wanted, "hours", "days", "all"]
    daemon = harness.Daemon(folder, [server.url("/" + name) for name in names], LONG)
    daemon.start()
    shown = polled(daemon, [server.url("/" + name) for name in names])
    for name, (seconds, _) in wanted.items():
        between(wait_of(shown[server.url("/" + name)]), seconds, name)
    hour = now.replace(minute=0, second=0, microsecond=0)
    first = {"hours": hour + datetime.timedelta(hours=3), "days": hour.replace(hour=0) + datetime.timedelta(days=2)}
    for name, allowed in first.items():
        due = datetime.datetime.fromisoformat(shown[server.url("/" + name)]["next_poll"].replace("Z", "+00:00"))
        check(allowed <= due <= allowed + datetime.timedelta(hours=1), name, due, "allowed from", allowed)
    check(wait_of(shown[server.url("/all")]) < 10, "skipping everything is nonsense", shown[server.url("/all")])
    daemon.stop_cleanly()


# ---- 15, 16, 17: slow down ---------------------------------------------------------------

def http_dates(when):
    """The three forms of RFC 9110 section 5.6.7."""
    return {"imf": email.utils.format_datetime(when, usegmt=True), "rfc850": when.strftime("%A, %d-%b-%y %H:%M:%S GMT"),
            "asctime": when.strftime("%a %b %e %H:%M:%S %Y")}


def test_retry_after(folder):
    """15: Retry-After in seconds and in all forms of dates holds for 429, 503 and what is no redirect, up to a day"""
    now = datetime.datetime.now(datetime.timezone.utc)
    dates = http_dates(now + datetime.timedelta(hours=3))
    waits = {"seconds": ("120", 120), "day": ("99999999999", DAY), "huge": ("9" * 60, DAY),
             **{form: (text, 10800) for form, text in dates.items()}}
    nothing = {"zero": "0", "negative": "-5", "word": "abc", "empty": "", "fraction": "1.5x",
               **{"past-" + form: text for form, text in http_dates(now - datetime.timedelta(days=1)).items()}}
    server = new_server()
    for line in ("429 Too Many Requests", "503 Service Unavailable", "300 Multiple Choices"):
        for name, text in {**{n: t for n, (t, _) in waits.items()}, **nothing}.items():
            server.route("/%s-%s" % (line[:3], name), feedserver.status(line, [("Retry-After", text)]))
    server.route("/500-seconds", feedserver.status("500 Oops", [("Retry-After", "7200")]))
    urls = [url for url in (server.url(path) for path in server.routes)]
    daemon = harness.Daemon(folder, urls, {"poll.max": Plain("1m")})
    daemon.start()
    shown = polled(daemon, urls)
    for status in ("429", "503", "300"):
        for name, (_, seconds) in waits.items():
            feed = shown[server.url("/%s-%s" % (status, name))]
            check(seconds - 5 <= wait_of(feed) <= seconds * 1.1 + 5, status, name, feed)
            check_equal((feed["state"], feed["failures"]), ("paused", 0), status + " " + name)
        for name in nothing:
            feed = shown[server.url("/%s-%s" % (status, name))]
            check_equal((feed["state"], wait_of(feed) < 60), ("failing", True), "%s %s %r" % (status, name, feed))
    check_equal(shown[server.url("/500-seconds")]["state"], "failing", "a 500 has no say")
    for status in ("429", "503", "300"):
        check_equal([len(server.requests("/%s-%s" % (status, name))) for name in waits], [1] * len(waits), "requests")
    daemon.stop_cleanly()


def test_pause_starves_nobody(folder):
    """16: a feed that brings its host to ask for pause after pause does not starve the host's other feeds"""
    server = new_server()
    site = server.site("shared.localhost")
    urls = [site.route("/busy", feedserver.status("429 Too Many Requests", [("Retry-After", "4")]))]
    urls += [site.route(path, one_item()) for path in ("/a", "/b", "/c")]
    daemon = harness.Daemon(folder, urls[:1], {"poll.per_host": 1, "poll.max": Plain("10m"), "poll.min": Plain("2s")})
    daemon.start()
    server.wait_requests("/busy", 1)
    daemon.write_config(feeds=urls)
    daemon.reload()
    for path in ("/a", "/b", "/c"):
        server.wait_requests(path, 1, timeout=25)
    daemon.stop_cleanly()


# ---- 17, 18: failures ------------------------------------------------------------------

def test_back_off(folder):
    """16, 17, 18: failures of every kind double the distance each time and go on for good; one success ends it"""
    server = feedserver.FeedServer("0.0.0.0")
    harness.Cleanup.add(server.stop)
    html = feedserver.document(b"<!doctype html><html></html>", "text/html")
    ways = {"/" + line.split()[0]: feedserver.status(line) for line in (
        "403 Forbidden", "404 Not Found", "429 Too Many Requests", "503 Service Unavailable", "500 Oops", "418 Teapot")}
    ways.update({"/html": html, "/reset": feedserver.reset(), "/cut": feedserver.cut(b"<rss>" * 100, 50)})
    for path, way in ways.items():
        server.route(path, way, way, way, document())
    reset = server.site("127.0.0.2")  # of its own: on a used connection it is asked again at once (RFC 9112 9.3.1)
    urls = [reset.url(path) if path == "/reset" else server.site("127.0.0.1").url(path) for path in ways]
    daemon = harness.Daemon(folder, urls)
    daemon.start()
    for path in ways:
        seen = gaps(times(server, path, 5))
        for number, (gap, wanted) in enumerate(zip(seen, (2, 4, 8, 1))):
            check(wanted * 0.95 <= gap <= wanted * 1.1 + 1.5, path, "gap", number, seen)
    daemon.wait_log("recovered after 3 failed polls", len(ways))
    daemon.stop_cleanly()


def test_kinds_apart(folder):
    """18: each kind of failure backs off by itself, and no feed is given up but one that says 410"""
    server = new_server()
    error, denied = feedserver.status("500 Oops"), feedserver.status("403 Forbidden")
    server.route("/mixed", error, error, denied, error, denied, document())
    server.route("/gone", feedserver.status("410 Gone"))
    daemon = harness.Daemon(folder, [server.url("/mixed"), server.url("/gone")])
    daemon.start()
    seen = gaps(times(server, "/mixed", 6))
    for gap, wanted in zip(seen, (2, 4, 2, 8, 4)):
        check(wanted * 0.95 <= gap <= wanted * 1.1 + 1.5, "gaps", seen)
    check_equal(len(server.requests("/gone")), 1, "requests to what is gone")
    check_equal(metric(daemon, 'wirewatch_feeds{state="ended"}'), 1, "ended")
    daemon.stop_cleanly()


# ---- 19, 20: spread ----------------------------------------------------------------------

def test_spread(folder):
    """19: first polls are spread, feeds of one interval drift apart, and no second of the minute is preferred"""
    server, count = new_server(), 60
    paths = ["/%d" % n for n in range(count)]
    for path in paths:
        server.route(path, one_item())
    daemon = harness.Daemon(folder, [{"url": server.url(path), "interval": Plain("1h")} for path in paths], HOUR)
    daemon.start()
    first = sorted(server.wait_requests(path, 1)[0].began for path in paths)
    check(first[-1] - first[0] > 2.5, "all at once:", first[-1] - first[0])
    check(max(gaps(first)) < 3, "one crowd and a straggler", gaps(first))
    halves = sum(moment < first[0] + 3 for moment in first)
    check(count / 5 < halves < count * 4 / 5, "not spread evenly:", halves)
    shown = polled(daemon, [server.url(path) for path in paths])
    waits = sorted(wait_of(feed) for feed in shown.values())
    check(waits[0] >= 3600 - 0.01 and waits[-1] <= 3960.01 and waits[-1] - waits[0] > 200, "waits", waits[0], waits[-1])
    seconds = [int(feed["next_poll"][17:19]) for feed in shown.values()]
    check(max(seconds.count(s) for s in set(seconds)) <= 8 and len(set(seconds)) > 20, "seconds", sorted(seconds))
    daemon.stop_cleanly()


def test_one_at_a_time(folder):
    """20: one request in flight at a public host, and a second between the end of one and the start of the next"""
    server = new_server()
    site, names = server.site("slow.localhost"), ["/%d" % n for n in range(5)]
    urls = [site.route(path, replies.slow(0.4, one_item(), server)) for path in names]
    for name in ("other1.localhost", "other2.localhost", "other3.localhost"):
        urls.append(server.site(name).route("/feed", replies.slow(0.4, one_item(), server)))
    daemon = harness.Daemon(folder, urls, {**HOUR, "poll.per_host": 1})
    daemon.start()
    for path in names:
        server.wait_requests(path, 1)
    check(harness.wait_until(lambda: all(r.ended for r in server.requests())), "replies")
    daemon.stop_cleanly()
    asked = sorted(site.requests(), key=lambda request: request.began)
    pauses = [after.began - before.ended for before, after in zip(asked, asked[1:])]
    check_equal(len(asked), 5, "requests")
    check(min(pauses) >= 0.9, "pauses", pauses)


def test_gap_is_a_setting(folder):
    """20: poll.gap is the operator's to make longer"""
    server = new_server()
    site = server.site("gap.localhost")
    urls = [site.route(path, one_item()) for path in ("/a", "/b", "/c")]
    daemon = harness.Daemon(folder, urls, {**HOUR, "poll.gap": Plain("3s"), "poll.per_host": 1})
    daemon.start()
    moments = sorted(times(server, path, 1)[0] for path in ("/a", "/b", "/c"))
    check(min(gaps(moments)) >= 2.9, "gaps", gaps(moments))
    daemon.stop_cleanly()


if __name__ == "__main__":
    harness.run_tests([test_floor, test_once_obeys_the_floor, test_freshness, test_override, test_hints,
                       test_retry_after, test_pause_starves_nobody, test_back_off, test_kinds_apart, test_spread,
                       test_one_at_a_time, test_gap_is_a_setting])
