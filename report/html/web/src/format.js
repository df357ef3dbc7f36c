// Numbers as people read them.
const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
export function bytes(n) {
	const sign = n < 0 ? "-" : "";
	let x = Math.abs(n),
		u = 0;
	if (x < 1024) return `${n} B`;
	while (x >= 999.5 && u < 6) {
		x /= 1024;
		u++;
	}
	return `${sign}${x >= 99.95 ? x.toFixed(0) : x >= 9.995 ? x.toFixed(1) : x.toFixed(2)} ${units[u]}`;
}
export const count = (n) => n.toLocaleString("en-US");
export const many = (n, one) => `${count(n)} ${one}${n === 1 ? "" : "s"}`;
export const signed = (f, n) => (n > 0 ? "+" : "") + f(n);
export const show = (m, n) => (m.bytes ? bytes(n) : count(n));
export function share(n, all) {
	if (!(all > 0)) return "";
	const percent = (100 * n) / all;
	return n > 0 && percent < 0.05 ? "<0.1 %" : `${percent.toFixed(1)} %`;
}
export function duration(ns) {
	for (const [size, unit] of [
		[3600e9, "h"],
		[60e9, "min"],
		[1e9, "s"],
		[1e6, "ms"],
		[1e3, "µs"],
	])
		if (ns >= size) return `${+(ns / size).toPrecision(3)} ${unit}`;
	return `${ns} ns`;
}
// The class of a size is the number of its bits: 7 is "64 B – 128 B".
export function sizeClass(bits) {
	const whole = (n) => bytes(n).replace(/\.0+ /, " ");
	return bits < 2 ? `${bits} B` : `${whole(2 ** (bits - 1))} – ${whole(2 ** bits)}`;
}
