// The timeline: who held memory when, and a span of it for the other views.
export default async function ({ page, ok, same, json, goto, open, text, shots }) {
	const stat = json("stat");
	const sum = (l) => l.reduce((a, b) => a + b, 0);
	await goto("report");
	await open("timeline");
	ok(/^At the peak, after /.test(await text(".lead")), await text(".lead"));
	ok(new RegExp(`^[\\d,]+ sites?, `).test(await text(".table >> xpath=.. >> .count")), "who held it");
	await page.click('button[data-kind="end"]');
	ok(/^At the snapshot/.test(await text(".lead")), "and at the snapshot");
	same(await page.locator(".detail ~ *").count() >= 0, true, "tables are drawn");
	// Blocks born after "warm".
	await page.locator(".row", { hasText: "warm" }).first().click();
	await page.click("button[data-span]");
	await page.waitForFunction(() => document.querySelector(".span-bar").textContent);
	const [from, to] = /span=(\d+)-(\d+)/.exec(page.url()).slice(1).map(Number);
	const born = await page.evaluate(([a, b]) => { const d = window.tidemarkData(); return d.thread_bytes.filter((_, i) => d.thread_period[i] >= a && d.thread_period[i] < b).reduce((x, y) => x + y, 0); }, [from, to]);
	same(born, json("stat-warm").totals.live_bytes, "bytes born since the mark as in stat --since");
	await page.click("#tab-flame");
	await page.waitForFunction(() => document.querySelector("main").dataset.ready === "flame");
	await page.selectOption("main select", "live_bytes");
	same(+(await page.getAttribute(".flame", "data-total")), born, "the flame graph shows only these");
	await page.click("#tab-sites");
	await page.waitForFunction(() => document.querySelector("main").dataset.ready === "sites");
	ok(/span=/.test(page.url()) && /born between warm/.test(await text(".span-bar")), "the span holds in all views");
	if (shots) await page.screenshot({ path: `${shots}/span.png` });
	await page.click(".span-bar button");
	await page.waitForFunction(() => !document.querySelector(".span-bar").textContent);
	await page.click("#tab-flame");
	await page.waitForFunction(() => document.querySelector("main").dataset.ready === "flame");
	same(+(await page.getAttribute(".flame", "data-total")), stat.totals.live_bytes, "and can be left again");
	// A moment in between.
	await open("timeline");
	await page.locator(".plot .u-over").first().click({ position: { x: 300, y: 60 } });
	ok(/^After .* were born before/.test(await text(".lead")), `a click asks who held memory then: ${await text(".lead")}`);
	await open("details");
	ok(/^The live heap is [<\d.]+ % of /.test(await text(".lead")), `the tracked share of the resident memory stands first: ${await text(".lead")}`);
	ok(!/birth now|flags|_bytes|_ns\b|undefined/.test(await page.locator("main").innerText()), "no raw field names");
	await open("threads");
	same(await page.locator('.head', { hasText: /^live/ }).count(), 1, "live bytes of threads are shown once");
	await page.locator(".body .row").first().click();
	await page.locator(".detail .row-link").first().click();
	await page.waitForFunction(() => document.querySelector("main").dataset.ready === "sites");
	ok(/thread=/.test(page.url()) && (await page.locator(".body .row").count()) > 0, "a thread leads to its sites");
	// Several snapshots: who held memory at each.
	const often = json("often");
	await goto("often");
	await open("timeline");
	same(await page.locator(".plot").count(), 3, "snapshots of a run --every have a plot of their own");
	const history = await page.evaluate(() => window.tidemarkData().history);
	same(history.live_bytes.join(), often.snapshots.map((s) => s.live_bytes).join(), "live bytes of each snapshot as in timeline --json");
	same(history.bytes.map((b) => b.join()).join("|"), often.sites.map((r) => r.live_bytes.join()).join("|"), "and of each site");
	const over = page.locator(".plot").nth(2).locator(".u-over");
	await over.evaluate((e) => e.scrollIntoView({ block: "center" }));
	// One in the middle, far from the peak at the end.
	const box = await over.boundingBox(),
		middle = Math.floor(often.snapshots.length / 2);
	await page.mouse.click(box.x + (box.width * often.snapshots[middle].elapsed_ns) / often.snapshots.at(-1).elapsed_ns, box.y + 100);
	const lead = page.locator("p.lead").last();
	ok(/^At the snapshot after [\d.]+ ms, .* held/.test(await lead.innerText()), `a click asks who held memory then: ${await lead.innerText()}`);
	const held = often.sites.filter((r) => r.live_bytes[middle] > 0).length;
	ok(new RegExp(`^${held} sites?, `).test(await text(".table >> xpath=.. >> .count")), `these are ${held}`);
	if (shots) await page.screenshot({ path: `${shots}/history.png`, fullPage: true });
	// A process that was not started with tidemark has no timeline, and yet a history.
	await goto("later");
	await open("timeline");
	ok(/not started with tidemark/.test(await text("main")), "snapshots of a running process: no timeline, with the reason");
	same(await page.locator(".plot").count(), 1, "but who held memory at each");
	ok(/^At the snapshot/.test(await page.locator("p.lead").last().innerText()), "and a table of it");
}
