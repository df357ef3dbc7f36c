"""craft.py - snapshots made by hand: valid ones, and those that no writer would write.

The fields of each section are read from report/model/FORMAT.md, so a mistake in that
page shows up here; the names of sections are those of report/model/format.h in lower
case. Checksums and compression come from the libraries that the command itself uses.

    s = craft.small()                            # seven sites, four blocks, one thread
    s.elements["frames"][4]["parent"] = 9
    s.add("options", name=s.string("depth"), value=s.string("64"))
    s.save("hostile.tide")

A Snapshot is a dictionary of lists of elements. What breaks the rules of the file
itself (overlapping sections, a false length) is made by `entries`: see save().
"""
import ctypes
import os
import re
import struct

MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../report/model")
MAGIC = b"\x89TIDE\r\n\x1a"
HEADER = struct.Struct("<8sIIQQQQ")
ENTRY = struct.Struct("<IIQQQIIQ")
CODES = {"u16": "H", "u8": "B", "u32": "I", "i32": "i", "u64": "Q", "i64": "q"}

_xxhash = ctypes.CDLL("libxxhash.so.0")
_xxhash.XXH3_64bits.restype = ctypes.c_uint64
_xxhash.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
_zstd = ctypes.CDLL("libzstd.so.1")
_zstd.ZSTD_compressBound.restype = _zstd.ZSTD_compress.restype = _zstd.ZSTD_decompress.restype = ctypes.c_size_t
_zstd.ZSTD_compressBound.argtypes = [ctypes.c_size_t]
_zstd.ZSTD_compress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
_zstd.ZSTD_decompress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]


def checksum(data):
    return _xxhash.XXH3_64bits(bytes(data), len(data))


def compress(data, level=3):
    to = ctypes.create_string_buffer(_zstd.ZSTD_compressBound(len(data)))
    n = _zstd.ZSTD_compress(to, len(to), bytes(data), len(data), level)
    return to.raw[:n]


def decompress(data, plain_bytes):
    to = ctypes.create_string_buffer(plain_bytes or 1)
    n = _zstd.ZSTD_decompress(to, plain_bytes, bytes(data), len(data))
    return to.raw[:n] if n <= plain_bytes else b""


class Layout:
    """One kind of section: its number and the fields of an element."""

    def __init__(self, name, kind):
        self.name, self.kind, self.fields = name, kind, []

    def finish(self):
        self.names = [f for f, _ in self.fields]
        self.struct = struct.Struct("<" + "".join(code for _, code in self.fields))


def _layouts():
    """Reads the numbers of sections from format.h, and the table of each from FORMAT.md."""
    with open(MODEL + "/format.h", encoding="utf-8") as header:
        by_kind = {int(kind): Layout(name.lower(), int(kind))
                   for name, kind in re.findall(r"^\s*SECTION_(\w+) = (\d+),", header.read(), re.M)}
    with open(MODEL + "/FORMAT.md", encoding="utf-8") as page:
        lines = page.readlines()
    titles, current = {}, None
    for line in lines:
        title = re.match(r"### (\d+) (.*)", line)
        field = re.match(r"\| (\d+) \| ([ui]\d+)(?:\[(\d+)\])? \| (\w+) \|", line)
        listed = re.match(r"\| (\d+) \| [^|]+ \| ([ui]\d+) \|$", line)
        if title:
            current = titles[title[2].strip()] = by_kind[int(title[1])]
        elif line.startswith("## "):
            current = None
        elif current and line.startswith("Elements as in "):
            current.fields = titles[line[len("Elements as in "):].strip().rstrip(".")].fields
        elif current and field:
            if int(field[1]) != struct.calcsize("<" + "".join(code for _, code in current.fields)):
                raise ValueError(f"FORMAT.md: {current.name}.{field[4]} does not follow its predecessor")
            current.fields.append((field[4], (field[3] or "") + CODES[field[2]]))
        elif listed and not current:
            by_kind[int(listed[1])].fields = [("value", CODES[listed[2]])]
    for layout in by_kind.values():
        layout.finish()
    return by_kind


KINDS = _layouts()
NAMES = {layout.name: layout for layout in KINDS.values()}


