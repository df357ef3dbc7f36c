// The map of the heaps as numbers, apart from how it is drawn.

// map.strips has [arena, cells, address, bytes]; those of one arena that follow each other are one strip, and all arenas of
// other allocators are one. A strip: {arena, parts: [[first cell, cells, address]], bytes}.
export function stripsOf(map) {
	const strips = [];
	let at = 0;
	for (const [arena, cells, address, bytes] of map.strips) {
		const last = strips.at(-1);
		if (last && last.arena === arena && arena >= 0) last.parts.push([at, cells, address]);
		else strips.push({ arena, parts: [[at, cells, address]], bytes: 0 });
		strips.at(-1).bytes += bytes;
		at += cells;
	}
	const foreign = strips.filter((s) => s.arena < 0),
		drawn = strips.filter((s) => s.arena >= 0);
	if (foreign.length)
		drawn.push({ arena: -1, parts: foreign.flatMap((s) => s.parts), bytes: foreign.reduce((a, s) => a + s.bytes, 0) });
	return drawn.sort((a, b) => b.bytes - a.bytes);
}

export const cellsOf = (strip) => strip.parts.flatMap(([first, n]) => Array.from({ length: n }, (_, i) => first + i));

// The address of each cell: beyond 2^53 numbers would not be exact.
export function addressesOf(strips, size) {
	const of = new Map();
	for (const s of strips)
		for (const [first, cells, address] of s.parts)
			for (let k = 0; k < cells; k++) of.set(first + k, BigInt(address) + BigInt(k) * BigInt(size));
	return of;
}

// How much of what is resident in a cell is live, 0 to 1.
export const fill = (live, resident, size) => Math.min(1, live / Math.min(size, resident));

// The cell at a point of a strip that is drawn with `across` cells a line, `pitch` pixels apart.
export function cellAt(cells, across, pitch, x, y) {
	const column = Math.floor(x / pitch);
	return column >= 0 && column < across ? cells[Math.floor(y / pitch) * across + column] : undefined;
}

// Where a key leads from the chosen cell; undefined: it is not for the map.
export function stepTo(cells, chosen, across, key) {
	const k = cells.indexOf(chosen),
		to = { ArrowRight: k + 1, ArrowLeft: k - 1, ArrowDown: k + across, ArrowUp: k - across, Home: 0, End: cells.length - 1 }[key];
	return to === undefined ? undefined : cells[Math.max(0, Math.min(cells.length - 1, to))];
}
