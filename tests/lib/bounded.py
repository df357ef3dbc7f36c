"""bounded.py - runs a command that may have been given a hostile file, within bounds.

A run ends at its limit of processor time, not of the clock: a busy machine does not make
a test fail. Memory is resident memory, watched from outside; what passes the limit is
killed. Only the command itself is signalled, by its process handle.

  bounded.py SECONDS MEBIBYTES COMMAND...     says what was passed; run in a folder for scratch files
"""
import os
import resource
import signal
import subprocess
import sys
import time

MIB = 1 << 20
CLOCK = 60     # seconds; for a command that waits without using the processor


class Result:
    def __init__(self, status, out, err, mebibytes, seconds, ended):
        self.status, self.out, self.err = status, out, err
        self.mebibytes, self.seconds, self.ended = mebibytes, seconds, ended

    def wrong(self, statuses=(0, 1, 2, 3)):
        """What no hostile file may cause, in a few words; None when there is nothing."""
        if self.ended:
            return self.ended
        if b"Sanitizer" in self.err or b"runtime error:" in self.err:
            return "a sanitizer speaks: " + self.err.decode(errors="replace")[:1500]
        if self.status < 0:
            return f"ended by signal {-self.status}"
        if self.status not in statuses:
            return f"status {self.status}: " + self.err.decode(errors="replace")[-300:]
        if self.status in (2, 3) and not self.err and not self.out:
            return f"status {self.status} and not a word"
        return None


def _resident(pid):
    try:
        with open(f"/proc/{pid}/statm") as f:
            return int(f.read().split()[1]) * resource.getpagesize()
    except (OSError, IndexError):
        return 0


def run(command, seconds, mebibytes, scratch, **more):
    """Runs `command`; its output goes through files in the folder `scratch`."""
    def limits():
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 2))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # A verb that writes without end stops here, not at the end of the disk.
        resource.setrlimit(resource.RLIMIT_FSIZE, (512 * MIB, 512 * MIB))

    ended = None
    with open(os.path.join(scratch, "stdout"), "w+b") as out, open(os.path.join(scratch, "stderr"), "w+b") as err:
        started = time.monotonic()
        p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, preexec_fn=limits, **more)
        pid = 0
        while not pid:
            pid, status, usage = os.wait4(p.pid, 0 if ended else os.WNOHANG)
            if pid:
                break
            if _resident(p.pid) > mebibytes * MIB:
                ended = f"takes more than {mebibytes:.0f} MiB"
            elif time.monotonic() - started > CLOCK:
                ended = f"does not end within {CLOCK} s"
            if ended:
                p.kill()
            else:
                time.sleep(0.005)
        p.returncode = os.waitstatus_to_exitcode(status)
        used, most = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
        if not ended and most > mebibytes:
            ended = f"takes {most:.0f} MiB, more than {mebibytes:.0f}"
        if not ended and p.returncode in (-signal.SIGXCPU, -signal.SIGKILL) and used >= seconds:
            ended = f"takes more than {seconds:.0f} s of processor time"
        out.seek(0)
        err.seek(0)
        return Result(p.returncode, out.read(64 * MIB), err.read(MIB), most, used, ended)


def memory_limit(path):
    """MiB that a verb may take: twice what the reader allows for the sections of a file (FORMAT.md), since it
    works with them. A hole counts nothing."""
    return 2 * (64 + 64 * os.stat(path).st_blocks * 512 / MIB)


def verbs(tidemark, path, other, scratch):
    """Every way in which a snapshot is read: (name, command). `other` is one that is whole."""
    out = os.path.join(scratch, "out")
    gate = os.path.join(scratch, "hostile.gate")
    with open(gate, "w") as f:
        f.write("[scenario s]\ncommand = true\nrounds = warm\nmin-rounds = 10\n[limits]\ngrowth = 0\nlive = 1KiB\npeak = 1KiB\nmissed = 100%\n")
    plain = [
        "info", "info -v", "info --json",
        "stat", "stat -vv", "stat --json", "stat --csv", "stat --by function", "stat --by file", "stat --by line",
        "stat --by module", "stat --by thread", "stat --by stack", "stat --by size", "stat --by age",
        "stat --all-frames --filter m*", "stat --exclude *.c", "stat --sort peak", "stat --min-age 1",
        "tree", "tree --json", "tree --csv", "tree --bottom-up",
        "timeline", "timeline --json", "timeline --csv",
        "leaks", "leaks -vv", "leaks --json --show possible,reachable", "leaks --tree", "leaks --gen-suppressions",
        "leaks --since warm", "leaks --filter m* --all-frames",
        "refs --json", "refs --dot", "refs --csv", "stat --by type", "stat --sort lost", "tree --sort lost",
        "types", "types --json", "types --show static", "waste", "waste -v", "waste --json",
        "retained", "retained --json", "retained --filter m* --all-frames", "retained --drop *", "retained --csv",
    ]
    for line in plain:
        words = line.split()
        yield line, [tidemark, *words, path] + (["*"] if words[0] == "refs" else [])
    yield "refs #0", [tidemark, "refs", path, "#0"]
    yield "diff", [tidemark, "diff", path, other]
    yield "diff --json", [tidemark, "diff", "--json", other, path]
    yield "diff --by type", [tidemark, "diff", "--by", "type", "--sort", "lost", other, path]
    yield "types OLD", [tidemark, "types", path, other]
    yield "leaks --together", [tidemark, "leaks", "--together", path, other]
    yield "leaks OLD", [tidemark, "leaks", path, other]
    for to in "pprof speedscope folded json csv jsonl dot massif dhat sqlite".split():
        yield "export --to " + to, [tidemark, "export", "--to", to, "-q", "-o", out + "." + to, path]
    yield "export --base", [tidemark, "export", "--to", "folded", "--base", other, "-o", "-", path]
    yield "html", [tidemark, "html", "-q", "-o", out + ".html", path]
    yield "html OLD", [tidemark, "html", "-q", "-o", out + ".html", path, other]
    yield "symbolize", [tidemark, "symbolize", "-o", out + ".tide", path]
    yield "top", [tidemark, "top", "--batch=1", path]
    yield "gate", [tidemark, "gate", "-c", gate, "--output", scratch, "--junit", out + ".xml", "--sarif", out + ".sarif",
                   "--gitlab", out + ".gitlab", "--markdown", out + ".md", "--html", out + ".gate.html", "--snapshots", path]
    yield "gate --against", [tidemark, "gate", "--output", scratch, "--json", "--snapshots", other, "--against", path]


if __name__ == "__main__":
    CLOCK = 600     # only its processor time counts
    result = run(sys.argv[3:], float(sys.argv[1]), float(sys.argv[2]), ".")
    print(result.wrong() or f"fine: status {result.status}, {result.mebibytes:.0f} MiB", result.err.decode(errors="replace")[-300:])
    sys.exit(bool(result.wrong()))
