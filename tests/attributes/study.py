"""Valid PET/CT studies, small and made up, for edits of their attributes: six CT and six PET slices with known voxels."""

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
import numpy as np

CT_CLASS = "1.2.840.10008.5.1.4.1.1.2"
PET_CLASS = "1.2.840.10008.5.1.4.1.1.128"
SLICES, ROWS, COLUMNS = 6, 10, 12
RECIPES = ("ge", "siemens", "counts", "gml", "admin", "none", "lbm", "zone")


def code(value, scheme, meaning):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def image(sop_class, series, n, z, pixels, signed):
    """One slice with everything that geometry, identity and stored values need."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID = f"1.2.3.{series}.{n}"
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = "1.2.3.9", f"1.2.3.{series}", "1.2.3.8"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex, ds.PatientAge = "Made^Up", "P1", "19500101", "F", "070Y"
    ds.InstanceNumber, ds.AcquisitionNumber = n + 1, 1
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.Manufacturer = "dlnms tests"
    ds.ImagePositionPatient = [-12.0, -10.0, z]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing, ds.SliceThickness = [2.0, 2.5], 3.0
    ds.Rows, ds.Columns = pixels.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 16, 15
    ds.PixelRepresentation = int(signed)
    ds.add_new(0x7FE00010, "OW", pixels.astype("<i2" if signed else "<u2").tobytes())
    return ds


def ct_slices(rng):
    for n in range(SLICES):
        pixels = rng.integers(0, 2048, (ROWS, COLUMNS))
        pixels[0, :2] = -2000
        ds = image(CT_CLASS, 1, n, -9.0 + 3.0 * n, pixels, signed=True)
        ds.Modality, ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = "CT", "1", "-1024", "HU"
        ds.add_new(0x00280120, "SS", -2000)
        yield ds


def pet_slices(rng, recipe):
    for n in range(SLICES):
        ds = image(PET_CLASS, 2, n, -9.0 + 3.0 * n, rng.integers(0, 30000, (ROWS, COLUMNS)), signed=True)
        ds.Modality, ds.RescaleSlope, ds.RescaleIntercept = "PT", str(round(0.5 + 0.05 * n, 3)), "0"
        ds.CorrectedImage, ds.Units, ds.DecayCorrection = ["ATTN", "DECY"], "BQML", "START"
        ds.PatientWeight, ds.PatientSize = "71.5", "1.68"
        ds.SeriesDate = ds.AcquisitionDate = "20200115"
        ds.SeriesTime = "101500"
        ds.AcquisitionTime = f"10{15 + n // 2:02d}{30 * (n % 2):02d}"
        ds.FrameReferenceTime, ds.ActualFrameDuration = str(90000.0 + 30000.0 * n), "180000"
        drug = Dataset()
        drug.Radiopharmaceutical = "Fluorodeoxyglucose"
        drug.RadiopharmaceuticalCodeSequence = Sequence([code("C-B1031", "SRT", "Fluorodeoxyglucose F^18^")])
        drug.RadionuclideCodeSequence = Sequence([code("C-111A1", "SRT", "^18^Fluorine")])
        drug.RadionuclideTotalDose, drug.RadionuclideHalfLife = "370000000", "6586.2"
        drug.RadiopharmaceuticalStartTime = "091000"
        if recipe == "ge":
            ds.Manufacturer = "GE MEDICAL SYSTEMS"
            ds.SeriesTime = "102500"  # stamped when the series was made, after the acquisition
            ds.add_new(0x00090010, "LO", "GEMS_PETD_01")
            ds.add_new(0x0009100D, "DT", "20200115101500.00")
        elif recipe == "siemens":
            ds.SeriesTime = "110000"
            drug.RadiopharmaceuticalStartDateTime = "20200115091000.00"
        elif recipe == "counts":
            ds.Manufacturer, ds.Units = "Philips Medical Systems", "CNTS"
            ds.add_new(0x70530010, "LO", "Philips PET Private Group")
            ds.add_new(0x70531000, "DS", "0.000325")
        elif recipe == "gml":
            ds.Units, ds.RescaleSlope = "GML", str(round(0.0005 + 0.00005 * n, 6))
        elif recipe == "admin":
            ds.DecayCorrection = "ADMIN"
        elif recipe == "none":
            ds.DecayCorrection, ds.CorrectedImage = "NONE", ["ATTN"]
        elif recipe == "lbm":
            ds.Units, ds.SUVType, ds.RescaleSlope = "GML", "LBM", str(round(0.0005 + 0.00005 * n, 6))
        elif recipe == "zone":
            ds.TimezoneOffsetFromUTC = "+0200"
            drug.RadiopharmaceuticalStartDateTime = "20200115071000.00+0000"
        ds.RadiopharmaceuticalInformationSequence = Sequence([drug])
        yield ds


def make(recipe, seed=0):
    """The slices of a study by modality."""
    rng = np.random.default_rng(seed)
    return {"CT": list(ct_slices(rng)), "PT": list(pet_slices(rng, recipe))}


def write(study, folder, implicit=False):
    folder.mkdir(parents=True)
    for modality, slices in study.items():
        for n, ds in enumerate(slices):
            ds.file_meta = FileMetaDataset()
            ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
            ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = "1.2", "1.2.3"
            # Raw values are written as they are only where the encoding is the one they came in.
            for part in (ds, *(item for element in list(ds._dict.values()) if getattr(element, "VR", "") == "SQ" for item in element.value)):
                part.set_original_encoding(implicit, True, "iso8859")
            ds.save_as(folder / f"{modality.lower()}{n}.dcm", implicit_vr=implicit, little_endian=True, enforce_file_format=True)
