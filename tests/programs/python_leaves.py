"""Stacks that are nearly alike: whatever the library remembers of one must not be taken for the other."""
import functools
import json
import marshal
import sys
import threading
import types


class Node:
    def __init__(self, depth):
        self.name = "n%d" % depth
        self.children = [Node(depth - 1), Node(depth - 1)] if depth else []

    def total(self):
        return 1.5 + sum(c.total() for c in self.children)


def first():
    return make("a")


def second():
    return make("a")


def make(text):
    return [text + str(i) for i in range(9)]


def by_c(f):
    return list(map(lambda i: f(), range(3)))


def inlined(f):
    return [f() for i in range(3)]


def descend(n):
    return descend(n - 1) + [n + 1000] if n else [float(n)]


def generate(n):
    for i in range(n):
        yield (i, make("g"))


def nested(n):
    if n:
        yield from nested(n - 1)
    yield [n]


@functools.lru_cache(maxsize=8)
def cached(i):
    return (i, make("c"))


def recompiled(turn):
    # Code that is freed, and other code in its place: the same addresses, another function.
    scope = {}
    exec("\n" * (turn % 7) + f"def f{turn % 3}():\n    return [{turn} * 1.5, 'x' * {turn % 40 + 2}]\n", scope)
    return scope[f"f{turn % 3}"]()


def compiled(name):
    scope = {}
    exec(f"def {name}():\n    return [float(i) for i in (1, 2, 3)], 'x' * 20\n", scope)
    return marshal.dumps(scope[name].__code__)


TWINS = [compiled("twin"), compiled("niwt")]


def reloaded(turn):
    # As recompiled, but nothing else is new in between.
    return types.FunctionType(marshal.loads(TWINS[turn % 2]), globals())()


def deep(n):
    return deep(n - 1) if n else [float(n), str(n + 1000)]


def raised():
    try:
        descend(5)
        raise ValueError(make("e"))
    except ValueError as error:
        return error.args


def work(turns):
    for turn in range(turns):
        first()
        second()
        by_c(first), inlined(first), by_c(second), inlined(second)
        descend(turn % 90)
        list(generate(4)), list(nested(6))
        Node(3).total()
        cached(turn % 12)
        recompiled(turn)
        for again in range(20):
            reloaded(again)
        deep(12)
        deep(12)
        raised()
        sorted(range(8), key=lambda i: float(-i))
        json.loads(json.dumps({"k": [turn, {"l": [1.5, str(turn)]}]}, indent=1 if turn % 2 else None))


threads = [threading.Thread(target=work, args=(int(sys.argv[1]),)) for _ in range(3)]
for thread in threads:
    thread.start()
work(int(sys.argv[1]))
for thread in threads:
    thread.join()
