// The tree of owners as numbers, apart from how it is drawn.
// A row: [parent, kind, name or row of a site, bytes and blocks of its own, bytes and blocks with all below it, what is too
// small to be a row: bytes, blocks and how many, the field that holds it (null: it has no name), bits of the roots that
// share it].
export const ALL = 0,
	ROOT = 1,
	GROUP = 2,
	KEPT = 3,
	SITE = 4;

// Neighbours whose sites have one key are one row, with a label. `key` is asked for the site's row; without it
// the rows stay as they are.
export function mergeSiblings(rows, key, label) {
	if (!key) return rows;
	const out = [],
		to = new Map(), // parent in `out` and key -> its place there
		of = [];
	rows.forEach((r, i) => {
		const parent = i ? of[r[0]] : -1,
			at = r[1] === SITE || r[1] === GROUP ? `${parent} ${r[1]} ${key(r[2])}` : null;
		if (at !== null && to.has(at)) {
			const o = out[(of[i] = to.get(at))];
			for (let k = 3; k < 10; k++) o[k] += r[k];
			if (o[10] !== r[10]) o[10] = null;
			if (r[11] !== undefined) o[11] = `0x${(BigInt(o[11] ?? 0) | BigInt(r[11])).toString(16)}`;
			return;
		}
		const o = [...r];
		o[0] = parent;
		if (at !== null) {
			to.set(at, out.length);
			o.label = label(r[1], key(r[2]));
		}
		of[i] = out.length;
		out.push(o);
	});
	return out;
}

export function childrenOf(rows) {
	const child = rows.map(() => []);
	rows.forEach((r, i) => {
		if (i) child[r[0]].push(i);
	});
	return child;
}

// What is drawn below a row: its children, and leaves for its own blocks and for what is too small to be a row. A child that
// has nearly all of its parent costs no level: what is interesting is below it.
export function below(rows, child, i, levels) {
	const r = rows[i],
		kids = child[i].map((c) => {
			const left = rows[c][5] > 0.9 * r[5] ? levels : levels - 1;
			return left > 0 && child[c].length ? below(rows, child, c, left) : { i: c, value: rows[c][5] };
		});
	if (kids.length && r[3]) kids.push({ i, value: r[3], own: true });
	if (kids.length && r[7]) kids.push({ i, value: r[7], rest: r[9] });
	return kids.length ? { i, children: kids } : { i, value: r[5] };
}

// The text of an area with room for `lines` lines of `fit` characters: its size is always there where that leaves some of the
// name, which is cut.
export function labelOf(what, size, fit, lines) {
	const cut = (n) => (what.length > n ? `${what.slice(0, Math.max(2, n - 1))}…` : what);
	if (what.length + 1 + size.length <= fit) return [`${what} ${size}`];
	if (lines > 1 && size.length <= fit) return [cut(fit), size];
	const left = fit - size.length - 1;
	return [left >= Math.min(what.length, 6) ? `${cut(left)} ${size}` : cut(fit)];
}

// The names of the roots of a mask: the first few, how many more, and whether some have no bit of their own.
export function sharers(mask, names) {
	if (mask === undefined) return [];
	const bits = BigInt(mask),
		shared = names.filter((_, k) => (bits >> BigInt(k)) & 1n);
	return [
		...shared.slice(0, 4),
		...(shared.length > 4 ? [`${(shared.length - 4).toLocaleString("en-US")} more`] : []),
		...(bits >> 63n ? ["others"] : []),
	];
}
