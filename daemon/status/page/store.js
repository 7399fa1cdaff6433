// The alerts that this page knows: by sequence, and as stories.

const known = (value) => Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];

function milliseconds(text) {
	const time = Date.parse(text ?? "");
	return Number.isNaN(time) ? null : time;
}

/** What the page needs of an alert's CloudEvents object; null if it is none. */
function read(event) {
	const data = event?.data, sequence = Number(event?.sequence);
	if (!data || !Number.isSafeInteger(sequence) || sequence < 1)
		return null;
	const evidence = (Array.isArray(data.evidence) ? data.evidence : []).filter((part) => typeof part?.text === "string");
	const title = String(data.title ?? ""), feed = String(data.feed?.name ?? data.feed?.url ?? "");
	return {
		sequence, title, feed, evidence,
		kind: String(data.class), first: data.report === "first", story: `${data.class}/${data.story}`,
		link: data.link, language: data.language, rule: String(data.rule ?? ""),
		time: milliseconds(data.detected) ?? milliseconds(event.time) ?? 0, published: milliseconds(data.published),
		systems: known(data.systems), actors: known(data.actors),
		supplier: known(data.supplier), recipient: known(data.recipient),
		quantities: Array.isArray(data.quantities) ? data.quantities : [],
		money: Array.isArray(data.money) ? data.money : [],
		revises: data.revision_of ?? null,
		words: [title, feed, ...evidence.map((part) => part.text)].join("\n").toLowerCase(),
	};
}

const HELD = 8000, SPARE = 500; // alerts that a page left open for weeks holds, and drops at a time

export class Store {
	constructor() {
		this.clear();
	}

	clear() {
		this.bySequence = new Map();
		this.stories = new Map();
		this.last = 0;
		this.oldest = Infinity;
	}

	get size() {
		return this.bySequence.size;
	}

	/** Takes an alert in, once; returns it, or null if it was known already. */
	add(event) {
		const alert = read(event);
		if (!alert || this.bySequence.has(alert.sequence))
			return null;
		this.bySequence.set(alert.sequence, alert);
		this.last = Math.max(this.last, alert.sequence);
		this.oldest = Math.min(this.oldest, alert.time);
		const story = this.stories.get(alert.story) ?? [];
		story.push(alert);
		story.sort((a, b) => a.sequence - b.sequence);
		this.stories.set(alert.story, story);
		if (this.size > HELD)
			this.dropOldest(SPARE);
		return alert;
	}

	dropOldest(number) {
		const sequences = [...this.bySequence.keys()].sort((a, b) => a - b);
		for (const sequence of sequences.slice(0, number)) {
			const { story } = this.bySequence.get(sequence);
			const rest = this.stories.get(story).filter((alert) => alert.sequence !== sequence);
			this.bySequence.delete(sequence);
			if (rest.length)
				this.stories.set(story, rest);
			else
				this.stories.delete(story);
		}
		this.oldest = Math.min(...this.all().map((alert) => alert.time));
	}

	all() {
		return [...this.bySequence.values()];
	}

	/** Stories with a report that is wanted, newest first: {key, lead, others}; the lead is the first such report. */
	storiesWith(wanted) {
		const found = [];
		for (const [key, reports] of this.stories) {
			const lead = reports.find(wanted);
			if (lead)
				found.push({ key, lead, others: reports.filter((report) => report !== lead) });
		}
		return found.sort((a, b) => b.lead.sequence - a.lead.sequence);
	}
}
