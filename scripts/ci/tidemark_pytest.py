"""A pytest plugin, in one file: tests fail when an extension forgets a Py_DECREF while they run.

Copy it beside your tests (or into a folder of PYTHONPATH), and run

    python3 -m pytest -p tidemark_pytest --tidemark

pytest starts itself again under `tidemark run`. Each test is a round (tide_mark). At the end a snapshot is taken, and
each type with lost references is shown with the test that made its objects; the exit status is then 1.
--tidemark-limit N allows N such objects; --tidemark-keep FILE keeps the snapshot for `tidemark types` and `refs`.

Inside `tidemark run` or a gate the plugin only marks the rounds: the gate judges (refleaks = 0, rounds = test).
"""
import ctypes
import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile

import pytest

KEPT_BY_RUN = "TIDEMARK_PYTEST"  # the process that pytest has started under tidemark


def pytest_addoption(parser):
    group = parser.getgroup("tidemark", "memory")
    group.addoption("--tidemark", action="store_true", help="fail when objects are kept by lost references")
    group.addoption("--tidemark-limit", type=int, default=0, metavar="N", help="lost objects that are allowed")
    group.addoption("--tidemark-keep", metavar="FILE", help="keep the snapshot that is judged")


def library():
    """The library of tidemark in this process, or None."""
    try:
        own = ctypes.CDLL(None)
        own.tide_mark, own.tide_snapshot
        return own
    except AttributeError:
        return None


def pytest_cmdline_main(config):
    if not config.option.tidemark or library() or os.environ.get(KEPT_BY_RUN):
        return None
    command = shutil.which("tidemark")
    if not command:
        raise pytest.UsageError("--tidemark: there is no tidemark in PATH; install it, or leave the option out")
    arguments = [sys.executable, "-m", "pytest", *config.invocation_params.args]
    if not any(a.startswith("tidemark_pytest") or a == "-ptidemark_pytest" for a in arguments):
        arguments[3:3] = ["-p", "tidemark_pytest"]
    with tempfile.TemporaryDirectory() as folder:
        run = [command, "run", "-q", "-f", "-o", os.path.join(folder, "exit.tide"), "--", *arguments]
        return subprocess.call(run, env={**os.environ, KEPT_BY_RUN: command})


def pytest_configure(config):
    own = library()
    if own:
        config.pluginmanager.register(Rounds(config, own), "tidemark-rounds")
    elif os.environ.get(KEPT_BY_RUN) and config.option.tidemark:
        raise pytest.UsageError("--tidemark: this Python cannot be followed; see `tidemark doctor -- " + sys.executable + "`")


class Rounds:
    def __init__(self, config, own):
        self.config, self.own = config, own
        self.judges = config.option.tidemark and os.environ.get(KEPT_BY_RUN)
        self.tests = {}
        self.lines, self.failed = [], False

    def pytest_collection_finish(self, session):
        for item in session.items:
            function = getattr(item, "function", None)
            code = getattr(function, "__code__", None)
            if code:
                self.tests[code.co_filename, code.co_name] = item.nodeid.split("[")[0]

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item):
        yield
        gc.collect()
        self.own.tide_mark(b"test")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session):
        if not self.judges:
            return
        with tempfile.TemporaryDirectory() as folder:
            path = self.config.option.tidemark_keep or os.path.join(folder, "tests.tide")
            gc.collect()
            if self.own.tide_snapshot(path.encode()) != 0 or not os.path.exists(path):
                return self.fail(session, "no snapshot could be taken: the tests are not judged")
            environment = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
            types = subprocess.run([os.environ[KEPT_BY_RUN], "types", "--json", path], env=environment, capture_output=True, text=True)
        if types.returncode or not json.loads(types.stdout)["python"]:
            return self.fail(session, "the tests are not judged: " + (types.stderr.strip() or "the snapshot has no objects of Python"))
        self.judge(session, json.loads(types.stdout))

    def fail(self, session, line):
        self.lines.append(line)
        self.failed = True
        if not session.exitstatus:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def judge(self, session, report):
        if report["python"]["off"]:
            return self.fail(session, "the tests are not judged: " + ", ".join(report["python"]["off"]) + " of this interpreter cannot be read")
        left = report["refleaks"].get("left", {"objects": 0})["objects"]
        if left:
            self.lines.append("{} objects have references that threads held which did not survive a fork: they are not judged".format(left))
        if report["refleaks"]["objects"] <= self.config.option.tidemark_limit:
            return
        for row in report["types"]:
            if row["verdict"] != "refleak":
                continue
            name = row["type"] if row["module"] in ("", "builtins") else row["module"] + "." + row["type"]
            where = self.test_of(row["stacks"])
            self.fail(session, "{} objects of {} are held by {} lost references: {}".format(row["excess_objects"], name, row["excess_references"], where))

    def test_of(self, stacks):
        """The test in whose stack most of the objects were made; else the line."""
        for stack in stacks:
            for frame in reversed(stack["stack"]):
                test = self.tests.get((frame["file"], frame["function"]))
                if test:
                    return test
        for stack in stacks:
            for frame in stack["stack"]:
                if frame["language"] == "python":
                    return "{}:{} {}".format(frame["file"], frame["line"], frame["function"])
        return "made before the first test"

    def pytest_terminal_summary(self, terminalreporter):
        if not self.judges:
            return
        terminalreporter.section("tidemark", red=self.failed, green=not self.failed)
        for line in self.lines or ["no lost references"]:
            terminalreporter.line(line)
