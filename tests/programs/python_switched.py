"""As python_stacks.py, on stacks that Python's own threads do not have: greenlets that take turns, tasks of asyncio, and callbacks from a
thread that C has started. Writes each Python stack to the file argv[1]."""
import asyncio
import ctypes
import json
import sys

keep, expected = [], []


def note(f):
    stack = []
    while f:
        stack.append([f.f_code.co_name, f.f_code.co_filename, f.f_lineno])
        f = f.f_back
    expected.append(stack)


def in_task(n):
    note(sys._getframe()); keep.append(bytearray(5000))
    return n


async def task(n):
    for _ in range(3):
        await asyncio.sleep(0)
        in_task(n)
        note(sys._getframe()); keep.append(bytearray(5000))


async def tasks():
    await asyncio.gather(*[task(n) for n in range(20)])


def callback(argument):
    note(sys._getframe()); keep.append(bytearray(5000))
    return argument


def thread_of_c():
    kind = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
    function = kind(callback)
    libc = ctypes.CDLL(None)
    libc.pthread_create.argtypes = [ctypes.c_void_p, ctypes.c_void_p, kind, ctypes.c_void_p]
    libc.pthread_join.argtypes = [ctypes.c_ulong, ctypes.c_void_p]
    for _ in range(2):
        thread = ctypes.c_ulong()
        assert not libc.pthread_create(ctypes.byref(thread), None, function, None)
        libc.pthread_join(thread, None)


def greenlets():
    import greenlet

    def leaf():
        note(sys._getframe()); keep.append(bytearray(5000))

    def deep(n):
        if n:
            return deep(n - 1)
        leaf()
        rings[1].switch()
        return leaf()

    def one():
        for n in range(50):
            deep(n % 7)

    def other():
        for _ in range(200):
            leaf()
            rings[0].switch()

    rings = [greenlet.greenlet(one), greenlet.greenlet(other)]
    rings[0].switch()
    for ring in rings:
        ring.throw()


asyncio.run(tasks())
thread_of_c()
try:
    greenlets()
except ImportError:
    pass
with open(sys.argv[1], "w") as f:
    json.dump(expected, f)
