// Owners: charged to the steadiest root, exact by a switch, and those that share by name.
export default async function ({ page, ok, same, exists, goto, open, text, shots }) {
	const sum = (l) => l.reduce((a, b) => a + b, 0);
	await goto("owned--wipe");
	await open("dominators");
	const d = await page.evaluate(() => { const { live_bytes, dominators, owners } = window.tidemarkData(); return { live: live_bytes, dominators, owners }; });
	same(d.owners[0][5], sum(d.live), "all live bytes are charged to somebody");
	same(d.dominators[0][5], sum(d.live), "and all are in the tree of dominators");
	same(sum(d.owners.filter((r) => r[0] === 0).map((r) => r[5])) + d.owners[0][7], sum(d.live), "owners add up");
	const main = () => page.locator("main").innerText();
	ok(/global (cache|registry)/.test(await main()) && /global alone/.test(await main()), "owners are charged with what they reach");
	ok(/98\.\d KiB \([\d.]+ %\) are held by more than one root/.test(await text(".shared")), `how much is shared: ${await text(".shared")}`);
	ok(!/--wipe/.test(await text(".shared")), "after --wipe no stale words are blamed");
	await page.click('button:text("exact dominance")');
	await page.waitForFunction(() => document.querySelector('main button[aria-pressed="true"]'));
	ok(/exact=1/.test(page.url()), "exact dominance is in the address");
	const shared = await page.locator(".plain tbody tr", { hasText: "shared by" }).first().innerText();
	ok(/shared by: .*global cache/.test(shared) && /global registry/.test(shared) && !/alone/.test(shared), `those that share are named: ${shared.replace(/\s+/g, " ")}`);
	if (shots) await page.screenshot({ path: `${shots}/owned.png` });
	await page.selectOption("select[aria-label='group neighbours by']", "function");
	await page.waitForFunction(() => /by=function/.test(location.hash));
	same(+(await page.getAttribute(".treemap", "data-total")), sum(d.live), "grouped neighbours keep the whole");
	// Fields that hold: of native blocks, and of objects of Python, whose keys and numbers are left out.
	const fields = d.owners.map((r) => r[10]);
	ok(fields.includes("alone") && fields.includes("cache"), `variables that hold blocks are named: ${fields.filter(Boolean).join(", ")}`);
	if (exists("types-objects")) {
		await goto("objects");
		await open("dominators");
		const held = await page.evaluate(() => window.tidemarkData().owners.map((r) => r[10]).filter(Boolean));
		ok(held.includes("element of list"), "elements of one list are one area");
		const variable = held.find((f) => /^dict of module [^,]*, key "/.test(f));
		ok(variable, `variables of modules are named: ${variable ?? held.join(", ")}`);
		const attribute = held.find((f) => /^attribute /.test(f));
		ok(attribute, `attributes are named: ${attribute}`);
		const row = (await page.evaluate(() => window.tidemarkData().owners)).findIndex((r) => r[10] === variable);
		const parent = await page.evaluate((i) => window.tidemarkData().owners[i][0], row);
		await page.evaluate((i) => { location.hash = location.hash.replace(/&node=[0-9]*/, "") + `&node=${i}`; }, parent);
		await page.waitForFunction((v) => document.querySelector("main .plain")?.innerText.includes(v), variable);
		ok((await page.locator(".treemap title").allTextContents()).some((t) => t.startsWith(variable)), "and lead the text of an area");
	}
	await goto("owned");
	await open("dominators");
	if (await page.locator(".shared").count()) ok(/--wipe/.test(await text(".shared")), "without it, the page says what cures stale words");
}
