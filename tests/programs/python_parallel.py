"""Four threads make objects at the same time, and drop those of their neighbours."""
import os
import sys
import threading
COUNT, THREADS = 3000, 4
class Small:
    __slots__ = ("value",)
def make():
    return [Small() for i in range(COUNT)]  # LIVE
def pass_on():
    return [Small() for i in range(COUNT)]  # FREED
def cells():
    return [bytes([i % 256]) * (2 + i % 40) for i in range(COUNT)]  # FREED
def work(n):
    for i in range(3):
        passed[n] = [pass_on(), cells()]
        barrier.wait()
        passed[(n + 1) % THREADS].clear()
        barrier.wait()
    kept[n] = make()
barrier = threading.Barrier(THREADS)
passed, kept = [None] * THREADS, [None] * THREADS
threads = [threading.Thread(target=work, args=(n,)) for n in range(THREADS)]
[t.start() for t in threads]
[t.join() for t in threads]
print(sum(map(len, kept)), sys._is_gil_enabled())
sys.stdout.flush()
os._exit(7)
