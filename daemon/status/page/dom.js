// Elements from text: nothing here or elsewhere parses HTML, so foreign text stays text.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
	for (const [name, value] of Object.entries(attributes)) {
		if (value === undefined || value === null || value === false)
			continue;
		if (name.startsWith("on"))
			node.addEventListener(name.slice(2), value);
		else
			node.setAttribute(name, value === true ? "" : value);
	}
	node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
	return node;
}

/** make("p", {class: "muted", onclick: f}, "text", child, [children], null) */
export function make(tag, attributes = {}, ...children) {
	return fill(document.createElement(tag), attributes, children);
}

export function makeSvg(tag, attributes = {}, ...children) {
	return fill(document.createElementNS(SVG, tag), attributes, children);
}

export const byId = (id) => document.getElementById(id);

/** The URL if it is one of the web, else null: what feeds link to is only followed to http and https. */
export function webUrl(text) {
	try {
		const url = new URL(text);
		return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
	} catch {
		return null;
	}
}

/** A link to a page elsewhere, or its text alone. It learns nothing of where it was followed from. */
export function link(href, attributes, ...children) {
	const url = webUrl(href);
	if (!url)
		return make("span", attributes, ...children);
	return make("a", { ...attributes, href: url, target: "_blank", rel: "noopener noreferrer" }, ...children);
}

/** A language tag as an attribute may have it, or null. */
export function languageTag(text) {
	try {
		return text ? Intl.getCanonicalLocales(text)[0] : null;
	} catch {
		return null;
	}
}
