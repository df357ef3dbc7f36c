// Who refers to the blocks of a site: the words of `refs --json`, and a way to each referrer.
export default async function ({ page, ok, same, json, goto, open, text, shots }) {
	const words = new Map();
	for (const r of json("refs").records) words.set(r.site, (words.get(r.site) ?? 0) + r.found.roots + r.found.blocks);
	await goto("report");
	const d = await page.evaluate(() => { const { referrers, referrer_roots, row_site, row_flags } = window.tidemarkData(); return { referrers, referrer_roots, row_site, row_flags }; });
	const mine = new Map(d.referrers.map((r) => [d.row_site[r[0]], r]));
	ok(words.size > 8 && [...words.values()].some((n) => n), "make_node has blocks that are referred to");
	same([...words].filter(([site, n]) => (mine.get(site)?.[1] ?? 0) !== n).length, 0, "words that refer to each site as in refs");
	same(d.referrers.filter((r) => r[2] <= 8 && r.slice(3).reduce((a, x) => a + x[1], 0) !== r[1]).length, 0, "referrers add up to the words");
	same(d.referrers.filter((r) => r.slice(3).some(([from]) => from < 0 ? !d.referrer_roots[-1 - from] : d.row_flags[from] & 1)).length, 0, "each is a root or a site of this snapshot");
	// In the table, among the leaks, and among the owners.
	const [row, , , ...list] = d.referrers.find((r) => words.get(d.row_site[r[0]]) && r.slice(3).some((x) => x[0] >= 0));
	await open("sites", `&row=${row}`);
	same(await page.locator(".referrers li").count(), list.length, "a site names its referrers");
	await page.locator(".referrers a").first().click();
	await page.waitForFunction((r) => new URLSearchParams(location.hash.slice(1)).get("row") === String(r), list.find((x) => x[0] >= 0)[0]);
	ok(true, "a referrer leads to its site");
	await open("leaks");
	ok((await page.locator(".referrers li").count()) > 0, `a leak has them, too: ${await text(".referrers")}`);
	const { owners } = await page.evaluate(() => window.tidemarkData());
	await open("dominators", `&node=${owners.findIndex((r) => r[1] === 4 && mine.has(d.row_site[r[2]]))}`);
	ok(/^\d[\d,]* words? of /.test(await text(".referrers li")), `and an owner: ${await text(".referrers li")}`);
	if (shots) await page.screenshot({ path: `${shots}/referrers.png` });
	await goto("bare");
	await open("sites", "&row=0");
	same(await page.locator(".referrers").count(), 0, "without references nothing is said of them");
}
