"""Functions made in all ways, each of which allocates. Prints [line, name, qualified name, certain] of each as JSON: what
co_qualname is since 3.11; `certain`: it must be known before 3.11, too."""
import functools
import json
import sys

said = []


def note(qualified, certain=True):
    frame = sys._getframe(1)
    said.append((frame.f_lineno, frame.f_code.co_name, getattr(frame.f_code, "co_qualname", qualified), certain))
    assert said[-1][2] == qualified, said[-1]
    return bytearray(5000)


def decorate(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        return [note("decorate.<locals>.wrapper"), function(*arguments)]
    return wrapper


def decorate_again(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        return [note("decorate_again.<locals>.wrapper"), function(*arguments)]
    return wrapper


class Item:
    body = note("Item", False)

    def __init__(self):
        self.text = note("Item.__init__")

    @property
    def size(self):
        return note("Item.size")

    @staticmethod
    def static():
        return note("Item.static")

    @classmethod
    def of_class(cls):
        return note("Item.of_class")

    @decorate_again
    @decorate
    def wrapped(self):
        return note("Item.wrapped")

    short = lambda self: note("Item.<lambda>")

    class Inner:
        def method(self):
            class Local:
                body = note("Item.Inner.method.<locals>.Local")

                def local(self):
                    return note("Item.Inner.method.<locals>.Local.local")
            return [Local.body, Local().local()]


class Other:
    def __init__(self):
        self.text = note("Other.__init__")


@decorate
def top():
    return note("top")


def outer():
    def inner():
        return note("outer.<locals>.inner")
    return inner()


def produce():
    yield note("produce")


def declare():
    global declared

    def declared():
        return note("declared")
    return declared()


pair = lambda: (lambda: note("<lambda>.<locals>.<lambda>", False))
once = (lambda: (lambda: note("<lambda>.<locals>.<lambda>", False)))()


def gone():
    return note("gone", False)


exec("def made():\n    return note('made')\nclass Made:\n    def made(self): return note('Made.made')\n")
item = Item()
kept = [item, Other(), item.size, item.static(), item.of_class(), item.wrapped(), item.short(), Item.Inner().method(), top(),
        outer(), list(produce()), declare(), pair()(), once(), gone(), made(), Made().made()]
del gone
print(json.dumps(said))
