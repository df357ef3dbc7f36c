"""Keeps COUNT small objects, made in one line each time, and frees as many of another line."""
import sys
COUNT = 1000
class Small:
    __slots__ = ("value",)
def make():
    return [Small() for i in range(COUNT)]  # LIVE
def drop():
    return len([Small() for i in range(COUNT)])  # FREED
def grow():
    return [[0] * 3 + [i] for i in range(COUNT)]
kept = make()
for i in range(5):
    drop()
print(len(kept), len(grow()), sys.version_info >= (3, 8))
sys.stdout.flush()
if len(sys.argv) > 1:
    sys._debugmallocstats()
import os
os._exit(7)
