// Clicks through every view of a report and checks what it shows; prints TAP.
import { existsSync, statSync, readFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";

const { chromium } = createRequire(new URL("../../report/html/web/package.json", import.meta.url))("playwright-core");
const work = process.argv[2], shots = process.env.SHOTS;
const json = (name) => JSON.parse(readFileSync(`${work}/${name}.json`, "utf8"));
const stat = json("stat"), leaks = json("leaks"), diff = json("diff"), retained = json("retained");
let number = 0, failed = 0;
function ok(good, what) {
	console.log(`${good ? "ok" : "not ok"} ${++number} - ${what}`);
	if (!good) failed++;
}
const same = (a, b, what) => ok(a === b, `${what}: ${a}${a === b ? "" : `, expected ${b}`}`);

if (shots) mkdirSync(shots, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
const trouble = [], asked = [];
page.on("pageerror", (e) => trouble.push(e.message));
page.on("console", (m) => m.type() === "error" && trouble.push(m.text()));
page.on("request", (r) => r.url().startsWith("file:") || asked.push(r.url()));

const ready = (view) => page.waitForFunction((v) => document.querySelector("main").dataset.ready === v, view, { timeout: 20000 });
const open = async (view, more = "") => {
	await page.evaluate(() => { document.querySelector("main").dataset.ready = ""; });
	await page.evaluate((h) => { location.hash = h; }, `view=${view}${more}`);
	await ready(view);
	if (shots && page.url().includes("report.html")) await page.screenshot({ path: `${shots}/${view}.png` });
};
const text = (selector) => page.locator(selector).first().innerText();
const data = await (async () => {
	await page.goto(`file://${work}/report.html`);
	await ready("flame");
	return page.evaluate(() => window.tidemarkData());
})();
const sum = (list) => list.reduce((a, b) => a + b, 0);

// Names are cut to what tells them apart.
{
	const { build } = createRequire(new URL("../../report/html/web/package.json", import.meta.url))("esbuild");
	const { outputFiles } = await build({ entryPoints: [new URL("../../report/html/web/src/names.js", import.meta.url).pathname], bundle: true, format: "esm", write: false });
	globalThis.document = { getElementById: () => ({ textContent: "{}" }) };
	const { short } = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
	for (const [name, wanted] of [
		["std::__shared_ptr<http::Connection, (__gnu_cxx::_Lock_policy)2>::__shared_ptr<std::allocator<void>>(std::_Sp_alloc_shared_tag<std::allocator<void> >)", "std::__shared_ptr<…>::__shared_ptr<…>"],
		["void std::_Construct<http::Connection>(http::Connection*)", "std::_Construct<…>"],
		["worker(int)", "worker"], ["main", "main"], ["(anonymous namespace)::parse(char const*)", "(anonymous namespace)::parse"],
		["bool operator< <int>(A<int> const&, A<int> const&)", "bool operator< <…>"], ["Functor::operator()(int) const", "Functor::operator()"],
		["run(int)::{lambda(int)#1}::operator()(int) const", "run::{lambda(int)#1}::operator()"], ["libffi.so.8+0x6f28", "libffi.so.8+0x6f28"],
		["burst.<locals>.<listcomp>", "burst.<locals>.<listcomp>"], ["<module>", "<module>"],
		["core::ptr::drop_in_place::<alloc::vec::Vec<u8>>", "core::ptr::drop_in_place::<…>"],
	])
		same(short(name), wanted, "short name");
}

// What stands first: the largest leak, the largest growth, the largest site, each with its place.
{
	const told = await page.locator(".findings li").allInnerTexts();
	ok(told.length >= 3 && /^Largest leak: .* (of|cycles of) \S+ leaks\.c:\d+/.test(told[0]) && told.some((t) => /^Grown most: \+.* leaks\.c:\d+/.test(t)), `findings: ${told.join(" | ")}`);
	await page.locator(".findings a").first().click();
	await ready("leaks");
	same(await page.locator(".row[aria-selected=true]").count() > 0, true, "a finding leads to its row");
	await page.goto(`file://${work}/report.html`);
	await ready("flame");
}

// Sums, to the byte.
for (const name of ["live_bytes", "live_blocks", "peak_bytes", "total_bytes", "total_blocks", "temporary"])
	same(sum(data[name]), stat.totals[name], `sum of ${name} over the sites as in stat`);
same(data.kept, stat.records.length, "as many sites as in stat");
for (const name of ["live_bytes", "total_bytes"]) {
	const mine = new Map(data.row_site.slice(0, data.kept).map((s, i) => [s, data[name][i]]));
	same(stat.records.filter((r) => mine.get(r.site) !== r[name]).length, 0, `sites that differ from stat in ${name}`);
}
const lost = ["unreferenced", "cycle", "indirect"].reduce((a, k) => a + leaks.totals[k].bytes, 0);
ok(lost > 0, "the program loses something");
same(sum(data.lost_bytes), lost, "lost bytes over the sites as in leaks");
same(sum(data.groups.map((g) => g.retained_bytes)), lost, "root leaks and cycles retain all that is lost");
for (const k of ["size", "count"])
	same(sum(data.diff.rows.map((r) => r[k === "size" ? 4 : 5])), diff.totals[k], `differences: ${k} as in diff`);
same(data.diff.rows.length, diff.records.length, "as many differences as in diff");
const bySite = new Map(retained.records.filter((r) => r.kind === "site").map((r) => [r.site, r.retained_bytes]));
same(data.row_site.slice(0, data.kept).filter((s, i) => bySite.has(s) && bySite.get(s) !== data.retained_bytes[i]).length, 0, "sites that differ from retained");
same(data.dominators[0][5], sum(data.live_bytes), "dominators hold the whole heap");

// Flame graph: every measure, invert, search, zoom.
for (const m of ["live_bytes", "peak_bytes", "total_bytes", "live_blocks", "total_blocks", "temporary", "lost_bytes", "retained_bytes", "difference"]) {
	await page.selectOption("main select", m);
	const total = +(await page.getAttribute(".flame", "data-total"));
	ok(m === "retained_bytes" || m === "difference" ? total > 0 : total === sum(data[m]), `flame graph of ${m}: ${total}`);
}
await page.selectOption("main select", "live_bytes");
await page.click("text=invert");
same(+(await page.getAttribute(".flame", "data-total")), sum(data.live_bytes), "inverted, the sum is the same");
await page.click("text=invert");
await page.fill("main input.search", "grow");
const told = await text(".tools span[role=status]");
ok(/^\d+ functions? at [\d,]+ sites?, /.test(told), `search says how much it found: ${told}`);
const drawnAll = +(await page.getAttribute(".flame", "data-drawn"));
// The same search finds the same sites in the table, drawn or not, and takes expressions and files.
for (const q of ["grow", "/^gr.w$/", "leaks.c", "leaks.c:6", "libc.so", "nothing of this name", "strdup"]) {
	await open("flame", `&measure=live_bytes&q=${encodeURIComponent(q)}`);
	const found = /at ([\d,]+) sites?, (.*) \(/.exec(await text(".tools span[role=status]"));
	await open("sites", `&q=${encodeURIComponent(q)}`);
	const table = /^([\d,]+) of [\d,]+ sites, (.*) live/.exec(await text(".tools .count"));
	same(found?.slice(1).join(" "), table?.slice(1).join(" "), `the graph and the table find the same sites of ${q}`);
}
await open("flame", `&measure=live_bytes&q=${encodeURIComponent("/[/")}`);
ok(/expression/i.test(await text(".tools span[role=status]")), "a broken expression says so");
// Focus and hide part the whole.
const parted = {};
for (const way of ["focus", "hide"]) {
	await open("flame", "&measure=live_bytes&q=grow");
	await page.click(`.limits button:text("${way}")`);
	parted[way] = +(await page.getAttribute(".flame", "data-total"));
	ok(new RegExp(way === "focus" ? "only=grow" : "without=grow").test(page.url()), `${way} is in the address`);
}
same(parted.focus + parted.hide, sum(data.live_bytes), "what is in focus and what is left when it is hidden are the whole");
ok(parted.focus > 0 && parted.hide > 0, "both have something");
await page.click(".chips button");
same(+(await page.getAttribute(".flame", "data-total")), sum(data.live_bytes), "the chip shows all again");
// Callers and callees of one function.
await open("flame", "&measure=live_bytes&sandwich=make_node");
const below = await page.locator(".chart:not(.callers) g[name=strdup], .chart:not(.callers) g").count();
const above = await page.locator(".chart.callers g[name=fill_cache]").count();
ok(below >= 1 && above === 1, "callers above, callees below");
same(+(await page.getAttribute(".flame", "data-total")), stat.records.filter((r) => r.stack.some((f) => f.function === "make_node")).reduce((a, r) => a + r.live_bytes, 0), "all that make_node allocated");
if (shots) await page.screenshot({ path: `${shots}/sandwich.png` });
// Frames of libraries, and arrow keys.
await open("flame", "&measure=live_bytes&library=1");
ok((await page.locator(".flame g[name=strdup], .flame g[name=__strdup], .flame g[name=__GI___strdup]").count()) > 0, "library frames are a switch");
await open("flame", "&measure=live_bytes");
same(await page.locator(".flame g[name=__GI___strdup]").count(), 0, "they are left out by default");
await page.locator(".flame").focus();
await page.keyboard.press("ArrowDown");
const first = await page.locator(".flame g.cursor").getAttribute("name");
await page.keyboard.press("ArrowDown");
const second = await page.locator(".flame g.cursor").getAttribute("name");
ok(first && second && first !== second, `arrow keys move: ${first}, ${second}`);
await page.keyboard.press("Enter");
ok(/zoom=/.test(page.url()), "Enter zooms in");
await page.keyboard.press("Escape");
ok((await page.locator(".legend button").count()) > 0, "a legend says what the colours mean");
// A box that stands for calls in several lines names them, with their share.
await page.locator(".flame g[name=main]").first().hover();
ok(/^[\d.]+ \S*B \([\d.]+ %\)\s+main\s+leaks\.c:\d+ [\d.]+ \S+.*, leaks\.c:\d+/.test(await text(".details")), `numbers first, then the lines: ${await text(".details")}`);
await page.locator(".flame g[name=fill_cache]").first().click();
await page.waitForSelector("nav.path button");
ok(/zoom=/.test(page.url()), "zoom is in the address");
ok((await page.locator("nav.path button").count()) > 3, "zoom shows the way up");
if (shots) await page.screenshot({ path: `${shots}/flame.png` });

// Sites: order, search, stack, deep link, keys.
await open("sites");
await open("sites", "&sort=live_bytes");
const live = (await page.locator(".body .row").first().innerText()).split("\n")[0];
await page.click('[data-column="total_bytes"]');
ok(page.url().includes("sort=total_bytes"), "order is in the address");
await page.click('[data-column="total_bytes"]');
ok(page.url().includes("order=up"), "a second click turns it");
await open("sites", "&sort=live_bytes");
same((await page.locator(".body .row").first().innerText()).split("\n")[0], live, "the deep link gives the same order");
await page.fill("main input.search", "lose_list");
ok(/^2 of/.test(await text(".tools .count")), `search finds the two sites of lose_list: ${await text(".tools .count")}`);
await page.locator(".body .row").first().click();
ok(/lose_list/.test(await text(".stack")) && /main/.test(await text(".stack")), "a click shows the whole stack");
if (shots) await page.screenshot({ path: `${shots}/sites.png` });
await page.reload();
await ready("sites");
ok(/lose_list/.test(await text(".stack")), "the chosen row is in the address");
await page.locator(".body").first().press("ArrowDown");
await page.keyboard.press("3");
await ready("leaks");
ok(page.url().includes("view=leaks"), "the key 3 opens the leaks");

// Leaks: tree and ring.
const groups = await page.locator(".table").first().locator(".body .row").count();
same(groups, data.groups.length, "a row for each group of leaks");
const cycle = data.groups.findIndex((g) => g.kind === "cycle" && g.ring.size === 6);
ok(cycle >= 0, "the ring of six is there");
await open("leaks", `&row=${cycle}`);
same(await page.locator("svg.ring circle").count(), 6, "blocks in its picture");
same(await page.locator("svg.ring path.word").count(), 12, "references in its picture");
const offsets = (await page.locator("svg.ring .offset").allTextContents()).sort();
ok(offsets.every((o) => o === "next" || o === "before") && offsets.includes("next") && offsets.includes("before"), `fields of the ring: ${offsets}`);
ok((await page.locator("ul.tree li").count()) > 1, "its tree");
ok((await page.locator("ul.tree code").allTextContents()).includes("node::next"), "its tree has names of fields");

// The others.
await open("diff");
same(+(await page.getAttribute(".lead", "data-after")), diff.totals.size, "differences: new size");
same(+(await page.getAttribute(".lead", "data-after")) - +(await page.getAttribute(".lead", "data-before")), diff.totals.size_diff, "differences: change");
const rows = await page.locator(".body .row").count();
await page.uncheck("input[data-kind=new]");
ok((await page.locator(".body .row").count()) < rows, "kinds can be left out");
for (const [name, i] of [["peak_bytes", 4], ["total_bytes", 4], ["temporary", 5]]) {
	same(sum(data.diff.by[name].map((r) => r[i])), stat.totals[name], `differences of ${name}: what is now`);
	await open("diff", `&measure=${name}`);
	same(+(await page.getAttribute(".lead", "data-after")), stat.totals[name], `differences by ${name} on the page`);
	await open("flame", `&measure=difference_${name}`);
	ok(+(await page.getAttribute(".flame", "data-total")) > 0, `and as a flame graph`);
}
await open("dominators");
same(+(await page.getAttribute(".treemap", "data-total")), sum(data.live_bytes), "treemap: the whole heap");
await page.locator(".plain tbody tr").first().click();
ok((await page.locator("nav.path button").count()) === 2, "treemap: path from the root");
await open("timeline");
same(await page.locator(".plot canvas").count(), 2, "live and resident memory have plots of their own");
ok((await page.locator(".u-legend .u-label").allInnerTexts()).includes("blocks"), "live blocks are in it");
same(data.time_live_blocks.at(-1), stat.totals.live_blocks, "its last point: live blocks");
ok((await page.locator(".body .row").allInnerTexts()).some((t) => t.includes("half </script><b>")), "marks, a hostile name among them");
await open("histograms");
ok((await page.locator(".bars tr").count()) > 5, "histograms");
ok(/\d+ B – \d+ B/.test(await text(".bars")), "size classes have units");
await open("threads");
same(await page.locator(".table").last().locator(".body .row").count(), 2, "threads");
await open("details");
ok((await text("main")).includes("/leaks"), "details of the process");
ok(!/\[object|undefined|NaN/.test(await text("body")), "no raw values on the page");
await page.keyboard.press("?");
ok(await page.locator("dialog[open]").isVisible(), "? shows the keys");
await page.keyboard.press("Escape");

// On a telephone nothing is wider than the screen, and the place stands first.
await page.setViewportSize({ width: 390, height: 844 });
for (const v of ["flame", "sites", "leaks", "diff", "dominators", "timeline", "histograms", "threads", "details"]) {
	await open(v);
	const wide = await page.evaluate(() => document.documentElement.scrollWidth);
	ok(wide <= 390, `${v} is ${wide} wide on a screen of 390`);
}
await open("sites");
ok((await page.locator(".heads .place").boundingBox()).x < (await page.locator('.heads [data-column="live_bytes"]').boundingBox()).x, "the place stands first");
await page.setViewportSize({ width: 1400, height: 1000 });

// Dark, print, and a snapshot without references.
await page.emulateMedia({ colorScheme: "dark" });
await open("flame");
ok(await page.evaluate(() => getComputedStyle(document.body).backgroundColor !== "rgb(255, 255, 255)"), "dark mode");
if (shots) await page.screenshot({ path: `${shots}/dark.png` });
await page.emulateMedia({ colorScheme: "light", media: "print" });
ok(!(await page.locator(".tabs").isVisible()), "on paper there are no tabs");
await page.emulateMedia({ media: "screen" });
await page.goto(`file://${work}/bare.html`);
for (const v of ["flame", "sites", "leaks", "diff", "dominators", "timeline", "histograms", "threads", "details"]) await open(v);
await open("leaks");
ok(/not known/.test(await text("main")), "without references the page says so");
// More than a hundred thousand sites: the cards are there within a second (the best of three, on a busy machine).
let paint = Infinity, usable = Infinity;
for (let i = 0; i < 3 && paint >= 1000; i++) {
	const started = Date.now();
	await page.goto(`file://${work}/many.html`);
	await ready("flame");
	usable = Math.min(usable, Date.now() - started);
	paint = Math.min(paint, await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime));
}
ok(paint < 1000, `first paint of many sites after ${Math.round(paint)} ms`);
ok(usable < 4000, `their flame graph after ${usable} ms`);
{
	const bytes = statSync(`${work}/many.html`).size;
	ok(bytes < 5e6, `their report has ${bytes} bytes`);
}
await open("sites");
ok(+(await text(".tools .count")).replaceAll(",", "").split(" ")[0] >= 100000, `${await text(".tools .count")}`);
ok((await page.locator(".body .row").count()) < 100, "only the rows in sight are made");
// What later parts have, each in a file of its own.
const goto = async (name) => {
	await page.goto("about:blank");
	await page.goto(`file://${work}/${name}.html`);
	await page.waitForFunction(() => document.querySelector("main")?.dataset.ready);
};
// Names from the snapshot stay text: no element of theirs, no control characters, nothing that turns the text around.
const clean = async (what) => {
	const bad = await page.evaluate(() => [...document.querySelectorAll("#app img, #app b b, #app script")].length);
	same(bad, 0, `${what}: elements made from names`);
	ok(!/[\u0000-\u0008\u000b-\u001f\u007f\u202a-\u202e\u2066-\u2069]/.test(await page.evaluate(() => document.body.innerText)), `${what}: characters`);
};
for (const part of ["memory", "types", "groups", "histograms", "time", "owned", "referrers", "readers", "paper"])
	await (await import(`./${part}.mjs`)).default({ page, browser, work, ok, same, json, exists: (name) => existsSync(`${work}/${name}.json`), goto, open, ready, text, shots, clean });
same(asked.length, 0, "requests to a network");
same(trouble.length, 0, `errors on the page ${trouble.slice(0, 3).join("; ")}`);
console.log(`1..${number}`);
await browser.close();
process.exit(failed ? 1 : 0);
