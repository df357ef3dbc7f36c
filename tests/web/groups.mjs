// Sites and leaks by function, file, line, module and thread; lines of source; copy and share.
export default async function ({ page, ok, same, json, goto, open, text, shots }) {
	const stat = json("stat");
	await goto("report");
	const data = await page.evaluate(() => { const d = window.tidemarkData(); return { live: d.live_bytes, thread_bytes: d.thread_bytes, lost: d.lost_bytes }; });
	const sum = (l) => l.reduce((a, b) => a + b, 0);
	const groupsOf = () => page.locator(".table").first().locator(".body .row");
	for (const by of ["function", "file", "line", "module"]) {
		const wanted = json(`stat-${by}`).records.filter((r) => r.live_bytes);
		await open("sites", `&by=${by}&sort=live_bytes`);
		same(await page.locator("select[aria-label='group by']").inputValue(), by, `sites are grouped by ${by}`);
		const first = (await groupsOf().first().innerText()).split("\n")[0];
		ok(first.length > 1 && (await groupsOf().count()) >= Math.min(2, wanted.length), `the largest ${by} has ${first}`);
	}
	await open("sites", "&by=function&sort=live_bytes");
	await page.locator(".body .row", { hasText: "make_node" }).first().click();
	const wanted = stat.records.filter((r) => r.stack.some((f) => f.function === "make_node"));
	const lines = await page.locator(".listing tr[data-line]").evaluateAll((l) => l.map((e) => ({ ...e.dataset, text: e.lastChild.textContent })));
	ok(lines.some((l) => /strdup\(name\)/.test(l.text) && +l.all > 0), "the source of the function is beside its bytes");
	const at = lines.find((l) => /strdup\(name\)/.test(l.text));
	same(+at?.all, sum(wanted.filter((r) => r.stack.some((f) => f.function === "make_node" && f.line === +at.line)).map((r) => r.live_bytes)), "bytes of the line are those of its sites");
	await page.locator(".detail .row-link").first().click();
	// The view is the same, so that only what it chooses shows that it was drawn again.
	await page.waitForFunction(() => document.querySelector(".chips button"));
	ok(/function=make_node/.test(page.url()) && (await page.locator(".chips button").count()) === 1, "all sites of a function are a click away");
	await page.click(".chips button");
	await page.waitForFunction(() => !document.querySelector(".chips button"));
	if (data.thread_bytes) {
		await open("sites", "&by=thread");
		same(sum(data.thread_bytes), sum(data.live), "bytes by thread are the live bytes");
		ok((await groupsOf().count()) >= 1, "threads are groups");
	}
	await open("leaks", "&by=function");
	ok((await groupsOf().count()) >= 1 && /make_node/.test(await page.locator("main").innerText()), "leaks are grouped by function");
	if (shots) await page.screenshot({ path: `${shots}/leaks-by-function.png`, fullPage: true });
	// Copy: every row, with its columns.
	await open("sites", "&q=lose_list");
	await page.context().grantPermissions(["clipboard-read", "clipboard-write"]).catch(() => {});
	await page.locator(".copy").first().click();
	await page.waitForFunction(() => document.querySelector(".copy").dataset.copied > 20);
	ok(true, "rows can be copied");
	// A tab is as it was left.
	await page.click("#tab-leaks");
	await page.waitForFunction(() => document.querySelector("main").dataset.ready === "leaks");
	await page.click("#tab-sites");
	await page.waitForFunction(() => document.querySelector("main").dataset.ready === "sites");
	same(await page.locator("main input.search").inputValue(), "lose_list", "a tab keeps its search");
	await goto("fragments");
	await open("sites", "&by=function");
	await page.locator(".body .row").first().click();
	ok(/--with-source/.test(await text(".source")) && (await page.locator(".listing code:not(:empty)").count()) === 0, "without --with-source no text of a source file is in the report");
}
