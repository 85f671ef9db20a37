"""Writes the images of a made patient as DICOM, so that the library's reader and its SUV are part of the way."""

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, PositronEmissionTomographyImageStorage

ROOT = "1.2.826.0.1.3680043.8.498.77."  # of pydicom; numbers behind it are made from the seed
HALF_LIFE, DOSE, WEIGHT, UPTAKE_SECONDS = 6586.2, 3.5e8, 70.0, 3600
DAY, START, INJECTED = "20200102", "110000", "100000"


def uid(*parts):
    """Returns a UID that is the same for the same numbers."""
    return ROOT + ".".join(str(int(p)) for p in parts)


def write(folder, ct, pet, seed, case):
    """Writes a study of two series in folders `ct` and `pet`."""
    suv_to_bq = DOSE * 2 ** (-UPTAKE_SECONDS / HALF_LIFE) / (WEIGHT * 1000)
    for number, (name, volume) in enumerate((("ct", ct), ("pet", pet)), start=1):
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        for i, values in enumerate(volume.values):
            d = _slice(name, volume, i, seed, case, number)
            if name == "ct":
                d.RescaleSlope, d.RescaleIntercept, d.RescaleType = "1", "0", "HU"
                stored = values.astype("<i2")
                d.PixelRepresentation = 1
            else:
                _radiopharmaceutical(d, i)
                slope = f"{max(float(values.max()) * suv_to_bq / 32767, 1e-6):.9g}"
                d.RescaleSlope, d.RescaleIntercept = slope, "0"
                stored = np.rint(values.astype(np.float64) * suv_to_bq / float(slope)).astype("<i2")
                d.PixelRepresentation = 0
                stored = stored.astype("<u2")
            d.PixelData = stored.tobytes()
            d.save_as(place / f"{i:04d}.dcm", enforce_file_format=True)


def _slice(name, volume, i, seed, case, number):
    kind = CTImageStorage if name == "ct" else PositronEmissionTomographyImageStorage
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = kind, ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = uid(seed, case, number, i + 1)
    d = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    d.SOPClassUID, d.SOPInstanceUID = kind, meta.MediaStorageSOPInstanceUID
    d.StudyInstanceUID, d.SeriesInstanceUID, d.FrameOfReferenceUID = uid(seed, case), uid(seed, case, number), uid(seed, case, 9)
    d.PatientID, d.PatientName, d.PatientSex, d.PatientBirthDate = f"PHANTOM-{seed}-{case}", f"Phantom^{seed}-{case}", "O", "19600101"
    d.PatientWeight, d.PatientSize = str(WEIGHT), "1.75"
    d.StudyDate = d.SeriesDate = d.AcquisitionDate = d.ContentDate = DAY
    d.StudyTime = d.SeriesTime = d.AcquisitionTime = d.ContentTime = START
    d.StudyID, d.AccessionNumber, d.ReferringPhysicianName = "1", "", ""
    d.Modality, d.SeriesNumber, d.InstanceNumber = {"ct": "CT", "pet": "PT"}[name], str(number), str(i + 1)
    d.Manufacturer, d.ManufacturerModelName, d.SeriesDescription = "dlnms", "phantom cohort", f"Phantom {name.upper()}"
    d.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"] if name == "ct" else ["ORIGINAL", "PRIMARY"]
    (sx, sy, sz), (ox, oy, oz) = volume.spacing, volume.origin
    d.ImagePositionPatient, d.ImageOrientationPatient = [f"{v:.6f}" for v in (ox, oy, oz + i * sz)], ["1", "0", "0", "0", "1", "0"]
    d.PixelSpacing, d.SliceThickness, d.PositionReferenceIndicator = [f"{sy:.6f}", f"{sx:.6f}"], f"{sz:.6f}", ""
    d.Rows, d.Columns = volume.values.shape[1:]
    d.SamplesPerPixel, d.PhotometricInterpretation, d.BitsAllocated, d.BitsStored, d.HighBit = 1, "MONOCHROME2", 16, 16, 15
    if name == "ct":
        d.KVP, d.PatientPosition = "120", "HFS"
    return d


def _radiopharmaceutical(d, i):
    d.Units, d.DecayCorrection, d.CountsSource = "BQML", "START", "EMISSION"
    d.CorrectedImage, d.SeriesType, d.ImageIndex = ["DECY", "ATTN", "SCAT", "NORM", "DTIM", "RAN"], ["STATIC", "IMAGE"], i + 1
    d.AttenuationCorrectionMethod, d.ScatterCorrectionMethod, d.FrameReferenceTime, d.ActualFrameDuration = "measured,CTAC", "model", "0", "120000"
    item = pydicom.Dataset()
    item.RadiopharmaceuticalStartTime, item.RadionuclideTotalDose, item.RadionuclideHalfLife = INJECTED, f"{DOSE:.1f}", f"{HALF_LIFE:.1f}"
    item.RadiopharmaceuticalStartDateTime, item.Radiopharmaceutical = DAY + INJECTED, "FDG"
    code = pydicom.Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "C-111A1", "SRT", "18F"
    item.RadionuclideCodeSequence = [code]
    d.RadiopharmaceuticalInformationSequence = [item]
