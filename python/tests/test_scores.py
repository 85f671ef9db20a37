"""Promises about scores: equal to the C++ host to the bit, from DICOM and from voxels; threads; batches; planes."""

import json
import pickle
import subprocess
import threading

import numpy as np
import pytest
from conftest import ACRIN, CENTER, PLACE, ROOT, TARGET, needs_data, pair, voxels

import dlnms
from dlnms import program


@pytest.fixture(scope="module")
def cpp_host(tmp_path_factory):
    """cpp-example/score.cpp, linked to the library of the wheel."""
    folder = tmp_path_factory.mktemp("host")
    package = program.FOLDER
    subprocess.run(["g++", "-std=c++17", "-O1", ROOT / "cpp-example/score.cpp", f"-I{ROOT / 'include'}", package / "libdlnms.so.1",
                    f"-Wl,-rpath,{package}", "-o", folder / "score", "-pthread"], check=True)
    return folder / "score"


def scored_by(host, *arguments):
    """Returns n1 and n2 as the C++ host prints them, with every digit of a float, and its JSON."""
    command = [host, "--bundle", TARGET / "bundle", f"--center={','.join(map(str, CENTER))}", "--json", "/dev/stderr", *arguments, ACRIN / "ct", ACRIN / "pet_ac"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=program.environment())
    printed = dict(line.split()[:2] for line in done.stdout.splitlines() if line.startswith(("n1 ", "n2 ")))
    return np.float32(printed["n1"]), np.float32(printed["n2"]), json.loads(done.stderr)


@needs_data
def test_dicom_and_voxels_score_as_in_the_cpp_host_to_the_bit(acrin, cpp_host):
    scorer = dlnms.Scorer(TARGET / "bundle")
    result = scorer.score(acrin.case(center=CENTER))
    n1, n2, content = scored_by(cpp_host)
    assert (np.float32(result.n1), np.float32(result.n2)) == (n1, n2)
    assert 0.5 < result.n1 < 1
    own = result.to_dict()
    for of_time in ("timings_ms", "flags"):  # the host prepared before it scored
        own.pop(of_time), content.pop(of_time)
    assert own == content

    def copy(volume):
        """Returns the voxels in memory of this process, with what places and scales them."""
        return dlnms.Volume(volume.array.copy(), volume.origin, volume.spacing, volume.direction, volume.slope, volume.intercept,
                            volume.slice_slopes, volume.slice_offsets, volume.padding)

    case = dlnms.Case(copy(acrin.ct), copy(acrin.pet), pet_info=acrin.pet_info, center=CENTER)
    own_voxels = scorer.score(case)
    n1, n2, _ = scored_by(cpp_host, "--raw")
    assert (np.float32(own_voxels.n1), np.float32(own_voxels.n2)) == (n1, n2)
    assert own_voxels.n1 == result.n1
    assert scorer.score_batch([case, acrin.case(center=CENTER)]) == [own_voxels, result]


@needs_data
def test_a_result_is_plain_data(acrin, tiny):
    case = acrin.case(roi="GTV_SUV4") if acrin.rois else acrin.case(seed=CENTER, threshold_suv=4, measure_lesion=True, measure_references=True)
    result = tiny.score(case)
    assert result.lesion.voxels == 876 and result.lesion.threshold == 4
    assert result.liver.placed_by == "library" and 1 < result.liver.suv_mean < 3
    assert result.risk is None or result.risk.combined in ("low", "high")
    assert result.not_trained and result.heads["n1"] == result.n1
    assert result.engine.provider == "cpu" and result.timings_ms.total > 0
    assert pickle.loads(pickle.dumps(result)) == result
    assert json.loads(result.json()) == result.to_dict()
    missing = tiny.score(acrin.case(center=(CENTER[0] + 60, CENTER[1], CENTER[2]), measure_lesion=True, threshold_suv=50))
    assert missing.lesion is None and missing.unmeasured["lesion"]


