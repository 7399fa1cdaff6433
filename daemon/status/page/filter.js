// What is shown: classes, language, system, actor and text, kept in the URL's hash.

import { make, byId } from "./dom.js";
import { CLASSES, CLASS_NAMES, classStyle, languageName } from "./words.js";

const KEYS = ["language", "system", "actor", "text"];
const LONGEST = 100;

export class Filter {
	/** changed() is called after every change by a person. */
	constructor(changed) {
		this.changed = changed;
		this.options = {};
		this.read();
		this.chips = CLASSES.map(([name]) => this.chip(name));
		byId("classes").replaceChildren(...this.chips.map((chip) => chip.button));
		byId("filter-text").addEventListener("input", (event) => this.set("text", event.target.value.trim()));
		for (const key of ["language", "system", "actor"])
			byId(`filter-${key}`).addEventListener("change", (event) => this.set(key, event.target.value));
		byId("clear").addEventListener("click", () => this.clear());
		window.addEventListener("hashchange", () => {
			this.read();
			this.show();
			this.changed();
		});
	}

	chip(name) {
		const number = make("span", { class: "number" });
		const button = make("button", { type: "button", class: `chip ${classStyle(name)}`, onclick: () => this.toggle(name) },
			make("span", { class: "swatch", "aria-hidden": "true" }), name, " ", number);
		return { name, button, number };
	}

	// ---- the hash ----

	read() {
		const parts = new URLSearchParams(location.hash.slice(1));
		this.classes = new Set((parts.get("class") ?? "").split(",").filter((name) => CLASS_NAMES.includes(name)));
		for (const key of KEYS)
			this[key] = (parts.get(key) ?? "").slice(0, LONGEST);
	}

	write() {
		const parts = new URLSearchParams();
		if (this.classes.size)
			parts.set("class", CLASS_NAMES.filter((name) => this.classes.has(name)).join(","));
		for (const key of KEYS)
			if (this[key])
				parts.set(key, this[key]);
		const hash = parts.toString().replaceAll("%2C", ",");
		history.replaceState(null, "", hash ? `#${hash}` : location.pathname);
	}

	done() {
		this.write();
		this.show();
		this.changed();
	}

	set(key, value) {
		this[key] = value.slice(0, LONGEST);
		this.done();
	}

	toggle(name) {
		if (!this.classes.delete(name))
			this.classes.add(name);
		this.done();
	}

	clear() {
		this.classes.clear();
		for (const key of KEYS)
			this[key] = "";
		byId("filter-text").value = "";
		this.done();
		byId("alerts-title").focus();
	}

	// ---- judging ----

	get active() {
		return this.classes.size > 0 || KEYS.some((key) => this[key]);
	}

	/** Whether an alert is wanted; without: leave out what was chosen under this key. */
	wants(alert, without = "") {
		const text = this.text.toLowerCase();
		return (without === "class" || !this.classes.size || this.classes.has(alert.kind)) &&
			(without === "language" || !this.language || alert.language === this.language) &&
			(without === "system" || !this.system || alert.systems.includes(this.system)) &&
			(without === "actor" || !this.actor || alert.actors.includes(this.actor)) &&
			(!text || alert.words.includes(text));
	}

	// ---- what can be chosen ----

	/** Counts of what the alerts offer, each under the rest of the filter. */
	offer(alerts) {
		const counts = { class: new Map(), language: new Map(), system: new Map(), actor: new Map() };
		const add = (key, alert, values) => {
			if (this.wants(alert, key))
				for (const value of values)
					counts[key].set(value, (counts[key].get(value) ?? 0) + 1);
		};
		for (const alert of alerts) {
			add("class", alert, [alert.kind]);
			add("language", alert, alert.language ? [alert.language] : []);
			add("system", alert, alert.systems);
			add("actor", alert, alert.actors);
		}
		for (const { name, number } of this.chips)
			number.textContent = (counts.class.get(name) ?? 0).toLocaleString("en");
		this.offerIn("language", counts.language, languageName);
		this.offerIn("system", counts.system);
		this.offerIn("actor", counts.actor);
		this.show();
	}

	offerIn(key, counts, nameOf = (value) => value) {
		const values = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, 300);
		if (this[key] && !counts.has(this[key]))
			values.unshift([this[key], 0]);
		const signature = JSON.stringify(values);
		if (this.options[key] === signature)
			return; // an open list must not change under the hand
		this.options[key] = signature;
		byId(`filter-${key}`).replaceChildren(make("option", { value: "" }, "any"),
			...values.map(([value, number]) => make("option", { value }, `${nameOf(value)} (${number})`)));
	}

	show() {
		for (const { name, button } of this.chips)
			button.setAttribute("aria-pressed", String(this.classes.has(name)));
		for (const key of ["language", "system", "actor"])
			byId(`filter-${key}`).value = this[key];
		if (byId("filter-text").value.trim() !== this.text)
			byId("filter-text").value = this.text;
		byId("clear").hidden = !this.active;
	}
}
