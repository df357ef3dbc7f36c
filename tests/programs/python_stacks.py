"""Allocates at known places, and writes each Python stack as sys._getframe sees it to the file argv[1]."""
import sys, json, threading, functools, operator
keep, expected = [], []
note_code = None

def note(f, later=0):
    stack = []
    while f:
        stack.append([f.f_code.co_name, f.f_code.co_filename, f.f_lineno])
        f = f.f_back
    stack[0][2] += later
    expected.append(stack)

def plain(): note(sys._getframe()); keep.append(bytearray(5000))
def deep(n):
    if n: deep(n - 1)
    else:
        plain()
def generator():
    for i in range(2):
        note(sys._getframe()); yield keep.append(bytearray(5000))
def delegate():
    yield from generator()
async def coroutine():
    note(sys._getframe()); keep.append(bytearray(5000))
    return 1
async def awaiting():
    await coroutine()
class Thing:
    def __init__(self): note(sys._getframe()); keep.append(bytearray(5000))
    def __getattr__(self, name): note(sys._getframe()); keep.append(bytearray(5000)); return 1
    def __add__(self, other): note(sys._getframe()); keep.append(bytearray(5000)); return 2
    def __del__(self): note(sys._getframe()); keep.append(bytearray(5000))
    @property
    def prop(self): note(sys._getframe()); keep.append(bytearray(5000)); return 3
    def __lt__(self, other): note(sys._getframe()); keep.append(bytearray(5000)); return False
    def __call__(self): note(sys._getframe()); keep.append(bytearray(5000))
class Often:
    def __init__(self): note(sys._getframe()); keep.append(bytearray(5000))
def decorated(f):
    @functools.wraps(f)
    def inner(*a):
        return f(*a)
    return inner
@decorated
def wrapped(): note(sys._getframe()); keep.append(bytearray(5000))
def multiline():
    note(sys._getframe(), 3 if sys.version_info >= (3, 8) else 0); (keep
      .append(
        bytearray(
          5000)))
def handler():
    try:
        raise ValueError(1)
    except ValueError:
        note(sys._getframe()); keep.append(bytearray(5000))
    finally:
        note(sys._getframe()); keep.append(bytearray(5000))
def closure(x):
    def inside():
        note(sys._getframe()); keep.append(bytearray(5000 + x))
    return inside
def main():
    plain()
    deep(20)
    list(generator())
    for x in delegate(): pass
    try: awaiting().send(None)
    except StopIteration: pass
    t = Thing(); t.missing; t + 1; t.prop; sorted([t, Thing()]); t(); del t
    wrapped(); handler(); closure(0)()
    list(map(lambda x: (note(sys._getframe()), keep.append(bytearray(5000))), [1]))
    [(note(sys._getframe()), keep.append(bytearray(5000))) for i in [1]]
    max([1, 2], key=lambda x: [plain(), x][1])
    functools.reduce(lambda a, b: plain(), [1, 2, 3])
    exec("\n\n\nnote(sys._getframe()); keep.append(bytearray(5000))\n", globals())
    exec(compile("def made():\n  note(sys._getframe()); keep.append(bytearray(5000))\nmade()\n", "made-up.py", "exec"), globals())
    for i in range(30):  # code that dies at once, at the same address
        exec(compile("\n" * i + "note(sys._getframe()); keep.append(bytearray(5000))", "gen%d.py" % i, "exec"), globals())
    ts = [threading.Thread(target=deep, args=(i,)) for i in range(4)]
    [t.start() for t in ts]; [t.join() for t in ts]
    for i in range(100): Often()  # from 3.12 on soon called by way of a frame of the interpreter's own
    operator.methodcaller("prop2") if 0 else plain()
    class Meta(type):
        def __new__(m, n, b, d): note(sys._getframe()); keep.append(bytearray(5000)); return type.__new__(m, n, b, d)
    class Used(metaclass=Meta): pass
main()
json.dump(expected, open(sys.argv[1], "w"))
sys.stdout.flush()
import os
