"""Random edits of one attribute of a study, in one slice or in all slices of a series."""

from dataclasses import dataclass
from pydicom.dataelem import RawDataElement
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
import copy

NUMBERS = (
    "RescaleSlope RescaleIntercept PatientWeight PatientSize FrameReferenceTime ActualFrameDuration SliceThickness "
    "drug.RadionuclideTotalDose drug.RadionuclideHalfLife 7053,1000 7053,1009"
).split()
VECTORS = "ImagePositionPatient ImageOrientationPatient PixelSpacing".split()
SHORTS = "Rows Columns BitsAllocated BitsStored HighBit PixelRepresentation SamplesPerPixel PixelPaddingValue".split()
WORDS = {
    "Units": "BQML GML CNTS CM2ML PROPCNTS 1CM",
    "DecayCorrection": "START ADMIN NONE",
    "SUVType": "BW LBM LBMJAMES128 LBMJANMA IBW BSA",
    "CorrectedImage": "ATTN DECY",
    "PatientSex": "M F O",
    "RescaleType": "HU US ED Z_EFF",
    "PhotometricInterpretation": "MONOCHROME1 MONOCHROME2 RGB PALETTE\u0020COLOR",
    "Modality": "CT PT MR",
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2 1.2.840.10008.5.1.4.1.1.128 1.2.840.10008.5.1.4.1.1.7",
    "PatientID": "P1 P2",
    "StudyInstanceUID": "1.2.3.9 1.2.3.99",
    "SeriesInstanceUID": "1.2.3.1 1.2.3.77",
    "FrameOfReferenceUID": "1.2.3.8 1.2.3.88",
    "Manufacturer": "SIEMENS GE\u0020MEDICAL\u0020SYSTEMS Philips",
    "AcquisitionNumber": "1 2",
    "InstanceNumber": "1 7",
    "TimezoneOffsetFromUTC": "+0000 +0200 -0500",
    "drug.Radiopharmaceutical": "FDG FLT",
}
DATES = "SeriesDate AcquisitionDate".split()
TIMES = "SeriesTime AcquisitionTime drug.RadiopharmaceuticalStartTime".split()
MOMENTS = "drug.RadiopharmaceuticalStartDateTime 0009,100D AcquisitionDateTime".split()
SEQUENCES = ("second drug", "second drug empty", "nuclide", "ModalityLUTSequence", "no drug")
PRIVATE_VR = {"0009,100D": "DT", "7053,1000": "DS", "7053,1009": "DS"}
NUCLIDES = {"C-111A1": "F-18", "C-131A3": "Ga-68", "C-105A1": "C-11", "C-159A2": "Rb-82"}


@dataclass
class Edit:
    modality: str
    attribute: str
    change: str
    slice: int  # -1: every slice of the series
    #: The study stays one that nobody may refuse: the same value written otherwise, or another usual one in every slice.
    harmless: bool = False


def tag_of(name):
    name = name.removeprefix("drug.")
    if "," in name:
        group, element = name.split(",")
        return Tag(int(group, 16), int(element, 16))
    return Tag(tag_for_keyword(name))


def holder(ds, name):
    """The data set that holds an attribute: the slice, or its radiopharmaceutical."""
    if not name.startswith("drug."):
        return ds
    items = ds.get("RadiopharmaceuticalInformationSequence")
    return items[0] if items else None


def text_of(element):
    value = element.value
    if isinstance(value, bytes):
        return value.decode("latin-1").strip(" \0")
    return "\\".join(str(v) for v in value) if hasattr(value, "__iter__") and not isinstance(value, str) else str(value)


def put(ds, name, raw):
    """Write the bytes of a value, whatever they are: a validating writer would refuse what scanners do write."""
    tag = tag_of(name)
    vr = PRIVATE_VR.get(name) or dictionary_VR(tag)
    vr = "SS" if vr == "US or SS" else vr
    data = raw if isinstance(raw, bytes) else raw.encode("latin-1")
    if len(data) % 2:
        data += b"\0" if vr == "UI" else b" "
    ds._dict.pop(tag, None)
    ds._dict[tag] = RawDataElement(tag, vr, len(data), data, 0, False, True)


def scaled(text, factor):
    try:
        return "\\".join(f"{float(v) * factor:.9g}" for v in text.split("\\"))
    except ValueError:
        return text


def shifted_time(text, seconds):
    whole = text.split(".")[0].ljust(6, "0")
    try:
        t = int(whole[:2]) * 3600 + int(whole[2:4]) * 60 + int(whole[4:6]) + seconds
    except ValueError:
        return text
    t %= 86400
    return f"{t // 3600:02d}{t // 60 % 60:02d}{t % 60:02d}"


