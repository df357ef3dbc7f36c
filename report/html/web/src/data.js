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

// undefined: not known in this snapshot or for this selection. An empty column is all zeros.
export const known = (name) => data()[name] !== undefined;
export const value = (name, row) => data()[name]?.[row] ?? 0;
export function sum(name) {
	let all = 0;
	for (const n of data()[name] ?? []) all += n;
	return all;
}

// A program that has freed nearly everything still has a peak worth looking at.
export const pastItsPeak = () => known("peak_bytes") && sum("live_bytes") < sum("peak_bytes") / 4;
export const favourite = () => (pastItsPeak() || !known("live_bytes") ? "peak_bytes" : "live_bytes");
