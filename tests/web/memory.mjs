// The view of resident memory: the figures of `waste --json`, to the byte.
export default async function ({ page, ok, same, json, exists, goto, open, text, shots, clean }) {
	const waste = json("waste");
	await goto("fragments");
	await open("memory");
	const data = await page.evaluate(() => window.tidemarkData());
	const m = data.memory;
	same(m.resident, waste.resident.bytes, "memory: resident bytes");
	for (const p of waste.resident.parts) {
		const mine = m.parts.find((q) => q[0] === p.part);
		same(mine?.slice(2).join(" "), [p.resident_bytes, p.swapped_bytes, p.virtual_bytes].join(" "), `memory: ${p.part} as in waste`);
	}
	const shown = await page.locator("table.parts [data-part]").evaluateAll((rows) => rows.map((r) => [r.dataset.part, +r.dataset.bytes]));
	same(shown.filter(([p]) => p !== "all").reduce((a, [, n]) => a + n, 0), waste.resident.bytes, "the parts on the page add up");
	const widths = await page.locator(".parts-bar .piece").evaluateAll((l) => l.map((e) => e.getBoundingClientRect().width));
	ok(widths.length > 4 && Math.abs(widths.reduce((a, b) => a + b, 0) - (await page.locator(".parts-bar").boundingBox()).width) < 2, "they fill one bar");
	const rows = (name, list, of) => {
		same(m[name].rows.length, list.length, `memory: as many rows of ${name} as in waste`);
		same(JSON.stringify(m[name].rows.map((r) => of.map((i) => r[i]))), JSON.stringify(list.map((r) => of.names.map((k) => (typeof r[k] === "string" ? r[k].replace("\u202e", "\\u{202e}") : r[k])))), `memory: figures of ${name}`);
	};
	const columns = (indexes, names) => Object.assign(indexes, { names });
	rows("pins", waste.pins, columns([1, 2, 4, 5, 6, 3], ["blocks", "bytes", "pinned_bytes", "pinned_free_bytes", "pinned_top_bytes", "oldest"]));
	rows("slack", waste.slack, columns([1, 2, 4], ["blocks", "requested_bytes", "slack_bytes"]));
	rows("untouched", waste.untouched, columns([1, 2, 4, 5], ["blocks", "bytes", "untouched_bytes", "untouched_blocks"]));
	rows("duplicates", waste.duplicates, columns([1, 2, 3], ["copies", "block_bytes", "wasted_bytes"]));
	same(JSON.stringify(m.arenas.map((a) => [a.bytes, a.live, a.free, a.free_resident, a.returnable, a.top])), JSON.stringify(waste.arenas.map((a) => [a.bytes, a.live_bytes, a.free_bytes, a.free_resident_bytes, a.returnable_bytes, a.top_bytes])), "memory: arenas");
	ok(waste.pins.length && waste.slack.length && waste.untouched.length && waste.duplicates.length && waste.arenas.length > 1, "the program has all of them");
	same((await page.locator(".causes li").count()), waste.causes.length, "a sentence for each cause");
	same(await page.locator('[data-table="pin"] .body .row').count(), waste.pins.length, "a row for each pin");

	// The map: what is live in it is what the arenas have.
	const sum = (l) => l.reduce((a, b) => a + b, 0);
	same(sum(m.map.live), sum(waste.arenas.map((a) => a.live_bytes)), "live bytes of the map's cells are those of the arenas");
	same(sum(m.map.strips.map((s) => s[1])), m.map.live.length, "each cell is in a strip");
	ok(m.map.live.length <= 4096 + m.map.strips.length, "not more cells than can be drawn");
	await page.locator(".strip canvas").first().focus();
	await page.keyboard.press("End");
	await page.keyboard.press("Home");
	ok(/resident/.test(await text(".map-told")), `a cell says what is on it: ${await text(".map-told")}`);
	await page.locator(".strip canvas").last().hover({ position: { x: 4, y: 4 } });
	ok(/insert/.test(await text(".map-told")), `the site that holds the cell: ${await text(".map-told")}`);
	await page.click(".map button");
	ok(/map=site/.test(page.url()), "colours by site are in the address");
	if (shots) await page.screenshot({ path: `${shots}/memory.png`, fullPage: true });
	await page.locator('[data-table="pin"] .body .row').first().click();
	ok(/strdup|main/.test(await text('[data-table="pin"] .stack')), "a row shows its stack");
	ok(/pin\.row=/.test(page.url()), "each table has its own place in the address");
	await page.locator('[data-table="pin"] .row-link').first().click();
	await page.waitForFunction(() => document.querySelector("main").dataset.ready === "sites");
	same(await page.locator(".row[aria-selected=true]").count(), 1, "it leads to the site");
	await clean("names of threads and marks are data in the memory view");

	if (exists("waste-objects")) {
		const { oversized, python } = json("waste-objects");
		await goto("objects");
		await open("memory");
		const { oversized: spare, pools } = (await page.evaluate(() => window.tidemarkData())).memory;
		same(JSON.stringify(spare.rows.map((r) => r.slice(1))), JSON.stringify(oversized.map((r) => [r.blocks, r.bytes, r.used_bytes, r.container])), "memory: capacity not used as in waste");
		same(JSON.stringify(pools.steps.filter((s) => s[0])), JSON.stringify(python.arenas.filter((s) => s.arenas).map((s) => [s.arenas, s.bytes, s.used_bytes])), "memory: arenas of Python by how full they are");
		same(JSON.stringify(pools.rows.map((r) => r.slice(1))), JSON.stringify(python.pins.slice(0, pools.rows.length).map((r) => [r.blocks, r.arenas, r.free_bytes, r.type ?? "(no object)"])), "memory: what keeps arenas of Python");
		ok(oversized[0].container === "dict" && pools.rows.length > 1, "the program has both");
		ok(/dict/.test(await text('[data-table="spare"] .body .row')), "a row names the container");
		ok(/% full/.test(await text('[data-table="pool"] .steps')), "a line says how full the arenas are");
		// Which arenas are less than half full depends on what Python's site module imports.
		const all = python.pins.length, kept = pools.rows.length;
		ok(kept === Math.min(all, 1000), "rows of pools are those of waste, but for the smallest of many");
		same(await page.locator('[data-table="pool"] .count').first().innerText(), `${kept.toLocaleString("en")} rows${kept < all ? `, the largest of ${all.toLocaleString("en")}` : ""} in arenas that are less than half full`, "rows of pools");
		await page.locator('[data-table="spare"] .body .row').first().click();
		ok(/module/.test(await text('[data-table="spare"] .stack')), "a row shows its stack");
		if (shots) await page.screenshot({ path: `${shots}/pools.png`, fullPage: true });
	}

	await goto("bare");
	// An empty table shows its sentence whole.
	await open("sites", "&q=nothing-of-this-name");
	const [box, said] = [await page.locator(".body").first().boundingBox(), await page.locator(".body .empty").first().boundingBox()];
	ok(said.y >= box.y && said.y + said.height <= box.y + box.height + 1, "an empty table does not clip its text");
	await open("memory");
	ok(/cannot be said|counters|image/.test(await text("main .empty")), "without references the page says why it has no map of memory");
}
