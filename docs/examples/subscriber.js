#!/usr/bin/env node
// Print alerts of wirewatchd, one JSON object a line, each once (needs npm package zeromq 6).
// usage: subscriber.js PUBLISH REPLAY STATE-FILE
const fs = require("fs");
const zmq = require("zeromq");

const [publish, replay, stateFile] = process.argv.slice(2);
let [epoch, last] = fs.existsSync(stateFile)
  ? fs.readFileSync(stateFile, "utf8").trim().split(" ").map(BigInt) : [null, 0n];

function take(sequence, body) {
  console.log(body.toString()); // here your program deals with one alert
  last = sequence;
  fs.writeFileSync(stateFile + ".new", `${epoch} ${last}\n`);
  fs.renameSync(stateFile + ".new", stateFile);
}

// One page of stored alerts; true when there is no more to ask for.
async function page(dealer) {
  await dealer.send(`{"after":${last},"topic":"ww1/alert/","limit":1000}`);
  for (;;) {
    const [topic, header, body] = await dealer.receive();
    const sequence = header.readBigUInt64BE(8);
    if (header.readBigUInt64BE(0) !== epoch) { // the ledger was lost: its alerts begin anew
      epoch = header.readBigUInt64BE(0);
      last = 0n;
      return false;
    }
    if (topic.toString() === "ww1/end/") {
      if (JSON.parse(body.toString()).more) return false;
      if (sequence < last) last = sequence;
      return true;
    }
    if (topic.toString() === "ww1/error/") return false;
    if (sequence > last) take(sequence, body);
  }
}

async function catchUp() {
  for (let done = false; !done;) {
    const dealer = new zmq.Dealer({linger: 0, receiveTimeout: 5000}); // a fresh one for each question
    dealer.connect(replay);
    try {
      done = await page(dealer);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error; // no answer: ask again
    } finally {
      dealer.close();
    }
  }
}

async function main() {
  const subscriber = new zmq.Subscriber();
  subscriber.connect(publish);
  subscriber.subscribe("ww1/"); // alerts, heartbeats and the welcome
  for await (const [topic, header, body] of subscriber) {
    const isAlert = topic.toString().startsWith("ww1/alert/");
    const itsEpoch = header.readBigUInt64BE(0), sequence = header.readBigUInt64BE(8);
    if (epoch === null) [epoch, last] = [itsEpoch, isAlert ? sequence - 1n : sequence];
    if (itsEpoch === epoch && isAlert && sequence === last + 1n) take(sequence, body);
    else if (itsEpoch !== epoch || sequence > last) await catchUp();
  }
}

main();
