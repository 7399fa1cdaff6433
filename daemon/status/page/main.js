// The page for people: joins what the daemon says with what is shown.

import { make, byId } from "./dom.js";
import { AlertList, flash, tellTime } from "./alerts.js";
import { FeedList } from "./feeds.js";
import { Filter } from "./filter.js";
import { Store } from "./store.js";
import { Stream, getJson } from "./stream.js";
import { SystemTable } from "./systems.js";
import { Timeline } from "./timeline.js";
import { ago, count } from "./words.js";

const HEALTH_EVERY = 10e3, CLOCK_EVERY = 5e3, PLOT_EVERY = 5 * 60e3;
const STATES = {
	connecting: "Connecting …",
	live: "Live",
	lost: "Connection lost, coming back …",
};

const store = new Store();
const filter = new Filter(() => {
	list.rewind();
	refresh();
});
const list = new AlertList(filter);
const systems = new SystemTable(filter);
const timeline = new Timeline();
const feeds = new FeedList();
let loaded = false, state = "connecting", fresh = [], unseen = 0; // unseen: while the page was not looked at

// ---- what is shown ----

function refresh() {
	refresh.asked ??= requestAnimationFrame(() => {
		refresh.asked = null;
		render();
	});
}

function render() {
	const alerts = store.all(), wanted = (alert) => filter.wants(alert);
	const shown = alerts.filter(wanted), stories = store.storiesWith(wanted);
	filter.offer(alerts);
	list.show(stories, loaded || alerts.length ? alerts.length : null);
	timeline.show(shown);
	systems.show(alerts.filter((alert) => filter.wants(alert, "system")), spanOf(store.oldest));
	byId("counted").textContent = alerts.length ? countText(stories.length, shown.length, alerts.length) : "";
	for (const alert of fresh.filter(wanted))
		announce(alert);
	fresh = [];
}

function countText(stories, shown, known) {
	const all = count(known, "alert"), told = count(stories, "story", "stories");
	return filter.active ? `${told}, ${shown.toLocaleString("en")} of ${all}` : `${told} in ${all}`;
}

/** "in the last 3 d" */
const spanOf = (oldest) => Date.now() - oldest < 60e3 ? "so far" : `in the last ${ago(oldest).replace(" ago", "")}`;

function announce(alert) {
	flash(alert.story);
	if (document.hidden)
		document.title = `(${++unseen}) wirewatch`;
	byId("news").textContent = `${alert.first ? "New" : "Repeated"} report, ${alert.kind}: ${alert.title}`;
}

function showState(name) {
	state = name;
	byId("link-state").dataset.state = name;
	byId("link-text").textContent = STATES[name];
	if (name === "live")
		askHealth();
}

// ---- totals and feeds ----

function total(name, value, bad = false) {
	return make("div", { class: bad ? "bad" : null }, make("dt", {}, name), make("dd", {}, value));
}

function showStatus(status) {
	byId("totals").replaceChildren(
		total("feeds", status.feeds.total.toLocaleString("en")),
		total("failing", status.feeds.failing.toLocaleString("en"), status.feeds.failing > 0),
		total("alerts", status.sequence.toLocaleString("en")),
		total("subscribers", status.subscribers.toLocaleString("en")));
	byId("trouble").hidden = status.healthy;
	byId("trouble").textContent = status.healthy ? "" : `The daemon is not well: ${status.trouble}`;
	byId("version").textContent = `wirewatchd ${status.version}, started ${ago(Date.parse(status.started))}`;
}

async function askHealth() {
	if (document.hidden || state !== "live")
		return;
	try {
		const [status, health] = await Promise.all([getJson("/status"), getJson("/feeds")]);
		showStatus(status);
		feeds.show(health.feeds);
	} catch {
		// The stream notices too, and says so.
	}
}

/** Times as told in words grow old. */
function tick() {
	for (const node of document.querySelectorAll("time[data-time]"))
		tellTime(node);
}

// ---- light and dark, views ----

const THEMES = [["auto", "(prefers-color-scheme: dark)"], ["light", "not all"], ["dark", "all"]];

function showTheme(name) {
	const [chosen, media] = THEMES.find(([known]) => known === name) ?? THEMES[0];
	byId("dark").media = media;
	byId("theme").textContent = `Theme: ${chosen}`;
	byId("theme").dataset.theme = chosen;
	return chosen;
}

function nextTheme() {
	const at = THEMES.findIndex(([name]) => name === byId("theme").dataset.theme);
	const chosen = showTheme(THEMES[(at + 1) % THEMES.length][0]);
	try {
		localStorage.setItem("theme", chosen);
	} catch {
		// A browser that keeps nothing still shows it now.
	}
}

function storedTheme() {
	try {
		return localStorage.getItem("theme");
	} catch {
		return null;
	}
}

function showView(name) {
	document.body.dataset.view = name;
	for (const button of document.querySelectorAll(".views button"))
		button.setAttribute("aria-current", String(button.dataset.view === name));
	timeline.draw();
}

// ---- beginning ----

byId("theme").addEventListener("click", nextTheme);
showTheme(storedTheme());
if (matchMedia("(max-width: 640px)").matches && !filter.active)
	byId("more-filter").open = false;
for (const button of document.querySelectorAll(".views button"))
	button.addEventListener("click", () => showView(button.dataset.view));
byId("skip").addEventListener("click", (event) => {
	event.preventDefault(); // the hash is the filter's
	showView("alerts");
	byId("alerts-title").focus();
});
document.addEventListener("visibilitychange", () => {
	unseen = 0;
	document.title = "wirewatch";
	askHealth();
});
setInterval(askHealth, HEALTH_EVERY);
setInterval(tick, CLOCK_EVERY);
setInterval(refresh, PLOT_EVERY);

render();
new Stream(store, {
	state: showState,
	alert: (alert, live) => {
		if (live)
			fresh.push(alert);
		refresh();
	},
	loaded: (all) => {
		loaded = all;
		refresh();
	},
	reset: () => {
		loaded = false;
		list.forget();
		refresh();
	},
}).start();
