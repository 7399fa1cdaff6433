// Alerts from the daemon: stored ones newest first, then live ones; after an interruption on from the last one seen.

import { DAY } from "./words.js";

const PIECE = 500;         // alerts asked for at once
const MOST = 5000;         // alerts that the page holds from the past
const REACH = 31 * DAY;    // and how far back
const AGAIN = 2000;        // milliseconds until a lost connection is tried again, at first
const AGAIN_MOST = 30000;

export async function getJson(path) {
	const reply = await fetch(path, { headers: { Accept: "application/json" }, cache: "no-store" });
	if (!reply.ok)
		throw new Error((await reply.text()).trim() || reply.statusText);
	return reply.json();
}

const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));

export class Stream {
	/** on: {state(name), alert(alert, live), loaded(), reset()} */
	constructor(store, on) {
		this.store = store;
		this.on = on;
		this.epoch = null;
		this.wait = AGAIN;
	}

	/** Loads what is stored, then listens, for as long as the page is open. */
	async start() {
		this.on.state("connecting");
		for (;;) {
			try {
				await this.load();
				this.listen();
				return;
			} catch {
				this.on.state("lost");
				await pause(this.nextWait());
			}
		}
	}

	nextWait() {
		const wait = this.wait;
		this.wait = Math.min(this.wait * 2, AGAIN_MOST);
		return wait;
	}

	async load() {
		const status = await getJson("/status");
		this.epoch = status.epoch;
		let before = status.sequence;
		const from = Date.now() - REACH;
		while (before > 0 && this.store.size < MOST) {
			const after = Math.max(0, before - PIECE);
			const answer = await getJson(`/alerts?after=${after}&limit=${Math.min(PIECE, before - after)}`);
			for (const event of answer.alerts)
				this.take(event, false);
			before = after;
			this.on.loaded(false);
			if (!answer.alerts.length || this.store.oldest < from)
				break;
		}
		this.seen = Math.max(this.store.last, status.sequence);
		this.on.loaded(true);
	}

	take(event, live) {
		const alert = this.store.add(event);
		if (alert)
			this.on.alert(alert, live);
	}

	listen() {
		const source = new EventSource(`/events?after=${this.seen}`);
		this.source = source;
		source.addEventListener("welcome", (message) => this.welcome(JSON.parse(message.data)));
		source.addEventListener("message", (message) => {
			this.seen = Math.max(this.seen, Number(message.lastEventId) || 0);
			this.take(JSON.parse(message.data), true);
		});
		source.addEventListener("error", () => this.lost(source));
	}

	welcome(said) {
		this.wait = AGAIN;
		if (said.epoch === this.epoch) {
			this.on.state("live");
			return;
		}
		this.source.close(); // another ledger: what we know is of the past
		this.store.clear();
		this.on.reset();
		this.start();
	}

	/** The browser comes back by itself after a cut, saying what it saw last; not after a refusal. */
	lost(source) {
		if (source !== this.source)
			return;
		this.on.state("lost");
		if (source.readyState !== EventSource.CLOSED)
			return;
		this.source = null;
		setTimeout(() => this.listen(), this.nextWait());
	}
}
