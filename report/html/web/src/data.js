// The numbers that the command wrote into the page.
const parse = (id) => JSON.parse(document.getElementById(id).textContent);
export const head = parse("head");

// Callers are written as the distance to them.
function prepare(d) {
	d.node_caller = Int32Array.from(d.node_up, (up, i) => (up ? i - up + 1 : 0));
	return d;
}
let cache = null;
// After the cards were painted.
export async function load() {
	const element = document.getElementById("data");
	if (element.type === "application/json") cache = prepare(parse("data"));
	else {
		if (!globalThis.DecompressionStream) throw new Error("this browser is too old to unpack the report; one of 2023 or later can");
		const packed = atob(element.textContent),
			bytes = new Uint8Array(packed.length);
		for (let i = 0; i < bytes.length; i++) bytes[i] = packed.charCodeAt(i);
		const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
		cache = prepare(JSON.parse(await new Response(unpacked).text()));
	}
	// The text is not needed any more.
	element.textContent = "";
}
export const data = () => cache;

// For tests, and for the console of the browser.
globalThis.tidemarkData = data;

export const measures = [
	["live_bytes", "live", true],
	["peak_bytes", "at peak", true],
	["total_bytes", "total", true],
	["live_blocks", "blocks", false],
	["total_blocks", "allocations", false],
	["temporary", "temporary", false],
	["lost_bytes", "lost", true],
	["retained_bytes", "retained", true],
].map(([name, label, bytes]) => ({ name, label, bytes }));

// Live blocks that were born in some periods of the run only (between marks), have a size of some class, or were made by
// some threads (a set of their numbers), where the address says so.
let span = null,
	narrow = false;
// Is an entry of the columns thread_* one of them?
export let counts = () => true;
export function setSpan(periods, size, threads) {
	const [from, to] = periods ?? [0, Infinity];
	span = null;
	counts = () => true;
	narrow = (size !== null || threads !== null) && cache.thread_row !== undefined;
	if ((!periods && !narrow) || !cache.thread_row) return;
	counts = (i) => cache.thread_period[i] >= from && cache.thread_period[i] < to && (size === null || cache.thread_size[i] === size) && (threads === null || threads.has(cache.thread_of[i]));
	span = { live_bytes: new Float64Array(cache.row_site.length), live_blocks: new Float64Array(cache.row_site.length) };
	cache.thread_row.forEach((r, i) => {
		if (!counts(i)) return;
		span.live_bytes[r] += cache.thread_bytes[i];
		span.live_blocks[r] += cache.thread_blocks[i];
	});
}
const column = (name) => span?.[name] ?? cache[name];

// undefined: not known in this snapshot or for this selection. An empty column is all zeros.
// Of the blocks of a size or a thread nothing else is known.
export const narrowed = () => narrow;
export const known = (name) => data()[name] !== undefined && (!narrow || name.startsWith("live_"));
export const value = (name, row) => column(name)?.[row] ?? 0;
export function sum(name) {
	let all = 0;
	for (const n of column(name) ?? []) all += n;
	return all;
}

// A program that has freed nearly everything still has a peak worth looking at.
export const pastItsPeak = () => known("peak_bytes") && sum("live_bytes") < sum("peak_bytes") / 4;
export const favourite = () => (span || (known("live_bytes") && !pastItsPeak()) ? "live_bytes" : "peak_bytes");
