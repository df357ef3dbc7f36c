// The modules of the page that have only numbers in them; prints TAP.
import { createRequire } from "node:module";
import { deepStrictEqual } from "node:assert";

const { build } = createRequire(new URL("../../report/html/web/package.json", import.meta.url))("esbuild");
let number = 0, failed = 0;
function same(a, b, what) {
	let why = "";
	try {
		deepStrictEqual(a, b);
	} catch (e) {
		why = `\n# ${e.message.replaceAll("\n", "\n# ")}`;
		failed++;
	}
	console.log(`${why ? "not ok" : "ok"} ${++number} - ${what}${why}`);
}
// A module with a page around it that has nothing but this data.
async function load(name, data) {
	globalThis.document = { getElementById: (id) => ({ type: "application/json", textContent: id === "head" ? "{}" : JSON.stringify(data ?? { node_up: [] }) }) };
	globalThis.location = { hash: "" };
	const src = (f) => new URL(`../../report/html/web/src/${f}.js`, import.meta.url).pathname;
	const { outputFiles } = await build({
		stdin: { contents: `export * from ${JSON.stringify(src(name))}; export { load as loadData } from ${JSON.stringify(src("data"))};`, resolveDir: "." },
		bundle: true, format: "esm", write: false,
	});
	const module = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}#${number}`);
	await module.loadData();
	return module;
}
const sum = (l) => l.reduce((a, b) => a + b, 0);

// Owners.
{
	const { ALL, GROUP, ROOT, SITE, below, childrenOf, labelOf, mergeSiblings, sharers } = await load("owners");
	same(labelOf("cache", "1.2 MiB", 14, 1), ["cache 1.2 MiB"], "owners: a label has its size");
	same(labelOf("global cache of this", "1.2 MiB", 18, 1), ["global ca… 1.2 MiB"], "owners: a long name gives way to the size");
	same(labelOf("global cache of this", "1.2 MiB", 18, 2), ["global cache of t…", "1.2 MiB"], "owners: and has a line of its own where there is room");
	same(labelOf("global cache", "1.2 MiB", 9, 1), ["global c…"], "owners: the size gives way where the name would be gone");
	same(labelOf("global cache", "1023.9 MiB", 8, 2), ["global …"], "owners: a size is never cut");
	// [parent, kind, what, bytes, blocks, bytes and blocks with all below, left out: bytes, blocks, rows; field, sharers]
	const rows = [
		[-1, ALL, 0, 0, 0, 1000, 100, 0, 0, 0],
		[0, ROOT, ["global", "cache"], 0, 0, 600, 60, 0, 0, 0],
		[0, SITE, 7, 300, 30, 300, 30, 0, 0, 0, null, "0x5"],
		[0, SITE, 8, 100, 10, 100, 10, 0, 0, 0, null, "0x8000000000000002"],
		[1, SITE, 7, 200, 20, 500, 50, 100, 10, 4, "items"],
		[1, SITE, 9, 100, 10, 100, 10, 0, 0, 0, "items"],
		[4, SITE, 8, 200, 20, 200, 20, 0, 0, 0],
	];
	const before = JSON.stringify(rows);
	same(mergeSiblings(rows, null), rows, "owners: without a key the rows stay");
	const odd = (row) => row % 2;
	const merged = mergeSiblings(rows, odd, (kind, key) => `${kind}:${key}`);
	same(JSON.stringify(rows), before, "owners: what is merged is a copy");
	same(merged.length, 6, "owners: siblings of one key are one row, and only siblings");
	same(merged.map((r) => r.label), [undefined, undefined, `${SITE}:1`, `${SITE}:0`, `${SITE}:1`, `${SITE}:0`], "owners: merged rows have labels, roots have not");
	same(merged[4].slice(3, 10), [300, 30, 600, 60, 100, 10, 4], "owners: all sums of siblings are added up");
	same([merged[4][10], merged[2][10]], ["items", null], "owners: a field that all siblings are in stays");
	same(merged[5][0], 4, "owners: children belong to the merged parent");
	const one = mergeSiblings(rows, () => "", () => "all");
	same(one.find((r) => r[0] === 0 && r[1] === SITE)[11], "0x8000000000000007", "owners: those that share are shared by all of them, beyond 53 bits");
	for (const list of [rows, merged, one]) {
		const child = childrenOf(list);
		same(sum(child.map((c) => c.length)), list.length - 1, "owners: each row but the first is a child");
		same(list.every((r, i) => r[3] + r[7] + sum(child[i].map((c) => list[c][5])) === r[5]), true, "owners: a row is its own, what is left out, and its children");
		const leaves = (d) => (d.children ? d.children.flatMap(leaves) : [d.value]);
		for (let levels = 1; levels < 5; levels++) same(sum(leaves(below(list, child, 0, levels))), 1000, `owners: what is drawn of ${levels} levels adds up`);
	}
	const child = childrenOf(rows);
	same(below(rows, child, 1, 1), { i: 1, children: [{ i: 4, value: 500 }, { i: 5, value: 100 }] }, "owners: one level");
	same(below(rows, child, 4, 1).children.slice(1), [{ i: 4, value: 200, own: true }, { i: 4, value: 100, rest: 4 }], "owners: own blocks and what is left out are leaves");
	const chain = [[-1, ALL, 0, 0, 0, 100, 1, 0, 0, 0], [0, ROOT, ["", "a"], 0, 0, 99, 1, 0, 0, 0], [0, ROOT, ["", "b"], 1, 1, 1, 1, 0, 0, 0], [1, SITE, 1, 0, 0, 98, 1, 0, 0, 0], [1, SITE, 1, 1, 0, 1, 1, 0, 0, 0], [3, SITE, 1, 98, 1, 98, 1, 0, 0, 0]];
	same(below(chain, childrenOf(chain), 0, 1).children[0].children[0].children, [{ i: 5, value: 98 }], "owners: a chain ends with its last block");
	same(below(chain, childrenOf(chain), 0, 1).children[0].children.length, 2, "owners: a child that has nearly all costs no level");
	const names = ["a", "b", "c", "d", "e", "f"];
	same(sharers(undefined, names), [], "owners: what one root has is not shared");
	same(sharers("0x5", names), ["a", "c"], "owners: names of a mask");
	same(sharers("0x800000000000003f", names), ["a", "b", "c", "d", "2 more", "others"], "owners: many names, and those without a bit");
}

