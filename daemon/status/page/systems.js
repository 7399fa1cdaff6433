// What is reported of each weapon system: delivered, pledged, paused, refused.

import { make, byId } from "./dom.js";
import { timeOf } from "./alerts.js";
import { classStyle, count } from "./words.js";

const COLUMNS = [["delivery", "Delivered"], ["pledge", "Pledged"], ["pause", "Paused"], ["refusal", "Refused"]];
const OTHERS = ["resume", "request", "sale", "production"];
const MOST = 60;

/** [{name, latest, total, cells: Map(kind -> {number, latest})}], the most recently reported first. */
function summarise(alerts) {
	const systems = new Map();
	for (const alert of alerts) {
		for (const name of alert.systems) {
			const system = systems.get(name) ?? { name, latest: alert, total: 0, cells: new Map() };
			const cell = system.cells.get(alert.kind) ?? { number: 0, latest: alert };
			system.total++;
			cell.number++;
			if (alert.sequence > system.latest.sequence)
				system.latest = alert;
			if (alert.sequence > cell.latest.sequence)
				cell.latest = alert;
			system.cells.set(alert.kind, cell);
			systems.set(name, system);
		}
	}
	return [...systems.values()].sort((a, b) => b.latest.sequence - a.latest.sequence);
}

export class SystemTable {
	constructor(filter) {
		this.filter = filter;
	}

	cell(system, kind) {
		const cell = system.cells.get(kind);
		if (!cell)
			return make("td", { class: "none" }, make("span", { class: "unseen" }, "none"));
		return make("td", { class: classStyle(kind) }, make("strong", {}, String(cell.number)), " ", timeOf(cell.latest.time));
	}

	/** Badges of the classes that have no column of their own. */
	others(system) {
		const kinds = OTHERS.filter((kind) => system.cells.has(kind));
		return make("td", { class: kinds.length ? "others" : "none" }, kinds.length
			? kinds.map((kind) => make("span", { class: `badge ${classStyle(kind)}` }, `${kind} ${system.cells.get(kind).number}`))
			: make("span", { class: "unseen" }, "none"));
	}

	row(system) {
		const chosen = this.filter.system === system.name;
		return make("tr", { class: chosen ? "chosen" : null },
			make("th", { scope: "row" }, make("button", {
				type: "button", class: "tag system", "aria-pressed": String(chosen), title: `Show only ${system.name}`,
				onclick: () => this.filter.set("system", chosen ? "" : system.name),
			}, system.name)),
			COLUMNS.map(([kind]) => this.cell(system, kind)), this.others(system));
	}

	show(alerts, span) {
		const systems = summarise(alerts);
		const focused = document.activeElement?.closest("#systems button")?.textContent;
		byId("systems-span").textContent = systems.length ? `${count(systems.length, "system")}, ${span}` : "";
		if (!systems.length) {
			byId("systems").replaceChildren(make("p", { class: "muted" }, "No weapon system is named in the alerts so far."));
			return;
		}
		byId("systems").replaceChildren(make("table", {},
			make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "System"),
				COLUMNS.map(([, title]) => make("th", { scope: "col" }, title)), make("th", { scope: "col" }, "Besides"))),
			make("tbody", {}, systems.slice(0, MOST).map((system) => this.row(system)))));
		if (focused)
			[...byId("systems").querySelectorAll("button")].find((button) => button.textContent === focused)?.focus();
	}
}
