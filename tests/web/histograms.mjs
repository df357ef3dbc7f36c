// Histograms lead to the sites of a class; a heap that was walked says what is not known; commands can be copied.
const size = (n) => { for (const u of ["B", "KiB", "MiB", "GiB"]) { if (n < 1024 || u === "GiB") return u === "B" ? `${n} B` : `${n < 10 ? n.toFixed(2) : n < 100 ? n.toFixed(1) : Math.round(n)} ${u}`; n /= 1024; } };
export default async function ({ page, ok, same, goto, open, text }) {
	const ready = (view) => page.waitForFunction((v) => document.querySelector("main").dataset.ready === v, view);
	const rows = async () => (await page.locator(".table").first().locator(".body .row").allInnerTexts()).map((r) => r.split("\n"));
	const all = (name) => page.evaluate((n) => window.tidemarkData()[n].reduce((a, b) => a + b, 0), name);
	await goto("report");
	await open("histograms");
	const links = page.locator(".bars a");
	ok((await links.count()) >= 4, "rows of live blocks and ages are links");
	// Each class of sizes: its sites have its blocks, and all classes have all blocks.
	const classes = await page.evaluate(() => window.tidemarkData().sizes.rows.filter((r) => r.live_blocks).map((r) => [r.order, r.live_blocks, r.live_bytes]));
	for (const [order, blocks, bytes] of classes) {
		await open("sites", `&size=${order}&sort=live_blocks`);
		const [n, sum] = await page.evaluate((o) => {
			const d = window.tidemarkData();
			let blocks = 0, bytes = 0;
			d.thread_size.forEach((s, i) => s === o && ((blocks += d.thread_blocks[i]), (bytes += d.thread_bytes[i])));
			return [blocks, bytes];
		}, order);
		same(n, blocks, `blocks of class ${order}`);
		same(sum, bytes, `bytes of class ${order}`);
		ok((await rows()).length > 0 && /blocks of/.test(await text(".chips")), `their sites: ${await text(".chips")}`);
	}
	same(classes.reduce((a, c) => a + c[2], 0), await all("live_bytes"), "all classes have all bytes");
	await open("histograms");
	await links.first().click();
	await ready("sites");
	ok(/size=\d+/.test(page.url()), "a click on a size leads to its sites");
	await page.click(".chips button");
	await page.waitForFunction(() => !document.querySelector(".chips button"));
	await open("histograms");
	await links.last().click();
	await ready("sites");
	ok(/span=\d+-\d+/.test(decodeURIComponent(page.url())), "a click on an age leads to its sites");
	// A thread: its sites and its flame graph have its blocks alone.
	const threads = await page.evaluate(() => {
		const d = window.tidemarkData(), sums = {};
		d.thread_of.forEach((t, i) => t >= 0 && (sums[t] = (sums[t] ?? 0) + d.thread_bytes[i]));
		return Object.entries(sums).map(([t, n]) => [`${d.info.threads[t].name} (${d.info.threads[t].tid})`, n]);
	});
	ok(threads.length > 1, "several threads made blocks");
	for (const [name, bytes] of threads) {
		await open("flame", `&thread=${encodeURIComponent(name)}`);
		same(await page.locator("select[aria-label=thread]").inputValue(), name, "the thread is chosen");
		const measures = await page.locator("select[aria-label=measure] option").allInnerTexts();
		ok(measures.join() === "live,blocks", `only live blocks have a thread: ${measures}`);
		ok((await text(".details")).startsWith(size(bytes)), `the flame graph of ${name}: ${await text(".details")}`);
	}
	await open("threads");
	await page.locator(".table").first().locator(".body .row").first().click();
	await page.locator(".detail .row-link").first().click();
	await ready("sites");
	ok(/thread=/.test(page.url()) && (await rows()).length > 0 && /thread .* \(\d+\)/.test(await text(".chips")), "a thread leads to its sites");
	// Who refers to a block is asked with a command.
	await open("sites", "&sort=live_bytes");
	await page.locator(".body .row").first().click();
	ok(/^tidemark refs \S+ \d+$/.test(await text(".ask code")), await text(".ask code"));
	await page.locator(".ask .copy").first().click();
	await page.waitForFunction(() => document.querySelector(".ask .copy").dataset.copied > 10);
	// A process that was not prepared.
	await goto("walk");
	const head = await text("header");
	for (const card of ["peak", "total"]) ok(/not known/.test(await text(`#card-${card}`)), `${card} of a walked heap: ${await text(`#card-${card}`)}`);
	ok(!/0 allocations/.test(head), "nothing unknown is shown as 0");
	await open("sites");
	ok(!/peak|total|allocations/.test(await text(".table .head, .table [role=row]")), "columns of what is not known are left out");
	await open("details");
	ok(!/allocations in all|most live bytes/.test(await text("main")), "fields of what is not known are left out");
	await open("timeline");
	ok(/not started with tidemark/.test(await text("main")), "no timeline, with the reason");
}
