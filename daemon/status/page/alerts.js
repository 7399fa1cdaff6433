// The list of reports: one card a story, its repeats folded under the first report.

import { make, byId, link, languageTag } from "./dom.js";
import { ago, classStyle, count, fullTime, languageName, shortNumber, until } from "./words.js";

const STEP = 40; // cards shown at first, and more at each wish
const TAGS = 8;

/** Marks that make sense, in order; those with nothing but a space between become one, which is calmer to read. */
function rangesOf(letters, marks) {
	const ranges = [];
	for (const [start, end] of (Array.isArray(marks) ? marks : []).filter(Array.isArray).sort((a, b) => a[0] - b[0])) {
		const last = ranges.at(-1);
		if (!(start >= (last?.[1] ?? 0) && end > start && end <= letters.length))
			continue;
		if (last && letters.slice(last[1], start).join("").trim() === "")
			last[1] = end;
		else
			ranges.push([start, end]);
	}
	return ranges;
}

/** Text with its marks, which count code points. */
function marked(text, marks) {
	const letters = Array.from(text), parts = [];
	let at = 0;
	for (const [start, end] of rangesOf(letters, marks)) {
		parts.push(letters.slice(at, start).join(""), make("mark", {}, letters.slice(start, end).join("")));
		at = end;
	}
	parts.push(letters.slice(at).join(""));
	return parts;
}

/** A time in words, which tellTime keeps up to date; ahead: of what is to come. */
export function timeOf(time, ahead = false) {
	return make("time", {
		datetime: new Date(time).toISOString(), title: fullTime(time), "data-time": time, "data-ahead": ahead,
	}, ahead ? until(time) : ago(time));
}

export function tellTime(node) {
	const time = Number(node.dataset.time), text = "ahead" in node.dataset ? until(time) : ago(time);
	if (node.textContent !== text)
		node.textContent = text;
}

export const badge = (kind) => make("span", { class: `badge ${classStyle(kind)}` }, kind);

/** The headline; where it is evidence itself it carries the marks. */
function titleOf(alert) {
	const same = alert.evidence.find((part) => part.text === alert.title);
	return same ? marked(same.text, same.marks) : alert.title || alert.link || "untitled";
}

function evidenceOf(alert) {
	const lang = languageTag(alert.language);
	return alert.evidence.filter((part) => part.text !== alert.title)
		.map((part) => make("p", { class: "evidence", lang, dir: "auto" }, marked(part.text, part.marks)));
}

function money({ amount, currency }) {
	return `${shortNumber(Number(amount) || 0)} ${currency ?? ""}`.trim();
}

/** What the sentence says plainly besides: who to whom, how many, for how much. */
function factsOf(alert) {
	const facts = [];
	if (alert.supplier.length || alert.recipient.length)
		facts.push(["Supply", `${alert.supplier.join(", ") || "?"} → ${alert.recipient.join(", ") || "?"}`]);
	if (alert.quantities.length)
		facts.push(["Number", alert.quantities.map((q) => `${Number(q.count).toLocaleString("en")} ${q.of ?? ""}`).join(", ")]);
	if (alert.money.length)
		facts.push(["Money", alert.money.map(money).join(", ")]);
	return facts.length ? make("dl", { class: "facts" },
		facts.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", { dir: "auto" }, value)))) : null;
}

export class AlertList {
	constructor(filter) {
		this.filter = filter;
		this.cards = new Map(); // story -> {signature, node}
		this.shown = STEP;
		byId("more").addEventListener("click", () => {
			const first = byId("alerts").children.length;
			this.shown += STEP;
			this.show(this.stories, this.known);
			byId("alerts").children[first]?.querySelector("a, button, summary")?.focus();
		});
	}

	/** Begin at the top again, as after a change of the filter. */
	rewind() {
		this.shown = STEP;
	}

	tags(key, names) {
		return names.slice(0, TAGS).map((name) => make("button", {
			type: "button", class: `tag ${key}`, title: `Show only ${name}`, onclick: () => this.filter.set(key, name),
		}, name));
	}

	repeats(others) {
		if (!others.length)
			return null;
		const outlets = new Set(others.map((alert) => alert.feed)).size;
		return make("details", { class: "repeats" },
			make("summary", {}, `${count(others.length, "more report")} from ${count(outlets, "outlet")}`),
			make("ol", {}, others.map((alert) => make("li", {},
				link(alert.link, { lang: languageTag(alert.language), dir: "auto" }, alert.title || alert.link || "untitled"),
				make("span", { class: "muted" }, `${alert.feed} · `, timeOf(alert.time))))));
	}

	card({ key, lead, others }) {
		const lang = languageTag(lead.language), id = `report-${lead.sequence}`;
		return make("article", { class: `card ${classStyle(lead.kind)}`, "aria-labelledby": id, "data-story": key },
			make("p", { class: "card-top" }, badge(lead.kind), timeOf(lead.time), make("span", { dir: "auto" }, lead.feed),
				lead.language ? make("span", {}, languageName(lead.language)) : null,
				lead.revises ? make("span", { class: "revised" }, "revised report") : null),
			make("h3", { id, lang, dir: "auto" }, link(lead.link, {}, titleOf(lead))),
			evidenceOf(lead),
			factsOf(lead),
			make("div", { class: "card-end" },
				make("div", { class: "tags" }, this.tags("system", lead.systems), this.tags("actor", lead.actors)),
				make("span", { class: "why", title: "The rule that fired, and the alert's sequence" },
					`${lead.rule} · ${lead.sequence}`)),
			this.repeats(others));
	}

	/** Cards are made anew only when their story has changed, so that what is open or focused stays so. */
	nodeOf(story) {
		const signature = `${story.lead.sequence} ${story.others.length}`, old = this.cards.get(story.key);
		if (old?.signature === signature)
			return old.node;
		const node = this.card(story);
		if (old?.node.querySelector(".repeats")?.open && node.querySelector(".repeats"))
			node.querySelector(".repeats").open = true;
		this.cards.set(story.key, { signature, node });
		return node;
	}

	show(stories, known) {
		this.stories = stories;
		this.known = known;
		const place = byId("alerts"), nodes = stories.slice(0, this.shown).map((story) => this.nodeOf(story));
		const wanted = new Set(nodes);
		for (const node of [...place.children])
			if (!wanted.has(node))
				node.remove();
		nodes.forEach((node, index) => {
			if (place.children[index] !== node)
				place.insertBefore(node, place.children[index] ?? null);
		});
		byId("more").hidden = stories.length <= this.shown;
		this.explainEmpty(stories.length, known);
	}

	explainEmpty(shown, known) {
		const empty = byId("empty");
		empty.hidden = shown > 0;
		if (shown > 0)
			return;
		empty.replaceChildren(...(known === null ? [make("p", {}, "Loading stored alerts …")]
			: known === 0 ? [make("p", { class: "big" }, "No alerts yet"),
				make("p", {}, "They appear here as soon as a feed reports a delivery, a pledge, a pause …")]
				: [make("p", { class: "big" }, "No alert fits this filter"), make("p", {}, `${count(known, "alert")} without it.`)]));
	}

	forget() {
		this.cards.clear();
	}
}

/** A new card says softly that it is new. */
export function flash(story) {
	for (const node of byId("alerts").children)
		if (node.dataset.story === story) {
			node.classList.remove("fresh");
			void node.offsetWidth; // begins the animation again
			node.classList.add("fresh");
		}
}
