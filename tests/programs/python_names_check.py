"""python_names_check.py EXPECTED STAT: has each function in the output of `stat --json` the qualified name that
python_names.py says, or none where that cannot be certain?"""
import json
import sys

said, wrong = json.load(open(sys.argv[1])), []
seen = {}
for site in json.load(open(sys.argv[2]))["records"]:
    for frame in site["stack"]:
        if frame["language"] == "python" and (frame["file"] or "").endswith(("python_names.py", "<string>")):
            seen.setdefault((frame["line"], frame["function"]), set()).add(frame.get("qualified"))
for line, name, qualified, certain in said:
    names = seen.get((line, name), set())
    # In the line of a lambda within a lambda both run, and the outer one may be gone.
    allowed = [{qualified}] if certain else [{None}, {qualified, name}, {qualified, None}]
    if names not in allowed:
        wrong.append((line, name, qualified, names))
for w in wrong:
    print(*w)
sys.exit(bool(wrong))
