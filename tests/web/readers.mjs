// Screen readers: axe finds nothing in any view, by day or by night.
import { readFileSync } from "node:fs";

export default async function ({ page, same, exists, goto, open }) {
	const axe = readFileSync(new URL("../../report/html/web/node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
	for (const name of ["report", "objects", "fragments", "often", "walk", "bare"]) {
		if (name === "objects" && !exists("types-objects")) continue;
		await goto(name);
		await page.evaluate(axe);
		const views = await page.evaluate(() => [...document.querySelectorAll(".tabs a")].map((a) => new URLSearchParams(a.hash.slice(1)).get("view")));
		for (const colorScheme of name === "report" ? ["light", "dark"] : ["light"]) {
			await page.emulateMedia({ colorScheme });
			for (const view of views) {
				await open(view);
				const found = await page.evaluate(async () =>
					(await window.axe.run()).violations.map((v) => `${v.impact} ${v.id}: ${v.nodes[0].html.slice(0, 120)}`),
				);
				same(found.join("; "), "", `axe on ${name}, ${view}, ${colorScheme}`);
			}
		}
	}
	await page.emulateMedia({ colorScheme: "light" });
}
