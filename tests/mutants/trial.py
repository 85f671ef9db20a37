"""Running: which mutants a test reaches, and whether the tests that reach a mutant notice it."""

import concurrent.futures
import os
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass

# A mutant may ask for any amount of memory.
MEMORY = 8 << 30
FIRST_CHUNK_S = 0.3
# After so many mutants that were caught, the tests of the last of them run without a mutant, and must pass.
CONTROL_EVERY = 100


@dataclass
class Test:
    """A test of a test program; `seconds` as measured alone."""

    program: str
    name: str
    seconds: float = 0.0
    passed: bool = False
    slow: bool = False


class Runner:
    """Starts test programs as cargo does."""

    def __init__(self, copy_path, scratch):
        self.path, self.scratch = copy_path, scratch
        self.environment = dict(os.environ, CARGO_MANIFEST_DIR=str(copy_path), RUST_BACKTRACE="0")
        self.environment.pop("DLNMS_REQUIRE_ALL", None)

    def names(self, program):
        listed = subprocess.run([program, "--list", "--format", "terse"], cwd=self.path, env=self.environment,
                                stdout=subprocess.PIPE, text=True, check=True).stdout
        return [line[:-len(": test")] for line in listed.splitlines() if line.endswith(": test")]

    def run(self, program, names, timeout, **variables):
        """Exit status of the tests of these names, or None where they took longer; and the seconds."""
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            environment = dict(self.environment, TMPDIR=folder, **variables)
            began = time.monotonic()
            process = subprocess.Popen(
                ["/bin/sh", "-c", f'ulimit -v {MEMORY >> 10}; exec "$@"', "sh", program, "--exact", "--test-threads=1", *names],
                cwd=self.path, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, start_new_session=True)
            try:
                status = process.wait(timeout)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                process.wait()
            return status, time.monotonic() - began


def baseline(runner, tests, jobs, slowest, say):
    """Runs each test alone without a mutant, for at most `slowest` seconds; returns which tests reach each mutant, by its number."""
    reaching, lock, done = {}, threading.Lock(), [0]

    def one(test):
        with tempfile.NamedTemporaryFile(dir=runner.scratch) as reached:
            status, test.seconds = runner.run(test.program, [test.name], slowest, DLNMS_MUTANTS_REACHED=reached.name)
            test.passed, test.slow = status == 0, status is None
            lines = reached.read().decode().splitlines()
        with lock:
            done[0] += 1
            if done[0] % 50 == 0:
                say(f"baseline: {done[0]} of {len(tests)} tests")
            if test.passed:
                for line in lines:
                    first, last = map(int, line.split())
                    for number in range(first, last + 1):
                        reaching.setdefault(number, {})[(test.program, test.name)] = test

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        list(pool.map(one, tests))
    return {number: list(found.values()) for number, found in reaching.items()}


class Trials:
    """Runs mutants, first against the tests that noticed their neighbours."""

    def __init__(self, runner, reaching):
        self.runner, self.reaching = runner, reaching
        self.noticed, self.lock = {}, threading.Lock()
        self.caught = 0

    def _chunks(self, mutant):
        """The tests that reach a mutant in groups of growing time, each of one program."""
        with self.lock:
            count = lambda t: sum(self.noticed.get((place, t.program, t.name), 0) for place in (mutant.file, mutant.function))
            tests = sorted(self.reaching.get(mutant.number, []), key=lambda t: (t.seconds > 1.0 and not count(t), -count(t), t.seconds))
        limit, group, total = FIRST_CHUNK_S, [], 0.0
        for test in tests:
            group.append(test)
            total += test.seconds
            if total >= limit:
                yield group
                limit, group, total = limit * 2, [], 0.0
        if group:
            yield group

    def _control(self, program, tests, limit, status):
        """Stops everything when a failure may have another cause than the mutant: verdicts after it would mean nothing."""
        with self.lock:
            self.caught += 1
            due = self.caught % CONTROL_EVERY == 0
        if status in (126, 127):
            raise RuntimeError(f"{program} cannot be run")
        if due and self.runner.run(program, [t.name for t in tests], 10 * limit)[0] != 0:
            raise RuntimeError(f"fails without a mutant, too: {', '.join(t.name for t in tests)}")

    def run(self, mutant):
        """Returns "caught", "timeout" or "missed", and the test (or tests run together) that noticed it."""
        for group in self._chunks(mutant):
            for program in dict.fromkeys(t.program for t in group):
                tests = [t for t in group if t.program == program]
                limit = 10 * sum(t.seconds for t in tests) + 5
                status, _ = self.runner.run(program, [t.name for t in tests], limit, DLNMS_MUTANT=str(mutant.number))
                if status != 0:
                    self._control(program, tests, limit, status)
                    with self.lock:
                        for test in tests:
                            for place in (mutant.file, mutant.function):
                                key = (place, test.program, test.name)
                                self.noticed[key] = self.noticed.get(key, 0) + 1 / len(tests)
                    return "timeout" if status is None else "caught", [t.name for t in tests]
        return "missed", []
