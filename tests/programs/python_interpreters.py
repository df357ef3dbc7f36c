"""Code of a second interpreter: inner() keeps three blocks of 7000 bytes, outer() in the main one three of 7001."""
import os
import sys
try:
    import _interpreters as interpreters  # its name since 3.13
except ImportError:
    import _xxsubinterpreters as interpreters
second = interpreters.create()
interpreters.run_string(second, "def inner():\n    global keep\n    keep = [bytearray(7000) for i in range(3)]\ninner()\n")
def outer():
    return [bytearray(7001) for i in range(3)]
kept = outer()
sys.stdout.flush()
os._exit(0)
