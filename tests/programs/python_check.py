"""python_check.py EXPECTED STAT: does the output of `stat --json` have each Python stack of python_stacks.py, and no
other one with blocks of that size?"""
import json
import sys

SIZE, DEPTH = 5000, 64
expected = {tuple(map(tuple, stack))[:DEPTH] for stack in json.load(open(sys.argv[1]))}
leaves = {stack[0][:2] for stack in expected}
seen = set()
for site in json.load(open(sys.argv[2]))["records"]:
    if SIZE <= site["total_bytes"] / site["total_blocks"] < SIZE + 100:
        stack = tuple((f["function"], f["file"], f["line"]) for f in site["stack"] if f["language"] == "python")
        if stack and stack[0][:2] in leaves:
            seen.add(stack)
for stack in expected - seen:
    print("not seen:", *stack, sep="\n  ")
for stack in seen - expected:
    print("not expected:", *stack, sep="\n  ")
sys.exit(expected != seen)
