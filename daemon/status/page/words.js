// Names of things, and numbers and times as people read them.

/** The event classes in the order they are shown: [name, as said of a system]. */
export const CLASSES = [
	["delivery", "Delivered"], ["pledge", "Pledged"], ["pause", "Paused"], ["resume", "Resumed"],
	["request", "Requested"], ["refusal", "Refused"], ["sale", "Sold"], ["production", "Production"],
];
export const CLASS_NAMES = CLASSES.map(([name]) => name);

/** The style of a class; one that this page does not know looks neutral. */
export const classStyle = (name) => CLASS_NAMES.includes(name) ? `k-${name}` : "k-other";

export const MINUTE = 60e3, HOUR = 60 * MINUTE, DAY = 24 * HOUR;

const language = new Intl.DisplayNames(["en"], { type: "language", fallback: "code" });

export function languageName(tag) {
	try {
		return language.of(tag);
	} catch {
		return tag;
	}
}

/** "due", "in 3 h": of what is to come. */
export const until = (time, now = Date.now()) => time < now + 1e3 ? "due" : ago(time, now);

/** "just now", "4 min ago", "in 3 h"; times in milliseconds. */
export function ago(time, now = Date.now()) {
	const distance = Math.abs(now - time), ahead = time > now;
	let text = `${Math.round(distance / DAY)} d`;
	if (distance < 10e3 && !ahead)
		return "just now";
	if (distance < MINUTE)
		text = `${Math.round(distance / 1e3)} s`;
	else if (distance < HOUR)
		text = `${Math.round(distance / MINUTE)} min`;
	else if (distance < 36 * HOUR)
		text = `${Math.round(distance / HOUR)} h`;
	return ahead ? `in ${text}` : `${text} ago`;
}

const full = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
export const fullTime = (time) => full.format(time);

/** "1 report", "3 reports" */
export const count = (number, one, many = one + "s") => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
export const shortNumber = (number) => short.format(number);
