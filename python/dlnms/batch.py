"""`dlnms batch` on a cluster of Ray: `python -m dlnms.batch MANIFEST --bundle DIR --out DIR --ray ADDRESS`.

The program does the work at both ends, so that a cluster scores and records as one machine does: here `dlnms batch --hand-out`
knows which rows are left and records each once, and on the nodes `dlnms batch --worker` scores them. Ray carries rows there and
lines back, and gives a row of a node that is lost to another. The nodes see the same files under the same paths.

Without a cluster use `dlnms batch --workers N`. Ray is the optional extra `dlnms[ray]`.
"""

from __future__ import annotations

import argparse
import atexit
import json
import subprocess
import sys
from typing import Any, Dict, Iterator, Optional, Sequence, Tuple

from . import program

#: Tasks that wait or run for each processor of the cluster: enough that none is idle.
IN_FLIGHT = 2
#: How often a row whose node or process was lost is given to another.
RETRIES = 10
_INTERNAL = 900  # DLNMS_E_INTERNAL
_workers: Dict[Tuple[str, ...], "Worker"] = {}


class Worker:
    """A process `dlnms batch --worker`: rows go in, lines come out. It keeps its network from row to row."""

    def __init__(self, options: Sequence[str]) -> None:
        self._command = [program.PATH, "batch", "--worker", *options]
        self._process: Optional["subprocess.Popen[bytes]"] = None

    def score(self, row: str) -> str:
        """Returns the line of a row. A process that ends in the middle of it makes a line with the outcome "failed".

        Raises RuntimeError if a process ends before its first row: the bundle or ONNX Runtime is at fault.
        """
        fresh = self._process is None
        if self._process is None:
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=program.environment())
        process = self._process
        try:
            process.stdin.write(row.encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:
            line = b""
        if line.endswith(b"\n"):
            return line.decode().rstrip("\n")
        code = process.wait()
        self._process = None
        if fresh and code > 0:
            raise RuntimeError(f"{' '.join(self._command)} ended with exit code {code}; its message stands above")
        return failed(row, f"the process of the worker ended by signal {-code}" if code < 0 else f"the worker ended with exit code {code}")

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait()
            self._process = None


def failed(row: str, message: str) -> str:
    """Returns the line of a row that could not be scored; the next run tries it again."""
    given = json.loads(row)
    known = {name: given[name] for name in ("row", "patient", "key")}
    return json.dumps({**known, "outcome": "failed", "seconds": 0.0, "result": None, "error": {"status": _INTERNAL, "message": message}})


def score(row: str, options: Sequence[str]) -> str:
    """Returns the line of a row, scored by a worker that this process keeps for these options."""
    key = tuple(options)
    if key not in _workers:
        _workers[key] = Worker(options)
        atexit.register(_workers[key].close)
    return _workers[key].score(row)


class Coordinator:
    """A process `dlnms batch --hand-out`: the rows that are left, and the record of their lines."""

    def __init__(self, manifest: str, out: str, options: Sequence[str]) -> None:
        command = [program.PATH, "batch", manifest, "--out", out, "--hand-out", *options]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=program.environment())

    def rows(self) -> Iterator[str]:
        """Returns the rows that are not done, as they are asked for."""
        for line in self._process.stdout:
            if line == b"\n":
                return
            yield line.decode().rstrip("\n")

    def record(self, line: str) -> None:
        """Records a line; it is on the disk soon after."""
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def close(self) -> int:
        """Waits for the end and returns the exit code."""
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass  # it ended first, and its message stands above
        return self._process.wait()


def run_on_ray(address: Optional[str], coordinator: Coordinator, options: Sequence[str], cpus: float = 1) -> None:
    """Scores the rows of a coordinator on a cluster of Ray, each task with so many processors.

    A row whose node or process is lost is given to another, at most `RETRIES` times; then it has failed.

    Raises RuntimeError if no worker can score: the bundle or ONNX Runtime is at fault.
    """
    import ray

    from dlnms.batch import score  # by its module's name, also where this module is the program

    def take(running: Dict[Any, str]) -> None:
        """Waits for at least one row and records those that are done."""
        done, _ = ray.wait(list(running), num_returns=1)
        for task in done:
            row = running.pop(task)
            try:
                line = ray.get(task)
            except ray.exceptions.RayTaskError as error:
                raise RuntimeError(str(error.cause)) from None
            except ray.exceptions.RayError as error:
                line = failed(row, f"the cluster lost the row: {type(error).__name__}")
            coordinator.record(line)

    ray.init(address=address, logging_level="WARNING")
    try:
        remote = ray.remote(num_cpus=cpus, max_retries=RETRIES)(score)
        capacity = max(1, int(ray.cluster_resources().get("CPU", 1) / cpus)) * IN_FLIGHT
        running: Dict[Any, str] = {}
        for row in coordinator.rows():
            running[remote.remote(row, options)] = row
            if len(running) >= capacity:
                take(running)
        while running:
            take(running)
    finally:
        ray.shutdown()


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Runs the command and returns its exit code: that of `dlnms batch`."""
    parser = argparse.ArgumentParser(prog="python -m dlnms.batch", description=__doc__.splitlines()[0],
                                     epilog="Other options are those of `dlnms batch`, for example --quality strict. Research use only.")
    parser.add_argument("manifest", help="CSV with a row for each tumour, as for `dlnms batch`")
    parser.add_argument("--bundle", required=True, help="model bundle, at the same path on every node")
    parser.add_argument("--out", required=True, help="folder of results.jsonl, on this machine")
    parser.add_argument("--ray", required=True, metavar="ADDRESS", help="address of the cluster, for example auto or 10.0.0.1:6379")
    parser.add_argument("--cpus", type=float, default=1, metavar="N", help="processors of a task [default: 1]")
    parser.add_argument("--retry", action="store_true", help="try refused studies again")
    known, others = parser.parse_known_args(arguments)
    try:
        import ray  # noqa: F401
    except ImportError:
        sys.exit("Ray is not installed: pip install 'dlnms[ray]'. Without a cluster use `dlnms batch`.")
    options = ["--bundle", known.bundle, *others]
    coordinator = Coordinator(known.manifest, known.out, options + (["--retry"] if known.retry else []))
    threads = [] if "--threads" in others else ["--threads", str(max(1, int(known.cpus)))]
    try:
        run_on_ray(known.ray, coordinator, options + threads, known.cpus)
    except RuntimeError as error:
        coordinator.close()
        sys.exit(f"error: {error}")
    except BrokenPipeError:  # the coordinator ended first
        pass
    return coordinator.close()


if __name__ == "__main__":
    sys.exit(main())
