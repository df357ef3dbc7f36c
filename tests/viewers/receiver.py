#!/usr/bin/python3
"""receiver.py FILE: a server that takes profiles as Pyroscope and Parca do, on loopback.

Prints its port, answers until it is killed, and writes to FILE a line of JSON for each profile: what came with it,
and the sum of each sample type, read from the gzip'd protocol buffer. What it cannot read it answers with 400.
"""
import base64, email, email.policy, gzip, json, sys, urllib.parse
from http.server import BaseHTTPRequestHandler, HTTPServer


def fields(data):
    """(number, value) of a protocol buffer: integers, and bytes for what has a length."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        elif key & 7 == 2:
            size = varint()
            assert at + size <= len(data), "a field that is longer than the profile"
            at += size
            yield key >> 3, data[at - size:at]
        else:
            raise ValueError("a wire type that profiles do not have")


def packed(data):
    """Integers of a packed field, signed."""
    value, shift, out = 0, 0, []
    for byte in data:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            out.append(value - (1 << 64) if value >> 63 else value)
            value = shift = 0
    return out


def read_profile(data):
    texts, types, sums, locations = [], [], None, set()
    used = set()
    for number, value in fields(gzip.decompress(data)):
        if number == 1:
            types.append(dict(fields(value)))
        elif number == 2:
            values = [v for n, p in fields(value) if n == 2 for v in packed(p)]
            used |= {v for n, p in fields(value) if n == 1 for v in packed(p)}
            sums = [a + b for a, b in zip(sums or [0] * len(values), values)]
        elif number == 4:
            locations.add(dict(fields(value))[1])
        elif number == 6:
            texts.append(value.decode())
    assert texts[0] == "" and len(sums) == len(types), "not a profile"
    assert used and used <= locations, "a sample without its locations"
    return {texts[t[1]]: s for t, s in zip(types, sums)}


def read_trace(data):
    """Perfetto's: {heap: {measure: sum}} of its profiles, and the values of counters by track. What a profile names must have
    been said before it."""
    heaps, tracks, known, packets = {}, {}, {n: set() for n in (5, 6, 7, 16, 17, 18, 19)}, 0
    names = {2: "allocated", 3: "freed", 5: "blocks", 6: "freed_blocks", 8: "max", 9: "max_blocks"}
    for _, packet in fields(data):
        packet = dict(fields(packet))
        for table, entry in fields(packet.get(12, b"")):
            entry = list(fields(entry))
            row = dict(entry)
            if table == 6:
                assert row[2] in known[5] and row[3] in known[19] and row.get(5, 0) in known[18] | {0}, row
            if table == 7:
                assert set(packed(row[2])) <= known[6], row
            if table == 19:
                assert set(packed(row[7])) <= known[17] and row.get(2, 0) in known[16] | {0}, row
            known[table].add(row[1])
        if 11 in packet:
            event = dict(fields(packet[11]))
            if event[9] == 4:
                tracks.setdefault(event[11], []).append(event[30])
        if 37 in packet:
            profile = dict(fields(packet[37]))
            assert profile.get(7, 0) == packets, "profiles are not counted up"
            packets += 1
            dump = list(fields(profile[5]))
            sums = heaps.setdefault(dict(dump)[11].decode(), {n: 0 for n in names.values()})
            for number, sample in dump:
                if number == 2:
                    sample = dict(fields(sample))
                    assert sample.pop(1) in known[7]
                    for n, v in sample.items():
                        sums[names[n]] += v
    return heaps, tracks


def take(path, kind, body):
    url = urllib.parse.urlsplit(path)
    query = dict(urllib.parse.parse_qsl(url.query, strict_parsing=bool(url.query)))
    if url.path == "/ingest":
        form = email.message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body, policy=email.policy.HTTP)
        parts = {p.get_param("name", header="content-disposition"): p.get_payload(decode=True) for p in form.iter_parts()}
        assert query["format"] == "pprof" and int(query["from"]) < int(query["until"]), query
        config = json.loads(parts["sample_type_config"])
        return {"to": "pyroscope", "name": query["name"], "keep": sorted(config), "sums": read_profile(parts["profile"])}
    if url.path == "/profiles/writeraw":
        series, = json.loads(body)["series"]
        labels = {l["name"]: l["value"] for l in series["labels"]["labels"]}
        assert labels["__name__"], labels
        return {"to": "parca", "name": labels["job"], "sums": read_profile(base64.b64decode(series["samples"][0]["raw_profile"], validate=True))}
    raise ValueError("no such path: " + url.path)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            said = take(self.path, self.headers["Content-Type"], body)
        except Exception as e:
            self.send_error(400, explain=repr(e))
            return
        with open(sys.argv[1], "a") as out:
            print(json.dumps(said), file=out)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
