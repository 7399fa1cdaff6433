// How many alerts of each class, over time: stacked bars, and the same as a table.

import { make, makeSvg, byId } from "./dom.js";
import { CLASS_NAMES, DAY, HOUR, classStyle, count } from "./words.js";

const RANGES = { "24 h": [24, HOUR], "7 days": [28, 6 * HOUR], "30 days": [30, DAY] };
const HEIGHT = 150, LEFT = 30, BOTTOM = 22, TOP = 8, LABEL = 64; // pixels; LABEL is the width of one

const dayName = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric" });
const dateName = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const hourName = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

/** The start of the bar that now belongs to, in local time. */
function floor(time, step) {
	const offset = new Date(time).getTimezoneOffset() * 60e3;
	return Math.floor((time - offset) / step) * step + offset;
}

/** A round number not below the largest bar, for the axis. */
function roundUp(number) {
	const unit = 10 ** Math.floor(Math.log10(Math.max(number, 1)));
	return [1, 2, 4, 5, 10].map((factor) => factor * unit).find((limit) => limit >= number) ?? number;
}

export class Timeline {
	constructor() {
		this.range = "7 days";
		this.alerts = [];
		this.buttons = Object.keys(RANGES).map((name) => make("button", {
			type: "button", "aria-pressed": String(name === this.range), onclick: () => this.choose(name),
		}, name));
		byId("ranges").replaceChildren(...this.buttons);
		new ResizeObserver(() => this.draw()).observe(byId("plot"));
	}

	choose(name) {
		this.range = name;
		for (const button of this.buttons)
			button.setAttribute("aria-pressed", String(button.textContent === name));
		this.draw();
	}

	show(alerts) {
		this.alerts = alerts;
		this.draw();
	}

	/** [{start, total, classes: Map}], the oldest first. */
	bars() {
		const [number, step] = RANGES[this.range], end = floor(Date.now(), step) + step, begin = end - number * step;
		const bars = Array.from({ length: number }, (_, i) => ({ start: begin + i * step, total: 0, classes: new Map() }));
		for (const alert of this.alerts) {
			const bar = bars[Math.floor((alert.time - begin) / step)];
			if (!bar)
				continue;
			bar.total++;
			bar.classes.set(alert.kind, (bar.classes.get(alert.kind) ?? 0) + 1);
		}
		return bars;
	}

	label(start) {
		const step = RANGES[this.range][1];
		return step === HOUR ? hourName.format(start) : step === DAY ? dateName.format(start) : dayName.format(start);
	}

	draw() {
		const place = byId("plot"), width = Math.max(place.clientWidth, 240), bars = this.bars();
		const most = roundUp(Math.max(...bars.map((bar) => bar.total), 1));
		const svg = makeSvg("svg", {
			viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": this.summary(bars),
		}, ...this.axis(width, most), ...this.columns(bars, width, most));
		place.replaceChildren(svg);
		byId("plot-table").replaceChildren(this.table(bars));
	}

	axis(width, most) {
		const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / most);
		const values = most > 1 && most % 2 === 0 ? [0, most / 2, most] : [0, most];
		return values.flatMap((value) => [
			makeSvg("line", { class: "grid", x1: LEFT, x2: width, y1: y(value), y2: y(value) }),
			makeSvg("text", { class: "tick", x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, value.toLocaleString("en")),
		]);
	}

	columns(bars, width, most) {
		const slot = (width - LEFT) / bars.length, nodes = [];
		bars.forEach((column, index) => {
			const left = LEFT + slot * index;
			nodes.push(this.column(column, left, slot, (HEIGHT - TOP - BOTTOM) / most));
			if (this.isLabelled(column, index, slot) && left + 20 < width)
				nodes.push(makeSvg("text", { class: "tick", x: left, y: HEIGHT - 6 }, this.label(column.start)));
		});
		return nodes;
	}

	column(column, left, slot, scale) {
		const width = Math.max(2, Math.min(slot - 2, 26)), x = left + (slot - width) / 2;
		const group = makeSvg("g", {}, makeSvg("title", {}, `${this.label(column.start)}: ${this.detail(column)}`));
		let y = HEIGHT - BOTTOM;
		for (const name of [...CLASS_NAMES, "other"]) {
			const number = name === "other" ? this.others(column) : column.classes.get(name) ?? 0;
			if (!number)
				continue;
			y -= number * scale;
			const height = Math.max(number * scale - 1, 1); // a line of ground between two classes
			group.append(makeSvg("rect", { class: `bar-part ${classStyle(name)}`, x, y, width, height, rx: 1.5 }));
		}
		return group;
	}

	/** Labels stand under so many bars that they do not touch; of parts of days under the first of a day. */
	isLabelled(column, index, slot) {
		const bars = Math.ceil(LABEL / slot), step = RANGES[this.range][1];
		if (step !== 6 * HOUR)
			return index % bars === 0;
		const day = Math.floor(index / 4);
		return new Date(column.start).getHours() < 6 && day % Math.ceil(bars / 4) === 0;
	}

	others(column) {
		return [...column.classes].reduce((sum, [name, number]) => CLASS_NAMES.includes(name) ? sum : sum + number, 0);
	}

	detail(column) {
		return [...column.classes].map(([name, number]) => `${number} ${name}`).join(", ") || "none";
	}

	summary(bars) {
		const sums = new Map();
		for (const bar of bars)
			for (const [name, number] of bar.classes)
				sums.set(name, (sums.get(name) ?? 0) + number);
		const total = bars.reduce((sum, bar) => sum + bar.total, 0);
		return `${count(total, "alert")} in ${this.range}: ${this.detail({ classes: sums })}`;
	}

	/** Days (hours for a single day) with alerts, the newest first. */
	table(bars) {
		const rows = new Map();
		for (const bar of bars) {
			const name = this.label(bar.start), sums = rows.get(name) ?? new Map();
			for (const [kind, number] of bar.classes)
				sums.set(kind, (sums.get(kind) ?? 0) + number);
			rows.set(name, sums);
		}
		const head = make("tr", {}, ["Time", ...CLASS_NAMES].map((name) => make("th", { scope: "col" }, name)));
		const body = [...rows].reverse().filter(([, sums]) => sums.size).map(([name, sums]) => make("tr", {},
			make("th", { scope: "row" }, name), CLASS_NAMES.map((kind) => make("td", {}, String(sums.get(kind) ?? "")))));
		return make("table", {}, make("thead", {}, head), make("tbody", {}, body));
	}
}
