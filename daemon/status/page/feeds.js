// The health of each feed: how its last polls went, and when the next one is due.

import { make, makeSvg, byId } from "./dom.js";
import { timeOf } from "./alerts.js";
import { count } from "./words.js";

const FEW = 30, MOST = 1000; // rows shown at first, and at all
const SPARK_WIDTH = 120, SPARK_HEIGHT = 24, SPARKS = 24;
const RESULTS = { new: "news", unchanged: "unchanged", not_modified: "not modified", error: "failed" };

/** Milliseconds on a scale from nothing to a minute: 10 ms and 10 s both can be told apart. */
const height = (seconds) => Math.min(1, Math.log10(1 + seconds * 100) / Math.log10(6001));

function spark(past) {
	const slot = SPARK_WIDTH / SPARKS, start = SPARKS - past.length;
	const svg = makeSvg("svg", {
		class: "spark", viewBox: `0 0 ${SPARK_WIDTH} ${SPARK_HEIGHT}`, width: SPARK_WIDTH, height: SPARK_HEIGHT, "aria-hidden": "true",
	}, makeSvg("line", { class: "grid", x1: 0, x2: SPARK_WIDTH, y1: SPARK_HEIGHT - 0.5, y2: SPARK_HEIGHT - 0.5 }));
	past.forEach(([result, seconds], index) => {
		const tall = result === "error" ? SPARK_HEIGHT - 1 : 3 + (SPARK_HEIGHT - 4) * height(seconds ?? 0);
		svg.append(makeSvg("rect", {
			class: `poll-${result}`, x: (start + index) * slot + 0.5, y: SPARK_HEIGHT - tall - 0.5, width: slot - 1, height: tall, rx: 1,
		}));
	});
	return svg;
}

/** The spark line in words. */
function sparkText(past) {
	if (!past.length)
		return "not polled yet";
	const failed = past.filter(([result]) => result === "error").length;
	const news = past.filter(([result]) => result === "new").length;
	const times = past.map(([, seconds]) => seconds).filter((seconds) => seconds !== null).sort((a, b) => a - b);
	const middle = times.length ? `, ${times[Math.floor(times.length / 2)].toFixed(2)} s` : "";
	return `${count(past.length, "poll")}: ${news} with news, ${failed} failed${middle}`;
}

function hostOf(url) {
	try {
		return new URL(url).host;
	} catch {
		return "";
	}
}

function rowOf(feed) {
	const failing = feed.failures > 0, host = hostOf(feed.url);
	const last = Date.parse(feed.last_poll ?? ""), next = Date.parse(feed.next_poll ?? "");
	const past = Array.isArray(feed.past) ? feed.past : [], text = sparkText(past);
	return make("li", { class: failing ? "feed failing" : "feed" },
		make("div", { class: "feed-name" }, make("span", { class: "name", dir: "auto", title: feed.url }, feed.name || host),
			feed.name && feed.name !== host ? make("span", { class: "muted" }, host) : null),
		make("div", { class: "feed-spark", title: text }, spark(past), make("span", { class: "unseen" }, text)),
		make("div", { class: "feed-times" },
			make("span", { class: "state" }, failing ? `failed ${feed.failures}×` : RESULTS[feed.result] ?? "waiting", " ",
				Number.isNaN(last) ? null : timeOf(last)),
			make("span", { class: "muted" }, "next: ", Number.isNaN(next) ? "not planned" : timeOf(next, true))),
		failing && feed.reason ? make("p", { class: "reason", dir: "auto" }, feed.reason) : null);
}

export class FeedList {
	constructor() {
		this.feeds = [];
		this.all = false;
		byId("only-failing").addEventListener("change", () => this.draw());
		byId("more-feeds").addEventListener("click", () => {
			this.all = true;
			this.draw();
		});
	}

	show(feeds) {
		this.feeds = feeds;
		this.draw();
	}

	draw() {
		const failing = this.feeds.filter((feed) => feed.failures > 0), well = this.feeds.filter((feed) => !(feed.failures > 0));
		const rows = byId("only-failing").checked ? failing : [...failing, ...well];
		const most = this.all ? MOST : FEW;
		byId("feeds").replaceChildren(...rows.slice(0, most).map(rowOf));
		byId("more-feeds").hidden = this.all || rows.length <= FEW;
		byId("feeds-sum").textContent = this.feeds.length === 0 ? "No feed is configured."
			: `${count(this.feeds.length, "feed")}, ${failing.length ? `${failing.length} failing` : "all well"}` +
				(this.all && rows.length > MOST ? `; the first ${MOST} are shown` : "");
	}
}
