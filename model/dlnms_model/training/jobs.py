"""Runs trainings: one after the other, several at a time on this machine, or on a Ray cluster."""

import os
import sys

import joblib

from ..table import TableError
from . import fit


def tell(line):
    """Says a line from a worker process."""
    print(f"dlnms_model: {line}", file=sys.stderr, flush=True)


def nothing(line):
    """Says nothing."""


def run(jobs, data, workers, ray_address, quiet, say, started):
    """Returns the results of jobs, in their order. A worker reads the prepared folder itself, so that it must see it."""
    if ray_address:
        return _ray(jobs, data, ray_address, workers, nothing if quiet else tell, started)
    if workers == 1:
        return [fit.run(job, data, say, started) for job in jobs]
    return joblib.Parallel(n_jobs=workers)(joblib.delayed(fit.run)(job, data, nothing if quiet else tell, started) for job in jobs)


def _ray(jobs, data, address, workers, say, started):
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # sends nothing
    try:
        import ray
    except ImportError:
        raise TableError("--ray needs ray: pip install 'dlnms_model[ray]'") from None
    if not ray.is_initialized():
        local = {"num_cpus": workers * jobs[0].threads, "include_dashboard": False, "configure_logging": False}
        ray.init(**(local if address == "local" else {"address": address}))
    gpus = 1 if jobs[0].device == "cuda" else 0
    remote = ray.remote(num_cpus=jobs[0].threads, num_gpus=gpus, max_retries=0)(fit.run)
    kept = ray.put(data)
    waiting = [remote.remote(job, kept, say, started) for job in jobs]
    try:
        return ray.get(waiting)
    except ray.exceptions.RayTaskError as error:
        for unfinished in ray.wait(waiting, num_returns=len(waiting), timeout=0)[1]:
            ray.cancel(unfinished, force=True)
        raise error.cause if isinstance(error.cause, TableError) else error from None
