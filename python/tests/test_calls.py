"""Promises about calls: errors with codes, cancelling, progress, the interpreter lock, fork, leaks."""

import gc
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from conftest import PLACE, TARGET, pair, voxels

import dlnms

LOOPING = TARGET / "looping-bundle"  # its network never ends by itself


def test_an_error_has_a_status_and_a_name(tiny, tmp_path):
    with pytest.raises(dlnms.Error) as found:
        tiny.score(pair(center=(9000, 0, 0)))
    assert (found.value.status, found.value.name) == (311, "DLNMS_E_ROI_OUTSIDE")
    assert "DLNMS_E_ROI_OUTSIDE" in str(found.value)
    with pytest.raises(dlnms.Error) as found:
        dlnms.Scorer(tmp_path)
    assert found.value.name == "DLNMS_E_BUNDLE_MISSING" and "manifest.json" in found.value.message
    with pytest.raises(dlnms.Error) as found:
        dlnms.Scorer(TARGET / "tiny-bundle", expected_manifest_sha256="0" * 64)
    assert found.value.name == "DLNMS_E_BUNDLE_ALTERED"
    with pytest.raises(dlnms.Error) as found:
        dlnms.Study(tmp_path / "nothing")
    assert found.value.name == "DLNMS_E_DICOM_READ"
    with pytest.raises(dlnms.Error) as found:
        tiny.score(pair(pet=np.full((40, 50, 60), np.nan, np.float32)))
    assert found.value.name == "DLNMS_E_VOXEL_NOT_FINITE"
    refused = tiny.score_batch([pair(), pair(center=(9000, 0, 0))])
    assert isinstance(refused[0], dlnms.Result) and refused[1].name == "DLNMS_E_ROI_OUTSIDE"


def test_arrays_that_cannot_be_read_in_place_are_refused():
    with pytest.raises(TypeError, match="int64"):
        dlnms.Volume(np.zeros((2, 2, 2), np.int64), **PLACE)
    with pytest.raises(TypeError, match="native byte order"):
        dlnms.Volume(np.zeros((2, 2, 2), ">f4"), **PLACE)
    with pytest.raises(ValueError, match="2 axes instead of 3"):
        dlnms.Volume(np.zeros((2, 2), np.float32), **PLACE)
    with pytest.raises(ValueError, match="same address"):
        dlnms.Volume(np.broadcast_to(np.float32(1), (40, 50, 60)), **PLACE)
    with pytest.raises(ValueError, match="slice_slopes: 3 numbers for 2 slices"):
        dlnms.Volume(np.zeros((2, 2, 2), np.float32), **PLACE, slice_slopes=[1, 2, 3])
    with pytest.raises(TypeError):
        dlnms.Volume(np.zeros((2, 2, 2), np.float32))  # a place has no default
    with pytest.raises(ValueError, match="exactly one of"):
        dlnms.Case(voxels_volume(), voxels_volume())
    with pytest.raises(ValueError, match="given: center, seed"):
        dlnms.Case(voxels_volume(), voxels_volume(), center=(0, 0, 0), seed=(0, 0, 0))


def voxels_volume():
    return dlnms.Volume(voxels(), **PLACE)


def test_policies_decide_what_is_refused(tiny):
    pet = voxels(2)
    pet[15:25, 20:30, 25:35] = 0
    cold = pair(pet=pet)
    assert "center_without_uptake" in {f.code for f in tiny.score(cold).findings}
    with pytest.raises(dlnms.Error, match="center_without_uptake") as found:
        dlnms.Scorer(TARGET / "tiny-bundle", quality="strict").score(cold)
    assert found.value.name == "DLNMS_E_QUALITY"
    silent = dlnms.Scorer(TARGET / "tiny-bundle", quality=dlnms.QualityPolicy(actions={"center_without_uptake": "ignore"}))
    assert "center_without_uptake" not in {f.code for f in silent.score(cold).findings}
    for policy, message in ((dlnms.QualityPolicy("loose"), "loose"), (dlnms.QualityPolicy(actions={"nothing": "warn"}), "no check 'nothing'")):
        with pytest.raises(ValueError, match=message):
            dlnms.Scorer(TARGET / "tiny-bundle", quality=policy)


