"""python_small_check.py STAT [KEPT]: are there KEPT blocks ("N+": or more) of the line LIVE of python_small.py, and none
of the line FREED?"""
import json
import os
import sys

source = open(os.path.join(os.path.dirname(__file__), "python_small.py")).read().split("\n")
line = {word: number for number, text in enumerate(source, 1) for word in ("LIVE", "FREED") if text.endswith("# " + word)}
live = {"LIVE": [0, 0], "FREED": [0, 0]}
for site in json.load(open(sys.argv[1]))["records"]:
    top = next((f for f in site["stack"] if f["language"] == "python"), {"file": "", "line": 0})
    for word in live:
        # The list itself grows at this line, too.
        if top["file"].endswith("python_small.py") and top["line"] == line[word] and site["total_bytes"] < 500 * site["total_blocks"]:
            live[word][0] += site["live_blocks"]
            live[word][1] += site["total_blocks"]
text = sys.argv[2] if len(sys.argv) > 2 else "1000"
kept, most = int(text.strip("+")), 10 ** 6 if text.endswith("+") else int(text) + 8
print(live)
sys.exit(not (kept <= live["LIVE"][0] <= most and live["FREED"][0] <= 8 and (not kept or live["FREED"][1] >= 5 * kept)))