def _pack(layout, element):
    values = []
    for name, code in layout.fields:
        v = element.get(name, 0)
        if len(code) > 1:
            values += list(v or [])[:int(code[:-1])] + [0] * (int(code[:-1]) - len(v or []))
        else:
            values.append(v)
    return layout.struct.pack(*values)


def _unpack(layout, data):
    elements = []
    for values in layout.struct.iter_unpack(data):
        element, at = {}, 0
        for name, code in layout.fields:
            n = int(code[:-1] or 0)
            element[name] = list(values[at:at + n]) if n else values[at]
            at += n or 1
        elements.append(element)
    return elements


class Snapshot:
    def __init__(self):
        self.strings = bytearray(b"\0")
        self.elements = {name: [] for name in NAMES if name != "strings"}
        self.raw = {}                   # bytes of a section in place of its elements
        self.compressed = set()         # names of sections to be stored as a zstd frame
        self._known = {"": 0}

    def string(self, text):
        """The offset of a text, which may be bytes of any kind but NUL."""
        if text not in self._known:
            self._known[text] = len(self.strings)
            self.strings += (text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")) + b"\0"
        return self._known[text]

    def add(self, section, **fields):
        """Appends an element and returns its number."""
        unknown = set(fields) - set(NAMES[section].names)
        if unknown:
            raise KeyError(f"{section} has no {unknown}")
        self.elements[section].append(fields)
        return len(self.elements[section]) - 1

    def value(self, name, number):
        self.add("coverage", name=self.string(name), value=number)

    @property
    def process(self):
        return self.elements["process"][0]

    def bytes_of(self, name):
        if name in self.raw:
            return bytes(self.raw[name])
        if name == "strings":
            return bytes(self.strings)
        layout = NAMES[name]
        if len(layout.fields) == 1 and layout.fields[0][1] == "B":
            return bytes(e if isinstance(e, int) else e["value"] for e in self.elements[name])
        return b"".join(_pack(layout, e) for e in self.elements[name])

    def save(self, path, entries=(), hole=0):
        """Writes the file. `entries` are added to the section table as dictionaries of the
        fields of an entry; `data` in one stores these bytes, `like` copies the entry of
        that section first. `hole` is the length that the file gets at least, without disk."""
        parts, table = [], []

        def place(kind, element_bytes, data, encoding):
            stored = compress(data) if encoding else data
            table.append({"kind": kind, "element_bytes": element_bytes, "stored_bytes": len(stored),
                          "plain_bytes": len(data), "encoding": encoding, "checksum": checksum(stored)})
            parts.append((table[-1], stored))

        for layout in KINDS.values():
            data = self.bytes_of(layout.name)
            if data:
                place(layout.kind, layout.struct.size, data, int(layout.name in self.compressed))
        for entry in entries:
            new = {"kind": 0, "element_bytes": 1, "stored_bytes": 0, "plain_bytes": 0, "encoding": 0}
            if "like" in entry:
                new = dict(next(t for t in table if t["kind"] == NAMES[entry["like"]].kind))
            data = entry.get("data")
            if data is not None:
                new.update(stored_bytes=len(data), plain_bytes=len(data), checksum=checksum(data))
                parts.append((new, data))
            new.update({k: v for k, v in entry.items() if k not in ("data", "like")})
            if "like" in entry:
                new["_like"] = NAMES[entry["like"]].kind
            table.append(new)
        at = 64 + ENTRY.size * len(table)
        for entry, stored in parts:
            at = (at + 63) & ~63
            entry.setdefault("offset", at)
            at += len(stored)
        for entry in table:
            if "_like" in entry:
                entry["offset"] = next(t["offset"] for t in table if t["kind"] == entry["_like"] and "_like" not in t)
        length = max(at, hole)
        packed = b"".join(ENTRY.pack(*(e.get(f, 0) for f in (
            "kind", "element_bytes", "offset", "stored_bytes", "plain_bytes", "encoding", "flags", "checksum")))
            for e in table)
        head = HEADER.pack(MAGIC, 1, len(table), 64, length, checksum(packed), 0)[:40]
        with open(path, "wb") as f:
            f.write(head + struct.pack("<Q", checksum(head)))
            f.seek(64)
            f.write(packed)
            for entry, stored in parts:
                f.seek(entry["offset"])
                f.write(stored)
            f.truncate(length)
        return path


def load(path):
    """A snapshot from a file that is whole; sections that FORMAT.md does not list are left out."""
    data = open(path, "rb").read()
    _, _, count, table, _, _, _ = HEADER.unpack_from(data)
    s = Snapshot()
    for i in range(count):
        kind, element, offset, stored, plain, encoding, _, _ = ENTRY.unpack_from(data, table + i * ENTRY.size)
        if kind not in KINDS:
            continue
        layout, part = KINDS[kind], data[offset:offset + stored]
        if encoding:
            part = decompress(part, plain)
            s.compressed.add(layout.name)
        if layout.name == "strings":
            s.strings = bytearray(part)
            s._known = {}
        elif element == layout.struct.size:
            s.elements[layout.name] = _unpack(layout, part)
        else:
            s.raw[layout.name] = part
    return s


def small(exe="/bin/example", names=None):
    """What tests/lib/snapshot_make.h makes: sites 4 to 6, blocks 0 and 1 a ring that nothing
    holds, block 2 held by a global, block 3 by block 2. With `names` (a function, a file),
    each frame has a symbol."""
    s = Snapshot()
    s.add("process", pid=4711, parent_pid=1, reason=1, complete=1, references=1, sequence=1, live_bytes=314,
          live_blocks=4, peak_bytes=400, total_bytes=1000, total_blocks=10, depth_limit=64, elapsed_ns=1000000,
          exe=s.string(exe), command=s.string(exe.rsplit("/", 1)[-1] + " --fast"), libc=s.string("2.36"))
    s.add("modules")
    s.add("modules", lo=0x400000, hi=0x500000, bias=0x400000, path=s.string(exe), flags=1)
    s.add("frames")
    for parent, address in (0, 0x400100), (1, 0x400200), (1, 0x400300), (0, 0x400400):
        s.add("frames", parent=parent, module=1, address=address)
    for _ in range(4):
        s.add("sites")
    s.add("sites", frame=2, depth=2, live_bytes=200, live_blocks=2, peak_bytes=300, peak_blocks=3, total_bytes=800,
          total_blocks=8, temporary=2)
    s.add("sites", frame=3, depth=2, live_bytes=50, live_blocks=1, peak_bytes=50, peak_blocks=1, total_bytes=50,
          total_blocks=1)
    s.add("sites", frame=4, depth=1, live_bytes=64, live_blocks=1, total_bytes=150, total_blocks=1)
    s.add("threads", tid=4711, state=1, name=s.string("example"), allocations=9)
    s.add("threads", tid=4712, state=1, name=s.string("worker"), allocations=1)
    s.add("marks", elapsed_ns=500, birth=10, kind=1, name=s.string("warm"))
    for site, interval, blocks, size in (4, 0, 1, 100), (4, 1, 1, 100), (5, 1, 1, 50):
        s.add("births", site=site, interval=interval, live_blocks=blocks, live_bytes=size)
    for site, cls, count in (4, 7, 8), (5, 6, 1), (6, 7, 1):
        s.elements["sizes"].append({"site": site, "class": cls, "count": count})
    s.add("timeline", elapsed_ns=100, live_bytes=400, live_blocks=5, total_blocks=8)
    s.add("timeline", elapsed_ns=900, live_bytes=314, live_blocks=4, total_blocks=10)
    for address, size, site, birth, thread in (
            (0x10000, 100, 4, 5, 0), (0x10080, 100, 4, 20, 0), (0x10100, 50, 5, 21, 0), (0x10140, 64, 6, 22, 1)):
        s.add("blocks", address=address, bytes=size, site=site, birth=birth, thread=thread)
    s.add("roots", kind=1, address=0x480000, bytes=8, module=1, thread=2**32 - 1, name=s.string("cache"))
    s.add("root_edges", root=0, block=2, address=0x480000)
    for start in 0, 1, 2, 3, 3:
        s.add("edge_starts", value=start)
    s.add("edges", block=1)
    s.add("edges", block=0, offset=8)
    s.add("edges", block=3, offset=16, to_offset=8, flags=1)
    s.value("blocks", 4)
    s.value("missed.early", 3)
    s.add("options", name=s.string("depth"), value=s.string("64"))
    if names:
        for frame in range(1, 5):
            s.add("symbols", frame=frame, function=s.string(names[0]), file=s.string(names[1]), line=frame)
    return s