def draw(rng, study):
    """A random edit, applied to the study in place."""
    kinds = [(NUMBERS, 30), (VECTORS, 8), (SHORTS, 12), (list(WORDS), 25), (DATES, 8), (TIMES, 14), (MOMENTS, 8), (list(SEQUENCES), 5)]
    names = rng.choices([k for k, _ in kinds], [w for _, w in kinds])[0]
    name = rng.choice(names)
    pet_alone = name not in ("RescaleSlope", "RescaleIntercept", "RescaleType", "SliceThickness", "ModalityLUTSequence") + tuple(
        VECTORS + SHORTS
    ) and name not in ("PhotometricInterpretation", "Modality", "SOPClassUID", "PatientID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "InstanceNumber", "AcquisitionNumber")
    modality = "PT" if pet_alone else rng.choice(("CT", "PT"))
    slices = study[modality]
    one = rng.random() < 0.5
    chosen = rng.randrange(len(slices)) if one else -1
    targets = [slices[chosen]] if one else slices
    if names == list(SEQUENCES):
        return edit_sequence(rng, targets, Edit(modality, name, "", chosen))
    change = rng.choice(changes_for(name))
    harmless = change == "pad" or not one and change == "scale 1.1" and name not in (*VECTORS, "drug.RadionuclideHalfLife")
    word = rng.choice(WORDS[name].split(" ")) if name in WORDS else ""
    for ds in targets:
        apply(holder(ds, name), name, change, word)
    return Edit(modality, name, f"{change} {word}".strip(), chosen, harmless)


def changes_for(name):
    common = ["delete", "empty", "garbage", "pad"]
    if name in NUMBERS:
        return common + ["comma", "unit", "nan", "inf", "negative", "zero", "two values"] + [
            f"scale {f}" for f in ("1.1", "1.1", "1000", "0.001", "1e6", "1e-6", "0.01667")
        ]
    if name in VECTORS:
        return ["delete", "empty", "garbage", "comma", "nan", "scale 1.1", "negative", "short"]
    if name in SHORTS:
        return ["delete", "empty", "plus 1", "minus 1", "zero short", "twelve", "huge"]
    if name in WORDS:
        return ["delete", "empty", "word", "word", "word", "word", "lower", "pad"]
    if name in DATES:
        return common + ["31 February", "day before", "day after", "dots", "far"]
    if name in TIMES:
        return common + ["shift 600", "shift -600", "shift 3600", "shift -7200", "colons", "minutes only", "25 hours", "fraction"]
    return ["delete", "empty", "garbage", "moment", "moment zone", "moment date only", "31 February moment", "moment far", "moment late"]


def apply(ds, name, change, word):
    if ds is None:
        return
    tag = tag_of(name)
    old = ds._dict.get(tag)
    text = text_of(ds[tag]) if old is not None else ""
    if change == "delete":
        ds._dict.pop(tag, None)
    elif name in SHORTS:
        put_short(ds, name, text, change)
    elif change == "empty":
        put(ds, name, "")
    elif change == "garbage":
        put(ds, name, "abc")
    elif change == "pad":
        put(ds, name, f"{text}  " if text else "")
    elif change == "word":
        put(ds, name, word)
    elif change == "lower":
        put(ds, name, text.lower())
    elif change == "comma":
        put(ds, name, text.replace(".", ",") if "." in text else f"{text},0")
    elif change == "unit":
        put(ds, name, f"{text} kg")
    elif change in ("nan", "inf"):
        put(ds, name, "\\".join([change] * (text.count("\\") + 1)))
    elif change == "negative":
        put(ds, name, scaled(text, -1))
    elif change == "zero":
        put(ds, name, "0")
    elif change == "two values":
        put(ds, name, f"{text}\\{scaled(text, 2)}")
    elif change == "short":
        put(ds, name, text.split("\\")[0])
    elif change.startswith("scale"):
        put(ds, name, scaled(text, float(change.split()[1])))
    elif change.startswith("shift"):
        put(ds, name, shifted_time(text, int(change.split()[1])))
    else:
        put(ds, name, written_otherwise(change, text))


def written_otherwise(change, text):
    return {
        "31 February": "20200231",
        "day before": "20200114",
        "day after": "20200116",
        "dots": "2020.01.15",
        "far": "19600116",
        "colons": f"{text[:2]}:{text[2:4]}:{text[4:]}",
        "minutes only": text[:4],
        "25 hours": "251500",
        "fraction": f"{text.split('.')[0]}.250000",
        "moment": "20200115091000",
        "moment zone": "20200115081000.00+0100",
        "moment date only": "20200115",
        "31 February moment": "20200231091000",
        "moment far": "19600116091000",
        "moment late": "20200115111500",
    }[change]


def put_short(ds, name, text, change):
    value = int(text) if text else 0
    value = {"empty": None, "plus 1": value + 1, "minus 1": max(value - 1, 0), "zero short": 0, "twelve": 12, "huge": 60000}[change]
    if name == "PixelPaddingValue" and value is not None:
        put(ds, name, (value & 0xFFFF).to_bytes(2, "little"))
    else:
        put(ds, name, b"" if value is None else value.to_bytes(2, "little"))


def edit_sequence(rng, targets, edit):
    for ds in targets:
        if edit.attribute == "ModalityLUTSequence":
            item = Dataset()
            item.add_new(0x00283002, "US", [4, 0, 16])
            item.ModalityLUTType = "US"
            item.add_new(0x00283006, "OW", b"\0\0\1\0\2\0\3\0")
            ds.ModalityLUTSequence = Sequence([item])
            continue
        items = ds.get("RadiopharmaceuticalInformationSequence")
        if items is None:
            continue
        if edit.attribute == "no drug":
            ds.RadiopharmaceuticalInformationSequence = Sequence([])
        elif edit.attribute == "second drug":
            second = copy.deepcopy(items[0])
            second.RadionuclideTotalDose = "185000000"
            ds.RadiopharmaceuticalInformationSequence = Sequence([items[0], second])
        elif edit.attribute == "second drug empty":
            ds.RadiopharmaceuticalInformationSequence = Sequence([items[0], Dataset()])
        elif edit.attribute == "nuclide":
            edit.change = edit.change or rng.choice(list(NUCLIDES))
            items[0].RadionuclideCodeSequence[0].CodeValue = edit.change
    if edit.modality == "CT" and edit.attribute != "ModalityLUTSequence":
        edit.harmless = False
    return edit
