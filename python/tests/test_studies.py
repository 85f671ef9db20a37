"""Promises about studies: what a synthetic one and real ones hold."""

import numpy as np
import pytest
from conftest import ACRIN, needs_data

import dlnms


def test_a_study_lists_what_it_holds(phantom, tiny):
    folder, truth = phantom
    study = dlnms.Study(folder)
    assert [s.modality for s in study.series] == ["ct", "pet"] and all(s.chosen for s in study.series)
    roi = study.rois[0]
    assert roi.refusal is None and study.roi(roi.name) is not None
    mask = study.roi_mask(roi.name)
    assert int(np.count_nonzero(mask.array)) == roi.voxels
    by_name, by_number = (tiny.score(study.case(roi=r)) for r in (roi.name, roi.number))
    assert by_name == by_number and by_name.center_lps_mm == pytest.approx(roi.centroid_lps_mm, abs=1e-6)
    assert tiny.score(study.case(mask=mask)) == by_name
    assert tiny.score(study.case(mask=folder / "tumour_mask.nii.gz")).center_lps_mm == pytest.approx(roi.centroid_lps_mm, abs=3)
    with pytest.raises(ValueError, match=f"'nothing' names 0 ROIs of the study, which has .*{roi.name}"):
        study.case(roi="nothing")
    assert study.inspect()["series"]
    del truth


def test_buffers_are_read_as_files_are(phantom, tiny):
    folder, _ = phantom
    files = sorted(p for part in ("ct", "pet") for p in (folder / part).rglob("*") if p.is_file())
    from_memory = dlnms.Study.from_buffers([p.read_bytes() for p in files])
    from_files = dlnms.Study([folder / "ct", folder / "pet"])
    assert np.array_equal(from_memory.ct.array, from_files.ct.array)
    assert tiny.score(from_memory.case(center=(-82, -12, 46.5))) == tiny.score(from_files.case(center=(-82, -12, 46.5)))


@needs_data
def test_suv_factors_and_values_of_a_real_study(acrin):
    info = acrin.pet_info
    assert info.units == "bqml" and info.decay_correction == "start" and info.sex == "male"
    assert info.suv_factors()[0] == acrin.series[1].suv_factor
    suv = acrin.pet.values() * info.suv_factors()[:, None, None]
    assert suv[80, 58, 55] == pytest.approx(42.22, abs=0.005)  # README of the data: the hottest voxel of the tumour
    assert acrin.metadata.same_patient and acrin.metadata.fdg
    grams = dlnms.PetInfo(**{**{f: getattr(info, f) for f in info.__dataclass_fields__}, "weight_kg": 91000.0})
    with pytest.raises(dlnms.Error) as found:
        grams.suv_factors()
    assert found.value.name == "DLNMS_E_SUV"
    choice = acrin.series[0].uid
    assert dlnms.Study(ACRIN, ct_series=choice).ct.array.shape == (135, 512, 512)
