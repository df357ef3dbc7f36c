// Paper, keyboards and screen readers.
import { readFileSync } from "node:fs";

const VIEWS = ["flame", "sites", "leaks", "diff", "dominators", "memory", "types", "timeline", "histograms", "threads", "details"];

export default async function ({ page, ok, same, goto, open, text, shots }) {
	// European paper without margins at 96 dots an inch: nothing is cut off at the right.
	await goto("report");
	await page.setViewportSize({ width: 794, height: 1123 });
	for (const view of VIEWS) {
		await open(view);
		await page.emulateMedia({ media: "print" });
		await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
		await page.waitForTimeout(50);
		const cut = await page.evaluate(() => {
			const out = [];
			for (const e of document.querySelectorAll("main *, header *")) {
				if (!(e instanceof HTMLElement || e.tagName === "svg" || e.tagName === "rect")) continue;
				const b = e.getBoundingClientRect();
				if (b.width && b.height && b.right > 794 + 1) out.push(`${e.tagName}.${e.className?.baseVal ?? e.className} ${Math.round(b.right)}`);
			}
			return out;
		});
		if (view === "sites") same(await page.locator(".body .row").count(), 500, "a long table has its first rows on paper");
		same(cut.length, 0, `${view} fits on paper ${cut.slice(0, 3).join(" | ")}`);
		await page.evaluate(() => dispatchEvent(new Event("afterprint")));
		await page.emulateMedia({ media: "screen" });
	}
	await page.setViewportSize({ width: 1400, height: 1000 });

	// What every reader needs: names, roles that fit, contrast.
	const axe = (() => {
		try {
			return readFileSync(new URL("../viewers/node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
		} catch {
			return null;
		}
	})();
	for (const scheme of ["light", "dark"]) {
		await page.emulateMedia({ colorScheme: scheme });
		await goto("report");
		for (const view of VIEWS) {
			await open(view);
			if (axe) {
				await page.evaluate(axe);
				const found = await page.evaluate(async () => (await window.axe.run(document, { resultTypes: ["violations"] })).violations.filter((v) => ["serious", "critical"].includes(v.impact)).map((v) => `${v.id}: ${v.nodes.slice(0, 2).map((n) => n.target.join(" ") + " " + (n.any[0]?.message ?? "")).join("; ")}`));
				same(found.length, 0, `axe finds nothing serious in ${view}, ${scheme} ${found.join(" | ")}`);
			}
			const unnamed = await page.evaluate(() => [...document.querySelectorAll("button, select, input, a, [role=img], [role=application], canvas[tabindex]")].filter((e) => !(e.getAttribute("aria-label") || e.labels?.length || e.textContent.trim() || e.title)).map((e) => e.outerHTML.slice(0, 80)));
			same(unnamed.length, 0, `everything in ${view} that can be reached has a name ${unnamed.join(" | ")}`);
		}
	}
	await page.emulateMedia({ colorScheme: "light" });
	// By keyboard alone: the first stop skips to the view.
	await goto("report");
	await page.keyboard.press("Tab");
	same(await page.evaluate(() => document.activeElement.textContent), "Skip to the view", "the first stop of the keyboard leads to the view");
	await page.keyboard.press("Enter");
	same(await page.evaluate(() => document.activeElement.id), "view", "and takes the focus there");
	ok(await page.evaluate(() => document.querySelector("main").dataset.ready === "flame"), "the view stays");
	await open("sites");
	await page.locator(".body").first().focus();
	await page.keyboard.press("ArrowDown");
	same(await page.locator(".row[aria-selected=true]").count(), 1, "rows are chosen by keys");
	await open("dominators");
	await page.locator(".plain tbody tr").first().focus();
	await page.keyboard.press("Enter");
	ok(/node=/.test(page.url()), "owners are opened by keys");
}