def test_options_reach_the_library(tiny):
    scorer = dlnms.Scorer(TARGET / "tiny-bundle", providers=[dlnms.Provider("cpu", kernels="onnxruntime", threads=1)])
    result = scorer.score(pair())
    assert (result.engine.kernels, result.engine.threads) == ("onnxruntime", 1)
    with pytest.raises(ValueError, match="cpu, cuda, openvino, tensorrt, tensorrt-rtx"):
        dlnms.Scorer(TARGET / "tiny-bundle", providers=["gpu"])
    with pytest.raises(dlnms.Error) as found:
        dlnms.Scorer(TARGET / "tiny-bundle", providers=["cuda"]).prepare()
    assert found.value.name == "DLNMS_E_PROVIDER_UNAVAILABLE"


def looping():
    return dlnms.Scorer(LOOPING, precision="fp16", providers=["cpu"])


def test_a_progress_function_is_called_and_cancels():
    seen = []
    with pytest.raises(dlnms.CancelledError) as found:
        looping().prepare(lambda phase, fraction: seen.append((phase, fraction)) or len(seen) < 5)
    assert found.value.name == "DLNMS_E_CANCELLED" and len(seen) >= 5
    assert seen[0][0] == "load" and all(0 <= fraction <= 1 for _, fraction in seen)


def test_an_exception_in_a_progress_function_ends_the_call_and_goes_on():
    def progress(phase, fraction):
        raise ZeroDivisionError("of the caller")

    with pytest.raises(ZeroDivisionError, match="of the caller"):
        looping().prepare(progress)


def test_a_bar_is_shown_where_one_is_asked_for(phantom, capfd):
    dlnms.Study(phantom[0], progress=True)
    assert "decode" in capfd.readouterr().err
    dlnms.Study(phantom[0])
    assert capfd.readouterr().err == ""


def test_keyboard_interrupt_cancels_a_call():
    # Once with the signal in the middle of a call that would never end, in a process of its own.
    program = f"""
import gc, os, signal, threading, dlnms
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it in what it runs in the background
scorer = dlnms.Scorer({str(LOOPING)!r}, precision="fp16", providers=["cpu"])
threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
try:
    scorer.prepare()
except KeyboardInterrupt:
    print("interrupted")
gc.collect()
del scorer
print(dlnms.live_objects())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.stdout == "interrupted\n0\n", done


def test_the_interpreter_runs_on_during_a_call():
    scorer, ended = looping(), []
    may_end = threading.Event()

    def prepare():
        try:
            scorer.prepare(lambda phase, fraction: not may_end.is_set())
        except dlnms.CancelledError as error:
            ended.append(error)

    thread = threading.Thread(target=prepare)
    thread.start()
    for _ in range(1000):  # runs between the calls of the progress function, while the network loops
        np.sort(np.arange(100))
    may_end.set()
    thread.join()
    assert len(ended) == 1


def test_a_forked_process_is_refused(tiny):
    tiny.prepare()
    case = pair()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            tiny.score(case)
        except dlnms.Error as error:
            os.write(writer, error.name.encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    assert os.read(reader, 100) == b"DLNMS_E_FORKED"
    os.close(reader)


def test_nothing_is_left_behind():
    gc.collect()
    before = dlnms.live_objects()
    scorer = dlnms.Scorer(TARGET / "tiny-bundle")
    results = [scorer.score(pair()) for _ in range(3)]
    with pytest.raises(dlnms.Error):
        scorer.score(pair(center=(9000, 0, 0)))
    gc.collect()  # pytest keeps the exception with its frames
    assert len(results) == 3 and dlnms.live_objects() == before + 1
    del scorer
    gc.collect()
    assert dlnms.live_objects() == before


def test_voxels_of_a_study_outlive_the_study(phantom):
    handler = signal.getsignal(signal.SIGINT)
    array = dlnms.Study(phantom[0]).ct.array
    gc.collect()
    before = array.sum(dtype=np.int64)
    big = [np.ones(10_000_000) for _ in range(5)]
    assert array.sum(dtype=np.int64) == before and len(big) == 5
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0, 0] = 1
    assert signal.getsignal(signal.SIGINT) is handler
