#!/usr/bin/env python3
"""Throughput of `dlnms batch` with 1 and more workers, and a simulation of a cluster from the measured cost of a row.

    batch_scaling.py --dlnms PROGRAM --bundle DIR --study PATH --center=X,Y,Z [--rows 24] [--workers 1,2] [--dispatch SECONDS]

Each run scores `rows` tumours of one study, read anew for each. The simulation hands rows to N processes in the order of the
manifest, each row with a cost drawn from the measured ones; one coordinator needs `dispatch` seconds for each row and line.
"""
import argparse
import csv
import heapq
import json
import os
import pathlib
import random
import subprocess
import tempfile
import time


def measure(options, workers):
    """Returns the seconds of a run, and the seconds of each row as the program says them."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        x, y, z = (float(v) for v in options.center.split(","))
        with open(folder / "rows.csv", "w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["study", "tumour"])
            # A tenth of a millimetre apart: equal rows are refused.
            rows.writerows([";".join(os.path.abspath(p) for p in options.study), f"point:{x},{y},{z + n / 10}"] for n in range(options.rows))
        command = [options.dlnms, "batch", folder / "rows.csv", "--bundle", options.bundle, "--out", folder / "out", "--workers", str(workers)]
        start = time.monotonic()
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        seconds = time.monotonic() - start
        lines = [json.loads(line) for line in (folder / "out/results.jsonl").read_text().splitlines()]
        assert len(lines) == options.rows and all(line["outcome"] == "scored" for line in lines)
        return seconds, [line["seconds"] for line in lines]


def simulate(costs, processes, dispatch, rows=20000):
    """Returns the studies a second of a simulated cluster."""
    draw = random.Random(1)
    free = [0.0] * processes
    handed = end = 0.0
    for _ in range(rows):
        handed += dispatch  # the coordinator does one row after the other
        start = max(heapq.heappop(free), handed)
        done = start + draw.choice(costs)
        end = max(end, done)
        heapq.heappush(free, done)
    return rows / end


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dlnms", required=True)
    parser.add_argument("--bundle", required=True)
    parser.add_argument("--study", required=True, action="append")
    parser.add_argument("--center", required=True)
    parser.add_argument("--rows", type=int, default=24)
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--dispatch", type=float, default=0.0054, help="seconds of the coordinator for a row [default: 0.0054, measured with Ray 2.60 on two busy cores]")
    options = parser.parse_args()
    first = None
    for workers in map(int, options.workers.split(",")):
        before = os.getloadavg()[0]
        seconds, costs = measure(options, workers)
        first = first or costs
        print(f"{workers} workers: {options.rows} studies in {seconds:.1f} s, {options.rows / seconds:.2f} studies/s; "
              f"a row {sum(costs) / len(costs):.2f} s; load before {before:.1f}")
    one = simulate(first, 1, options.dispatch)
    for processes in (1, 2, 4, 8, 16, 32, 64):
        rate = simulate(first, processes, options.dispatch)
        print(f"simulated, {processes:2} processes: {rate:.1f} studies/s, {rate / one:.1f} times one")


if __name__ == "__main__":
    main()
