"""A published alert is a valid CloudEvent, agrees with its header and follows the shipped schema."""
import datetime
import json
import os
import re

import documents
import feedserver
import harness
import news
from harness import check, check_equal

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)\Z")


def alerts_of_everything(folder):
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    undated_link = news.item(news.by_name("sale-en"), link="https://news.example/?a=1&b=\u0457")
    items = [news.item(e) for e in news.REPORTS if e["id"] != undated_link["id"]] + [undated_link]
    server.route("/feed", feedserver.document(documents.atom(items)))
    server.hold()
    daemon = harness.Daemon(folder, [server.url("/feed")], {"cluster.node": "test-node"})
    subscriber = harness.Subscriber(daemon.publish)
    daemon.start()
    welcome = subscriber.wait_welcome()
    server.release()
    wanted = {(e["id"], c) for e in news.REPORTS for c in e["expect"]}
    alerts = subscriber.alerts_until(lambda found: {m.key() for m in found} >= wanted)
    return daemon, subscriber, welcome, alerts


def test_attributes(folder):
    """CloudEvents 1.0: required attributes, types, and agreement with the 24-byte header"""
    started = datetime.datetime.now(datetime.timezone.utc)
    _, _, welcome, alerts = alerts_of_everything(folder)
    for message in alerts:
        event = message.json
        check_equal(event["specversion"], "1.0")
        check_equal(event["id"], "%d-%d" % (message.epoch, message.sequence))
        check_equal(event["source"], "urn:wirewatch:test-node")
        check_equal(event["type"], "wirewatch.alert.v1")
        check_equal(event["datacontenttype"], "application/json")
        check_equal(event["sequence"], "%020d" % message.sequence)
        check_equal(event["sequencetype"], "Ordered")
        check_equal(event["subject"], event["data"]["link"])
        check(RFC3339.match(event["time"]), event["time"])
        made = datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
        now = datetime.datetime.now(datetime.timezone.utc)
        check(started - datetime.timedelta(seconds=2) <= made <= now, "made at", event["time"])
        # CloudEvents 1.0, section "Naming conventions": attributes are lower-case letters and digits.
        check(all(re.fullmatch("[a-z0-9]+", key) for key in event), list(event))
        check_equal(message.topic, "ww1/alert/%s/%s/" % (message.data["class"], message.data["report"]))
        check_equal(message.epoch, welcome.epoch, "epoch")
    check_equal(len({m.json["id"] for m in alerts}), len(alerts), "different ids")


def test_schema(folder):
    """every alert follows docs/alert.schema.json"""
    try:
        import jsonschema
    except ImportError:
        raise harness.Skip("python3-jsonschema is not installed")
    with open(os.path.join(harness.SRCDIR, "docs", "alert.schema.json"), encoding="utf-8") as file:
        schema = json.load(file)
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    _, _, _, alerts = alerts_of_everything(folder)
    for message in alerts:
        validator(schema).validate(message.json)
    broken = dict(alerts[0].json, data=dict(alerts[0].data, **{"class": "party"}))
    check(list(validator(schema).iter_errors(broken)), "the schema takes a class that does not exist")


def test_welcome_and_heartbeat(folder):
    """a welcome states epoch and sequence; a heartbeat comes within its ten seconds"""
    daemon, subscriber, welcome, alerts = alerts_of_everything(folder)
    check_equal(welcome.json["epoch"], welcome.epoch)
    check_equal(welcome.json["sequence"], welcome.sequence)
    late = harness.Subscriber(daemon.publish)
    check_equal(late.wait_welcome().json["sequence"], alerts[-1].sequence, "sequence in a later welcome")
    beat = subscriber.wait_topic("ww1/heartbeat/", timeout=25)
    check_equal(beat.sequence, alerts[-1].sequence)
    check_equal(beat.json["epoch"], beat.epoch)
    check_equal(beat.json["sequence"], beat.sequence)
    check_equal((beat.json["feeds"], beat.json["failing"]), (1, 0))
    check(RFC3339.match(beat.json["time"]), beat.json["time"])


def test_topic_filter(folder):
    """a subscription by class gets that class alone"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    server.route("/feed", feedserver.document(documents.rss2([news.item(e) for e in news.REPORTS])))
    server.hold()
    daemon = harness.Daemon(folder, [server.url("/feed")])
    pauses = harness.Subscriber(daemon.publish, "ww1/alert/pause/")
    everything = harness.Subscriber(daemon.publish)
    pauses.socket.setsockopt(harness.zmq.SUBSCRIBE, b"ww1/welcome/")
    daemon.start()
    everything.wait_welcome()
    pauses.wait_welcome()
    server.release()
    wanted = {(e["id"], c) for e in news.REPORTS for c in e["expect"]}
    all_alerts = everything.alerts_until(lambda found: {m.key() for m in found} >= wanted)
    due = [m.sequence for m in all_alerts if m.data["class"] == "pause"]
    got = pauses.alerts_until(lambda found: len(found) >= len(due))
    check_equal([m.sequence for m in got], due)


def test_replay(folder):
    """replay sends the same three frames byte for byte, then an end"""
    daemon, _, _, alerts = alerts_of_everything(folder)
    messages, end = harness.replay(daemon.replay)
    check_equal([m.frames for m in messages[:len(alerts)]], [m.frames for m in alerts], "replayed frames")
    check_equal(end[0], b"ww1/end/")
    last = json.loads(end[-1].decode())
    check_equal((last["more"], last["oldest"]), (False, 1))
    messages, end = harness.replay(daemon.replay, after=2, limit=3)
    check_equal([m.sequence for m in messages], [3, 4, 5])
    check_equal(json.loads(end[-1].decode())["more"], True)
    _, error = harness.replay(daemon.replay, request=b"{nonsense")
    check_equal(error[0], b"ww1/error/")


if __name__ == "__main__":
    harness.run_tests([test_attributes, test_schema, test_welcome_and_heartbeat, test_topic_filter, test_replay])
