"""A type that grows between two snapshots, and one whose lost references are all older."""
import ctypes
import os


class Leaked:
    pass


class Request:
    def __init__(self, i):
        self.name = "request %d" % i


def lose():
    for i in range(200):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(Leaked()))


lose()
requests = [Request(i) for i in range(100)]
ctypes.CDLL(None).tide_snapshot(b"before")
requests += [Request(i) for i in range(3000)]
ctypes.CDLL(None).tide_snapshot(b"after")
os._exit(0)