@needs_data
def test_planes_are_those_of_the_program_to_the_bit(acrin, tiny, tmp_path):
    planes = tiny.planes(acrin.case(center=CENTER))
    subprocess.run([program.PATH, "planes", "--bundle", TARGET / "tiny-bundle", f"--center={','.join(map(str, CENTER))}", "--out", tmp_path / "p",
                    ACRIN / "ct", ACRIN / "pet_ac"], check=True, capture_output=True)
    for name in ("pet", "ct"):
        own, other = getattr(planes, name), np.load(tmp_path / f"p_{name}.npy")
        assert own.dtype == np.float32 and own.shape == other.shape and own.tobytes() == other.tobytes()


def test_any_layout_of_an_array_gives_the_same_bits_without_a_copy(tiny):
    ct = (voxels(1) * 40).astype(np.float32)
    whole = tiny.score(pair(ct=ct))
    big = np.zeros((80, 50, 60), np.float32)
    big[::2] = ct
    mirrored = np.ascontiguousarray(ct[::-1])[::-1]
    for layout in (np.asfortranarray(ct), big[::2], mirrored):
        volume = dlnms.Volume(layout, **PLACE)
        assert np.shares_memory(volume.array, layout)
        raw, _ = volume.raw()
        assert int(dlnms.volume.ffi.cast("uintptr_t", raw.data)) == layout.ctypes.data
        assert tiny.score(pair(ct=volume)) == whole
    ct[:] = ct[::-1].copy()
    assert tiny.score(pair(ct=ct)).heads != whole.heads, "the array itself is read"


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "f2", "f4", "f8", "?"])
def test_every_element_type_is_read_for_what_it_is(tiny, dtype):
    values = np.round(voxels(3) * 3).astype(dtype)
    planes = tiny.planes(pair(pet=values)).pet
    assert planes.tobytes() == tiny.planes(pair(pet=values.astype(np.float64))).pet.tobytes()


def test_threads_share_a_scorer(tiny):
    wanted = tiny.score(pair())
    got = []
    threads = [threading.Thread(target=lambda: got.extend(tiny.score(pair()) for _ in range(5))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [wanted] * 40


def test_simpleitk_images_are_accepted_with_their_geometry(tiny):
    sitk = pytest.importorskip("SimpleITK")
    turned = [0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1]
    images, volumes = [], []
    for n, scale in ((1, 40.0), (2, 1.0)):
        array = (voxels(n) * scale).astype(np.float32)
        image = sitk.GetImageFromArray(array)
        image.SetOrigin((-90.0, -150.0, -78.0))
        image.SetSpacing((4.0, 4.5, 3.5))
        image.SetDirection(turned)
        images.append(image)
        volumes.append(dlnms.Volume(array, (-90.0, -150.0, -78.0), (4.0, 4.5, 3.5), turned))
        assert list(image.TransformContinuousIndexToPhysicalPoint((1, 2, 3))) == pytest.approx(
            np.array(volumes[-1].origin) + np.reshape(turned, (3, 3)) @ (np.array([1, 2, 3]) * volumes[-1].spacing))
    assert tiny.score(dlnms.Case(*images, center=(0, 0, 0))) == tiny.score(dlnms.Case(*volumes, center=(0, 0, 0)))
    mask = sitk.GetImageFromArray((voxels(1) > 1.4).astype(np.uint8))
    mask.CopyInformation(images[0])
    as_image = tiny.score(dlnms.Case(*images, mask=mask))
    indices = np.argwhere(sitk.GetArrayFromImage(mask))[:, ::-1].mean(axis=0)
    assert as_image.center_lps_mm == pytest.approx(images[0].TransformContinuousIndexToPhysicalPoint(indices.tolist()), abs=1e-9)
    with pytest.raises(ValueError, match="2 dimensions"):
        dlnms.Volume.from_sitk(images[0][:, :, 3])
