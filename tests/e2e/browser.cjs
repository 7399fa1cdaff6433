// A browser that a test drives: one JSON command a line on standard input, one JSON answer a line on standard output.
// Started by browser.py, which names the folder of the node modules and the browser.

const path = require("path");
const readline = require("readline");

const [modules, executable, profile] = process.argv.slice(2);
const { chromium } = require(path.join(modules, "playwright-core"));
const AXE = path.join(modules, "axe-core", "axe.min.js");
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
	"--disable-background-networking", "--disable-component-update", "--disable-sync"];
const PATIENCE = 30000;

let context, page, opened, said, asked;

async function open({ url, width = 1440, height = 1000, scheme = "light", bypass = false }) {
	await context?.close();
	context = await chromium.launchPersistentContext(`${profile}-${Date.now()}`, {
		executablePath: executable, args: FLAGS, headless: true, viewport: { width, height }, colorScheme: scheme,
		bypassCSP: bypass, reducedMotion: "reduce", timezoneId: "Europe/Kyiv", locale: "en-GB",
	});
	context.setDefaultTimeout(PATIENCE);
	page = context.pages()[0];
	opened = [];
	said = [];
	asked = [];
	context.on("page", (other) => opened.push(other));
	page.on("console", (message) => {
		if (["error", "warning"].includes(message.type()))
			said.push(`${message.type()}: ${message.text()} ${message.location().url}`);
	});
	page.on("pageerror", (error) => said.push(`exception: ${error.stack}`));
	page.on("request", (request) => asked.push(request.url()));
	await page.goto(url);
}

const commands = {
	open,
	close: () => context.close(),
	reload: () => page.reload(),
	wait: ({ selector, text, hidden }) => {
		const found = text === undefined ? page.locator(selector) : page.locator(selector, { hasText: text });
		return found.first().waitFor({ state: hidden ? "hidden" : "visible" });
	},
	count: ({ selector }) => page.locator(selector).count(),
	texts: ({ selector }) => page.locator(selector).allInnerTexts(),
	attribute: ({ selector, name }) => page.locator(selector).first().getAttribute(name),
	click: ({ selector, text }) => page.locator(selector, text === undefined ? {} : { hasText: text }).first().click(),
	fill: ({ selector, text }) => page.locator(selector).fill(text),
	choose: ({ selector, value }) => page.locator(selector).selectOption(value),
	press: ({ key }) => page.keyboard.press(key),
	focused: () => page.evaluate(() => document.activeElement?.textContent?.trim() ?? ""),
	url: () => page.url(),
	/** Follow what opens elsewhere: its address. */
	follow: async ({ selector }) => {
		const [other] = await Promise.all([context.waitForEvent("page"), page.locator(selector).first().click()]);
		await other.waitForLoadState();
		const opener = await other.evaluate(() => window.opener !== null);
		const found = { url: other.url(), text: await other.innerText("body"), opener };
		await other.close();
		return found;
	},
	said: () => said,
	asked: () => asked,
	opened: () => opened.length,
	forget: () => {
		said.length = 0;
	},
	/** Wider than its window, so that it would scroll sideways? */
	overflow: () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth),
	axe: async () => {
		await page.addScriptTag({ path: AXE });
		const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
		return violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target} ${n.failureSummary}`).join("; ")}`);
	},
	shot: ({ file }) => page.screenshot({ path: file }),
	/** Tell alerts as if they had been detected over the days before: for pictures of a page in use. */
	spread: async ({ hours }) => {
		await context.route(/\/alerts\?/, async (route) => {
			const reply = await route.fetch(), body = await reply.json();
			for (const alert of body.alerts) {
				const age = hours[Math.min(body.sequence - Number(alert.sequence), hours.length - 1)];
				alert.data.detected = new Date(Date.now() - age * 3600e3).toISOString();
			}
			await route.fulfill({ response: reply, json: body });
		});
		await page.reload();
	},
};

(async () => {
	for await (const line of readline.createInterface({ input: process.stdin })) {
		const command = JSON.parse(line);
		let answer;
		try {
			answer = { result: (await commands[command.do](command)) ?? null };
		} catch (error) {
			answer = { error: String(error.stack ?? error) };
		}
		process.stdout.write(`${JSON.stringify(answer)}\n`);
	}
	await context?.close();
	process.exit(0);
})();