// The map of the heaps.
{
	const { addressesOf, cellAt, cellsOf, fill, stepTo, stripsOf } = await load("heap_map");
	const map = { cell: 4096, strips: [[0, 3, "0x7fffffffffff0000", 100], [0, 2, "0x1000", 50], [-1, 1, "0x9000", 400], [2, 1, "0xa000", 20], [-1, 2, "0xb000", 600]] };
	const strips = stripsOf(map);
	same(strips.map((s) => [s.arena, s.bytes]), [[-1, 1000], [0, 150], [2, 20]], "map: parts of one arena are one strip, other allocators are one, the largest is first");
	same(strips.flatMap(cellsOf).sort((a, b) => a - b), [0, 1, 2, 3, 4, 5, 6, 7, 8], "map: each cell is in one strip");
	same(cellsOf(strips[0]), [5, 7, 8], "map: cells of arenas that are apart");
	const address = addressesOf(strips, map.cell);
	same(address.get(1).toString(16), "7fffffffffff1000", "map: addresses are exact beyond 53 bits");
	same([...address.keys()].length, 9, "map: each cell has an address");
	same([fill(0, 4096, 4096), fill(2048, 4096, 4096), fill(4096, 2048, 4096), fill(100, 100, 4096)], [0, 0.5, 1, 1], "map: live bytes of what is resident");
	same(stripsOf({ cell: 1, strips: [] }), [], "map: no heap");
	const cells = [10, 11, 12, 13, 14];
	same([cellAt(cells, 3, 10, 0, 0), cellAt(cells, 3, 10, 29, 9), cellAt(cells, 3, 10, 15, 10)], [10, 12, 14], "map: the cell under a point");
	same([cellAt(cells, 3, 10, 30, 0), cellAt(cells, 3, 10, 29, 10), cellAt(cells, 3, 10, 0, 20), cellAt(cells, 3, 10, -1, 0)], [undefined, undefined, undefined, undefined], "map: none beside the cells");
	same(["ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp", "Home", "End"].map((k) => stepTo(cells, 11, 3, k)), [12, 10, 14, 10, 10, 14], "map: keys");
	same([stepTo(cells, 14, 3, "ArrowDown"), stepTo(cells, 10, 3, "ArrowLeft"), stepTo(cells, -1, 3, "ArrowRight"), stepTo(cells, 10, 3, "x")], [14, 10, 10, undefined], "map: keys at its ends");
}

// Referrers.
{
	const { referrersOf } = await load("referrers", {
		node_up: [], text: ["", "Session::next_"], referrer_roots: [["global", "cache"], ["stack", "stack of thread 1"]],
		referrers: [[3, 12, 9, [4, 6, 1], [3, 3, -1], [-1, 2, -1], [-2, 1, -1]]],
	});
	same(referrersOf(4), undefined, "referrers: of a row that has none");
	const { words, all, list } = referrersOf(3);
	same([words, all], [12, 9], "referrers: how many, drawn or not");
	same(list.map((r) => [r.row, r.root, r.words, r.field]), [[4, "", 6, "Session::next_"], [3, "", 3, ""], [-1, "global cache", 2, ""], [-1, "stack of thread 1", 1, ""]], "referrers: sites, roots and fields");
}

console.log(`1..${number}`);
process.exit(failed ? 1 : 0);
