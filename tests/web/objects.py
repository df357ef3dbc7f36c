"""Objects for the view of types: lost references, garbage, duplicated strings, and names that are meant to break a page."""
import ctypes
import gc
import sqlite3


class Leaked:
    def __init__(self, name):
        self.name = name


class Session:
    def __init__(self, i):
        self.name = "user-%d" % (i % 7)
        self.peer = None


Hostile = type("</script><img src=x onerror=alert(1)>", (), {})
cache = [Session(i) for i in range(500)]
hostile = [Hostile() for _ in range(20)]
texts = ["\u202e</script><img src=x>%d" % (i % 3) for i in range(30)]


def lose():
    for i in range(40):
        leaked = Leaked(i)
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(leaked))


def ring():
    a, b = Session(1), Session(2)
    a.peer, b.peer = b, a


# Arenas that a few strings keep, and a table from which keys were deleted.
kept = [str(i) * 4 for i in range(80000)]
kept[:] = kept[::97]
table = {i: i for i in range(50000)}
for i in range(49990):
    del table[i]
# Memory of C that hangs on one object.
database = sqlite3.connect(":memory:")
database.execute("create table word (text)")
database.executemany("insert into word values (?)", (("word %d" % i,) for i in range(20000)))
gc.disable()
lose()
for _ in range(30):
    ring()
ctypes.CDLL(None).tide_snapshot(b"objects")
