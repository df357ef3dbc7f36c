"""What a test program states about itself, and how it is built: for tests/truth/run
and tests/hostile/run.

The comment at the head of a source has a statement on each line:

    VERB: TEXT                 VERB[CASE CASE...]: TEXT           VERB@2: TEXT

in every case; in these cases only; about the second process. Which verbs there
are, and what they mean, is in truth.h and hostile.h. These mean the same in both:

    cases: a b       run once with each as the argument; without it: once, with none
    build: -static   more arguments of the compiler
    libraries: x.c   shared libraries, built beside the program; `x.c:-DA:-ldl` has flags of its own
    compiler: cc     instead of the one that is asked for
"""
import os
import re
import subprocess

SHARED = ("cases", "build", "libraries", "compiler")
CXX = {"gcc": "g++", "clang": "clang++"}


class Program:
    """One source file and what it states."""

    def __init__(self, path, verbs):
        self.path = path
        self.name, self.suffix = os.path.splitext(os.path.basename(path))
        self.statements = []            # (verb, process, cases or None, text)
        with open(path) as source:
            head = source.read().split("*/")[0]
        for line in head.splitlines():
            match = re.match(r"[ /*]*([a-z-]+)(?:@(\d+))?(?:\[([^]]*)\])?: (.*)", line)
            if match and (match[1] in SHARED or match[1] in verbs):
                verb, process, cases, text = match.groups()
                self.statements.append((verb, int(process or 0), cases.split() if cases else None, text))

    def all(self, verb, case=None):
        """(process, text) of each statement that holds for the case; for None, of those that hold for every case."""
        return [(p, text) for v, p, cases, text in self.statements if v == verb and (cases is None or case in cases)]

    def one(self, verb, case=None, otherwise=""):
        """The first text that `all` finds."""
        return next((text for _, text in self.all(verb, case)), otherwise)

    def words(self, verb, case=None):
        return self.one(verb, case).split()

    def compile(self, compiler, where, flags):
        """Builds the program and its libraries in `where`, and returns the program's path. Raises CalledProcessError."""
        here = os.path.dirname(self.path)
        os.makedirs(where, exist_ok=True)

        def call(source, out, *more):
            cxx = source.endswith(".cc")
            tool = CXX.get(compiler, compiler) if cxx else compiler
            standard = "-std=c++17" if cxx else "-std=gnu11"
            os.makedirs(os.path.dirname(out), exist_ok=True)
            subprocess.run([tool, standard, *flags, "-I", here, "-pthread", "-w", source, "-o", out, *more],
                           check=True, cwd=where)

        for word in self.words("libraries"):
            library, *more = word.split(":")
            out = os.path.join(where, os.path.splitext(library)[0] + ".so")
            call(os.path.join(here, library), out, "-shared", "-fPIC", *more)
        compiler = self.one("compiler", otherwise=compiler)
        binary = os.path.join(where, self.name)
        call(self.path, binary, *self.words("build"), "-ldl")
        return binary


def programs_in(folder, verbs, names=()):
    """The programs of a folder, those named or all; libraries (lib_*) are not programs."""
    found = [Program(os.path.join(folder, f), verbs) for f in sorted(os.listdir(folder))
             if f.endswith((".c", ".cc")) and not f.startswith("lib_")]
    return [p for p in found if not names or p.name in names]


def wanted_case(arguments, program, case):
    """Does one of the arguments NAME or NAME:CASE ask for this case? Without arguments all are wanted."""
    return not arguments or program.name in arguments or f"{program.name}:{case}" in arguments
