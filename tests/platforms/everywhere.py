"""What every platform must do; the test file of a platform imports these tests and says by the fixture `foreign` how it runs."""

import re

import numpy
from platforms import HERE, ROOT, TARGET, cut_mask, damaged, planes, study


def test_planes_are_those_of_this_machine_to_the_bit(foreign, tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    here, there = planes(HERE, tmp_path / "here"), planes(foreign, tmp_path / "there")
    assert here.keys() == there.keys() and len(here) == 2
    for name in here:
        assert here[name].dtype == numpy.float32 and here[name].tobytes() == there[name].tobytes(), name


def test_damaged_files_end_as_on_this_machine(foreign, tmp_path):
    folders = damaged(tmp_path)
    assert len(folders) == 5
    for name, folder in folders.items():
        (here, *_), (there, _, errors) = (platform.dlnms("inspect", folder, status=None) for platform in (HERE, foreign))
        assert here == there and here in (0, 1), (name, here, there, errors)
    arguments = ("planes", *study(), "--mask", cut_mask(tmp_path), "--bundle", TARGET / "tiny-bundle", "--out", tmp_path / "p")
    (_, _, here), (_, _, there) = (platform.dlnms(*arguments, status=1) for platform in (HERE, foreign))
    assert here == there and "bytes of voxels" in here, (here, there)


def test_hosts_in_c_and_cpp_score_as_on_this_machine(foreign, tmp_path):
    printed = {}
    for platform in (HERE, foreign):
        out = tmp_path / str(len(printed))
        out.mkdir()
        minimal = platform.build(ROOT / "cpp-example/minimal.c", out)
        output = platform.run(minimal, TARGET / "tiny-bundle", platform.onnxruntime)[1]
        assert "research use only" in output and "NOT TRAINED" in output, output
        printed[platform.tree] = [float(value) for value in re.findall(r"^n[12] (\S+)", output, re.M)]
        cancel = platform.build(ROOT / "cpp-example/cancel.cpp", out)
        assert "prepared after three cancelled tries" in platform.run(cancel, TARGET / "tiny-bundle", platform.onnxruntime)[1]
    here, there = printed.values()
    assert len(here) == 2
    numpy.testing.assert_allclose(there, here, rtol=0, atol=1e-6)


def test_everything_a_host_can_do_wrong_is_an_error(foreign, tmp_path):
    misuse = foreign.build(ROOT / "tests/hosts/misuse.c", tmp_path)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    assert "every mistake was a clear error" in foreign.run(misuse, TARGET / "tiny-bundle", foreign.onnxruntime, scratch)[1]
