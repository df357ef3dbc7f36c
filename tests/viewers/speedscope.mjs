// speedscope.mjs FILE: opens a profile in speedscope itself (its own page and importer, in a browser),
// lets it save what it has understood, and prints that:
//   [{"name","unit","total","stacks":{"root;...;leaf":weight}}]
// Frames of a stack are "name (file:line)".
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const { chromium } = createRequire(new URL("../../report/html/web/package.json", import.meta.url))("playwright-core");
const page_of = fileURLToPath(new URL("node_modules/speedscope/dist/release/index.html", import.meta.url));
const file = process.argv[2], work = mkdtempSync(join(tmpdir(), "speedscope-"));
const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM,
	args: ["--no-sandbox", "--enable-unsafe-swiftshader", "--allow-file-access-from-files"],
});
try {
	// As speedscope's own command does it.
	const script = join(work, "profile.js");
	writeFileSync(script, `speedscope.loadFileFromBase64(${JSON.stringify(basename(file))}, ` +
		`${JSON.stringify(readFileSync(file).toString("base64"))})`);
	const page = await browser.newPage({ acceptDownloads: true });
	const said = [];
	page.on("pageerror", (e) => said.push(e.message));
	page.on("console", (m) => (m.type() === "error" || /fail|warn/i.test(m.text())) && said.push(m.text()));
	page.on("dialog", (d) => { said.push(d.message()); d.dismiss(); });
	await page.goto(`file://${page_of}#localProfilePath=${script}`);
	// Its title bar shows the name of the first profile when all is imported.
	await page.waitForFunction(() => /Time Order/.test(document.body.innerText) && !/Loading/.test(document.title),
		null, { timeout: 60000 }).catch(() => { throw new Error(said.join("\n") || "speedscope shows no profile"); });
	const download = page.waitForEvent("download", { timeout: 60000 });
	await page.keyboard.press("Control+s");
	const saved = JSON.parse(readFileSync(await (await download).path(), "utf8"));
	if (said.length) throw new Error(said.join("\n"));
	const name = saved.shared.frames.map((f) => f.name + (f.file ? ` (${f.file}${f.line ? `:${f.line}` : ""})` : ""));
	const out = saved.profiles.map((p) => {
		const stack = [], stacks = {};
		let at = p.startValue;
		for (const e of p.events) {
			if (e.at !== at) {
				const key = stack.join(";");
				stacks[key] = (stacks[key] || 0) + e.at - at;
				at = e.at;
			}
			if (e.type === "O") stack.push(name[e.frame]);
			else if (stack.pop() !== name[e.frame]) throw new Error("a frame is closed that was not open");
		}
		return { name: p.name, unit: p.unit, total: p.endValue - p.startValue, stacks };
	});
	console.log(JSON.stringify(out));
} finally {
	await browser.close();
	rmSync(work, { recursive: true, force: true });
}
