// Elements, and the state that lives in the address: #view=sites&sort=peak_bytes
export function el(tag, attributes, ...children) {
	const e = document.createElement(tag);
	fill(e, attributes, children);
	return e;
}
export function svg(tag, attributes, ...children) {
	const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
	fill(e, attributes, children);
	return e;
}
function fill(e, attributes, children) {
	for (const [k, v] of Object.entries(attributes ?? {}))
		if (k.startsWith("on")) e.addEventListener(k.slice(2), v);
		else if (v === true) e.setAttribute(k, "");
		else if (v !== false && v != null) e.setAttribute(k, v);
	e.append(...children.flat(Infinity).filter((c) => c != null));
}

export const state = new Map();
export function readState() {
	state.clear();
	for (const [k, v] of new URLSearchParams(location.hash.slice(1))) state.set(k, v);
}
// Changes what the address says without drawing again.
export function keep(key, v) {
	if (v == null || v === "") state.delete(key);
	else state.set(key, String(v));
	history.replaceState(null, "", "#" + new URLSearchParams([...state]));
}
export function go(view, more = {}) {
	location.hash = new URLSearchParams({ view, ...more });
}

// Draws again whenever the width of a box that is shown has changed.
export function onWidth(box, draw) {
	let width = box.clientWidth;
	new ResizeObserver(() => {
		if (!box.clientWidth || box.clientWidth === width) return;
		width = box.clientWidth;
		draw();
	}).observe(box);
}
export const dark = () => matchMedia("(prefers-color-scheme: dark)").matches;
export function hue(text) {
	let h = 7;
	for (let i = 0; i < text.length; i++) h = (h * 31 + text.charCodeAt(i)) >>> 0;
	return h % 360;
}
