// The view of types: the figures of `types --json`.
export default async function ({ page, ok, same, json, exists, goto, open, text, shots, clean }) {
	const rowsOf = (id) => page.locator(`[data-table="${id}"] .body .row`);
	{
		const { native } = json("types-classes");
		await goto("classes");
		await open("sites");
		const rows = await page.locator(".body .row .place").allInnerTexts();
		for (const did of ["map", "vector"])
			ok(rows.some((r) => new RegExp(`^main .*classes\\.cpp:\\d+ · std::${did}\\S*::`).test(r)), `a row says what a std::${did} did for main: ${rows.slice(0, 6).join(" | ")}`);
		await open("types");
		const n = (await page.evaluate(() => window.tidemarkData())).types.native;
		same([n.blocks, n.bytes, n.typed_blocks, n.typed_bytes].join(" "), ["blocks", "bytes", "typed_blocks", "typed_bytes"].map((k) => native.coverage[k]).join(" "), "types: coverage of native blocks");
		same(JSON.stringify(n.rows.map((r) => r.slice(0, 6))), JSON.stringify(native.types.map((t) => [t.type, t.language, t.blocks, t.bytes, t.retained_bytes, t.lost_blocks])), "types: native rows");
		same(await rowsOf("native").count(), native.types.length, "a row for each type");
		await page.locator('[data-table="native"] .body .row', { hasText: "Circle" }).first().click();
		ok(/classes\.cpp/.test(await text('[data-table="native"] .stack')), "a row shows who made its blocks");
		ok(/lost/.test(await text('[data-table="native"] .detail')), "and that some are lost");
		if (shots) await page.screenshot({ path: `${shots}/types.png`, fullPage: true });
		await page.locator('[data-table="native"] .sites-list a').first().click();
		await page.waitForFunction(() => document.querySelector("main").dataset.ready === "sites");
		ok(/Circle/.test(await text(".row[aria-selected=true]")), "a click leads to the site, which names the type");
		await open("leaks");
		ok(/Circle/.test(await text(".body .row")), "leaks name the type");
		await open("dominators");
		ok(/Circle|Square/.test(await page.locator("main").innerText()), "owners name the type");
	}
	if (!exists("types-objects")) return;
	const t = json("types-objects");
	await goto("objects");
	await open("types");
	const p = (await page.evaluate(() => window.tidemarkData())).types.python;
	await open("flame");
	const boxes = async () => (await page.locator(".flame g title").allTextContents()).concat(await page.locator(".flame g").allTextContents()).join("\n");
	ok(/<module> objects\.py/.test(await boxes()) && !/_find_and_load/.test(await boxes()), "the flame graph names the files of modules, and leaves the import system out");
	await page.click("text=library frames");
	ok(/_find_and_load/.test(await boxes()), "library frames shows it");
	await page.click("text=library frames");
	await open("types");
	if (!t.python || !t.types) return ok(p === undefined || p.rows === undefined, "types: no Python objects on either side");
	same(
		JSON.stringify(p.rows.map((r) => [r.type, r.live, r.bytes, r.native_bytes, r.native_blocks, r.excess_objects, r.excess_references, r.unreachable, r.awaiting, r.pinned, r.verdict])),
		JSON.stringify(t.types.map((r) => [r.type, r.live, r.bytes, r.native_bytes, r.native_blocks, r.excess_objects, r.excess_references, r.unreachable, r.awaiting_gc_objects, r.pinned_objects, r.verdict])),
		"types: rows of Python as in types",
	);
	same(p.refleak_references, t.refleaks.references, "lost references");
	same(p.awaiting.objects, t.cycles.awaiting_gc.objects, "garbage");
	same(JSON.stringify(p.strings.duplicates.slice(0, 10).map((s) => s[3])), JSON.stringify(t.strings.duplicates.slice(0, 10).map((s) => s.wasted_bytes)), "strings");
	ok(/Leaked/.test(await text(".body .row")), `the type with lost references stands first: ${await text(".body .row")}`);
	await page.locator(".body .row").first().click();
	ok(/40 objects have 40 more references/.test(await text(".detail")), "how many were lost");
	ok(/lose/.test(await text(".detail .sites-list")) && /objects\.py/.test(await text(".detail .stack")), `and by whom, in Python: ${await text(".detail .sites-list")}`);
	const connection = page.locator(".body .row", { hasText: "sqlite3.Connection" }).first();
	ok(/\d KiB.*\d KiB/s.test(await connection.innerText()), `a row says how much of its bytes is native memory: ${await connection.innerText()}`);
	await connection.click();
	ok(/KiB of it are native memory, in [\d,]+ blocks/.test(await text(".detail")), "and its detail in how many blocks");
	ok(/in native blocks outside objects of Python have a known type/.test(await text('[data-table="native"]')), "native blocks are those of no object");
	ok((await page.locator("main").innerText()).includes("</script><img src=x onerror=alert(1)>"), "a hostile name is shown as it is");
	await clean("hostile types and strings are data");
	if (shots) await page.screenshot({ path: `${shots}/python.png`, fullPage: true });
	if (exists("types-grown")) {
		const grown = json("types-grown");
		await goto("grown");
		await open("types");
		const { rows } = (await page.evaluate(() => window.tidemarkData())).types.python,
			most = rows.reduce((a, r) => (r.bytes_diff > a.bytes_diff ? r : a));
		same(JSON.stringify(rows.map((r) => [r.type, r.live_diff, r.bytes_diff])), JSON.stringify(grown.types.map((r) => [r.type, r.live_diff, r.bytes_diff])), "types: growth as in types");
		ok(most.type === "Request" && most.verdict === "none", `what grows most is not what is wrong: ${most.type}`);
		const shown = await page.locator(".body").first().locator(".row .place").allInnerTexts();
		ok(shown[0] === `__main__.${most.type}`, `with an older snapshot the type that has grown most comes first: ${shown.slice(0, 5).join(", ")}`);
		if (shots) await page.screenshot({ path: `${shots}/grown.png` });
		await page.click('[data-column="verdict"]');
		ok(/Leaked/.test(await text(".body .row")), "and a click sorts by verdict");
		ok(/sort=verdict/.test(page.url()), "which the address keeps");
		await goto("objects");
	}
	await open("flame", "&q=objects.py");
	ok(/^\d+ functions? at/.test(await text(".tools span[role=status]")), "the flame graph finds Python files");
}
