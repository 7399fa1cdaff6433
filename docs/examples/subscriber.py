#!/usr/bin/env python3
"""Print alerts of wirewatchd, each once. usage: subscriber.py PUBLISH REPLAY STATE-FILE (needs python3-zmq)"""
import json
import os
import struct
import sys
import zmq

publish, replay, state_file = sys.argv[1:4]
context = zmq.Context()
epoch, last = None, 0
if os.path.exists(state_file):
    with open(state_file) as file:
        epoch, last = map(int, file.read().split())

def take(sequence, body):
    """Here your program deals with one alert; only then its sequence is kept."""
    global last
    print(body.decode(), flush=True)
    last = sequence
    with open(state_file + ".new", "w") as file:
        file.write("%d %d\n" % (epoch, last))
    os.rename(state_file + ".new", state_file)

def page(dealer):
    """Take stored alerts after the last one; true when there are no more."""
    global epoch, last
    dealer.send_string(json.dumps({"after": last, "topic": "ww1/alert/", "limit": 1000}))
    while dealer.poll(5000):
        topic, header, body = dealer.recv_multipart()
        its_epoch, sequence, _ = struct.unpack(">QQQ", header)
        if its_epoch != epoch:  # the ledger was lost: its alerts begin anew
            epoch, last = its_epoch, 0
            return False
        if topic == b"ww1/end/" and not json.loads(body)["more"]:
            last = min(last, sequence)
            return True
        if topic in (b"ww1/end/", b"ww1/error/"):
            return False
        if sequence > last:
            take(sequence, body)
    return False  # no answer: ask again

subscriber = context.socket(zmq.SUB)
subscriber.connect(publish)
subscriber.subscribe(b"ww1/")  # alerts, heartbeats and the welcome
while True:
    topic, header, body = subscriber.recv_multipart()
    its_epoch, sequence, _ = struct.unpack(">QQQ", header)
    is_alert, done = topic.startswith(b"ww1/alert/"), False
    if epoch is None:  # the first start: from now on
        epoch, last = its_epoch, sequence - is_alert
    if its_epoch == epoch and is_alert and sequence == last + 1:
        take(sequence, body)
    while not done and (its_epoch != epoch or sequence > last):
        with context.socket(zmq.DEALER) as dealer:  # a fresh one: no late reply to an older question
            dealer.linger = 0
            dealer.connect(replay)
            done = page(dealer)
