"""What a PET/CT study is worth, computed from its files with pydicom and numpy alone: HU and SUVbw of every slice, or why there are none.

Written from docs/NUMERICS (sections 1 and 3) and shares no code with the library."""

import math
import re
from datetime import datetime, timedelta

import numpy as np
import pydicom
from pydicom.tag import Tag

HALF_LIFE = {
    ("C-111A1", "77004003", "C0016330"): 6586.2,
    ("C-131A3",): 4062.6,
    ("C-105A1",): 1223.4,
    ("C-159A2",): 75.5,
}
DS = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$")


class Refused(Exception):
    """The study has no value that anybody could rely on."""


def text(ds, tag):
    """The characters of an attribute; None if it is absent or empty."""
    if Tag(tag) not in ds:
        return None
    value = ds.get_item(Tag(tag)).value
    if value is None or isinstance(value, pydicom.Sequence):
        return None
    if not isinstance(value, bytes):
        value = "\\".join(str(v) for v in value) if isinstance(value, (list, pydicom.multival.MultiValue)) else str(value)
        value = value.encode("latin-1")
    return value.decode("latin-1").strip(" \0") or None


def number(ds, tag, name):
    """A decimal; None if it is absent or empty."""
    raw = text(ds, tag)
    if raw is None:
        return None
    if not DS.match(raw.strip()):
        raise Refused(f"{name} is no number")
    value = float(raw)
    if not math.isfinite(value):
        raise Refused(f"{name} is not finite")
    return value


def needed(ds, tag, name):
    value = number(ds, tag, name)
    if value is None:
        raise Refused(f"{name} is missing")
    return value


def vector(ds, tag, name, n):
    raw = text(ds, tag)
    parts = raw.split("\\") if raw else []
    if len(parts) != n or not all(DS.match(p.strip()) for p in parts):
        raise Refused(f"{name} is not {n} numbers")
    return np.array([float(p) for p in parts])


def short(ds, tag, name):
    if Tag(tag) not in ds:
        raise Refused(f"{name} is missing")
    value = ds.get_item(Tag(tag)).value
    if isinstance(value, bytes):
        if len(value) != 2:
            raise Refused(f"{name} is empty")
        return int.from_bytes(value, "little")
    if value is None:
        raise Refused(f"{name} is empty")
    return int(value)


def date(raw, name="date"):
    if raw is None:
        return None
    match = re.fullmatch(r"(\d{4})\.?(\d{2})\.?(\d{2})", raw)
    try:
        return datetime(*(int(g) for g in match.groups()))
    except (AttributeError, ValueError):
        raise Refused(f"{name} is no date") from None


def time_of_day(raw, name="time"):
    """Seconds since midnight, from HH, HHMM, HHMMSS, with a fraction, with colons."""
    if raw is None:
        return None
    match = re.fullmatch(r"(\d{2})(?::?(\d{2})(?::?(\d{2})(\.\d{1,6})?)?)?", raw)
    if not match:
        raise Refused(f"{name} is no time")
    h, m, s = (int(g or 0) for g in match.groups()[:3])
    if h > 23 or m > 59 or s > 60:
        raise Refused(f"{name} is no time")
    return h * 3600 + m * 60 + s + float(match.group(4) or 0)


def offset(raw, name="zone"):
    match = re.fullmatch(r"([+-])(\d{2})(\d{2})", raw)
    if not match or int(match.group(2)) > 14 or int(match.group(3)) > 59:
        raise Refused(f"{name} is no offset from UTC")
    seconds = int(match.group(2)) * 3600 + int(match.group(3)) * 60
    return -seconds if match.group(1) == "-" else seconds


EPOCH = datetime(1900, 1, 1)


def seconds(day, clock):
    return None if day is None or clock is None else (day - EPOCH) / timedelta(seconds=1) + clock


class Clock:
    """Moments of one study in the study's own local time."""

    def __init__(self, ds):
        raw = text(ds, 0x00080201)
        self.zone = None if raw is None else offset(raw)
        self.assumed = False

    def moment(self, raw, name):
        """A DT as seconds of local time."""
        if raw is None:
            return None
        body, zone = raw, None
        match = re.fullmatch(r"([\d.]+)([+-]\d{4})", raw)
        if match:
            body, zone = match.group(1), offset(match.group(2))
        if len(body.split(".")[0]) < 10:
            return None  # no time of day: nobody can count a decay from it
        value = seconds(date(body[:8], name), time_of_day(body[8:], name))
        if zone is not None:
            if self.zone is None:
                self.assumed = True
            else:
                value += self.zone - zone
        return value


def drug_of(ds):
    items = ds.get("RadiopharmaceuticalInformationSequence") or []
    if len(items) > 1:
        raise Refused("more than one radiopharmaceutical")
    return items[0] if items else pydicom.Dataset()


def one_for_all(slices, read, name):
    values = [read(ds) for ds in slices]
    if any(v != values[0] for v in values):
        raise Refused(f"{name} differs between slices")
    return values[0]


def norm(kind, w, h_m, sex):
    if h_m is None or h_m <= 0 or sex not in ("M", "F", "O"):
        raise Refused("height or sex is missing")
    h = h_m * 100
    bmi = w / h_m**2
    both = {
        "LBM": (1.10 * w - 120 * (w / h) ** 2, 1.07 * w - 148 * (w / h) ** 2),
        "LBMJAMES128": (1.10 * w - 128 * (w / h) ** 2, 1.07 * w - 148 * (w / h) ** 2),
        "LBMJANMA": (9270 * w / (6680 + 216 * bmi), 9270 * w / (8780 + 244 * bmi)),
        "IBW": (48 + 1.06 * (h - 152), 45.5 + 0.91 * (h - 152)),
    }[kind]
    return {"M": both[0], "F": both[1], "O": sum(both) / 2}[sex]


def average_time(lam, t):
    return math.log(lam * t / (1 - math.exp(-lam * t))) / lam


def suv_factors(slices):
    """SUVbw factor of each slice, and whether a finding has to say how it came about."""
    first = slices[0]
    same = lambda tag, name: one_for_all(slices, lambda ds: text(ds, tag), name)
    units, kind = same(0x00541001, "Units"), same(0x00541006, "SUVType")
    correction = same(0x00541102, "DecayCorrection")
    flagged = False
    for ds in slices:
        if "ATTN" not in (text(ds, 0x00280051) or "").split("\\"):
            raise Refused("not attenuation corrected")
        if needed(ds, 0x00281052, "RescaleIntercept") != 0:
            raise Refused("PET has an intercept")
    weight_flag = False

    def the_weight():
        """PatientWeight in kilograms; read where it is needed alone, for what nobody uses cannot be wrong."""
        nonlocal weight_flag
        weight = one_for_all(slices, lambda ds: number(ds, 0x00101030, "PatientWeight"), "PatientWeight")
        if weight is None or weight <= 0:
            raise Refused("PatientWeight is missing")
        weight_flag = weight > 1000
        return weight / 1000 if weight > 1000 else weight

    def height():
        return one_for_all(slices, lambda ds: number(ds, 0x00101020, "PatientSize"), "PatientSize")

    sex = same(0x00100040, "PatientSex")
    for tag, name in (
        (0x00181074, "RadionuclideTotalDose"),
        (0x00181075, "RadionuclideHalfLife"),
    ):
        one_for_all(slices, lambda ds: text(drug_of(ds), tag), name)
    nuclide = one_for_all(slices, lambda ds: nuclide_of(drug_of(ds)), "Radionuclide")

    if units == "GML":
        if kind in (None, "BW"):
            return [1.0] * len(slices), flagged
        if kind not in ("LBM", "LBMJAMES128", "LBMJANMA", "IBW"):
            raise Refused("SUVType")
        lean = norm(kind, the_weight(), height(), sex)
        if not lean > 0:
            raise Refused("no lean mass")
        factor = the_weight() / lean
        return [factor] * len(slices), weight_flag or not 0.5 <= factor <= 2
    if units == "CM2ML":
        tall = height()
        if tall is None or tall <= 0:
            raise Refused("PatientSize is missing")
        area = 0.007184 * (tall * 100) ** 0.725 * the_weight() ** 0.425
        return [the_weight() * 1000 / (area * 1e4)] * len(slices), True
    philips = lambda element: [private(ds, 0x7053, element, "Philips PET Private Group", "PHILIPS") for ds in slices]
    activity = [1.0] * len(slices)
    if units == "CNTS":
        direct = philips(0x00)
        if all(f is not None and f > 0 for f in direct):
            return direct, flagged
        activity = philips(0x09)
        if not all(f is not None and f > 0 for f in activity):
            raise Refused("counts without a factor")
    elif units != "BQML":
        raise Refused("Units")
    dose, half_life = number(drug_of(first), 0x00181074, "RadionuclideTotalDose"), number(drug_of(first), 0x00181075, "RadionuclideHalfLife")
    if dose is None or dose <= 0:
        raise Refused("RadionuclideTotalDose")
    if dose < 1e4:
        dose, flagged = dose * 1e6, True
    coded = next((t for codes, t in HALF_LIFE.items() if nuclide in codes), None)
    if half_life is None:
        if coded != 6586.2:
            raise Refused("RadionuclideHalfLife is missing")
        half_life = coded
    if half_life <= 0:
        raise Refused("RadionuclideHalfLife")
    if coded and abs(half_life / coded - 1) > 0.02:
        raise Refused("half-life of another nuclide")
    lam = math.log(2) / half_life
    if correction == "ADMIN":
        return [a * the_weight() * 1000 / dose for a in activity], flagged or weight_flag
    if correction not in ("START", "NONE"):
        raise Refused("DecayCorrection")

    clock = Clock(first)
    one_for_all(slices, lambda ds: text(ds, 0x00080201), "TimezoneOffsetFromUTC")
    acquired = [acquisition(ds, clock) for ds in slices]
    known = [a for a in acquired if a is not None]
    frames = [(number(ds, 0x00541300, "FrameReferenceTime"), number(ds, 0x00181242, "ActualFrameDuration")) for ds in slices]
    injected = one_for_all(slices, lambda ds: clock.moment(text(drug_of(ds), 0x00181078), "StartDateTime"), "StartDateTime")
    at_time = one_for_all(slices, lambda ds: time_of_day(text(drug_of(ds), 0x00181072), "StartTime"), "StartTime")

    def uptake(reference):
        nonlocal flagged
        if injected is not None and -3600 <= reference - injected < 2 * half_life:
            dt = reference - injected
        else:
            day_time = injected % 86400 if injected is not None else at_time
            if day_time is None:
                raise Refused("no time of administration")
            moment = reference // 86400 * 86400 + day_time
            if moment > reference:
                moment, flagged = moment - 86400, True
            dt = reference - moment
        if not 0 <= dt <= 6 * 3600:
            raise Refused("uptake time")
        return dt

    if correction == "NONE":
        if any(a is None for a in acquired) or any(f[1] is None or f[1] <= 0 for f in frames):
            raise Refused("acquisition time or frame duration")
        out = []
        for a, (_, duration) in zip(acquired, frames):
            t, dt = duration / 1000, uptake(a)
            out.append(math.exp(lam * dt) * lam * t / (1 - math.exp(-lam * t)) * the_weight() * 1000 / dose)
        return [f * a for f, a in zip(out, activity)], flagged or weight_flag or clock.assumed

    series = one_for_all(
        slices, lambda ds: seconds(date(text(ds, 0x00080021)), time_of_day(text(ds, 0x00080031))), "SeriesDate or SeriesTime"
    )
    ge = one_for_all(slices, lambda ds: private_text(ds, 0x0009, 0x0D, "GEMS_PETD_01", "GE MEDICAL"), "(0009,xx0D)")
    start = clock.moment(ge, "(0009,xx0D)")
    plausible = lambda t: t is not None and known and 0 <= min(known) - t <= 86400
    if plausible(series):
        references = [series] * len(slices)
    elif plausible(start):
        references = [start] * len(slices)
    elif all(a is not None and f and d and f > 0 and d > 0 for a, (f, d) in zip(acquired, frames)):
        references = [a + average_time(lam, d / 1000) - f / 1000 for a, (f, d) in zip(acquired, frames)]
    elif known:
        references, flagged = [min(known)] * len(slices), True
    else:
        raise Refused("no reference time")
    factors = [the_weight() * 1000 / (dose * math.exp(-lam * uptake(r))) for r in references]
    return [f * a for f, a in zip(factors, activity)], flagged or weight_flag or clock.assumed


def acquisition(ds, clock):
    both = seconds(date(text(ds, 0x00080022)), time_of_day(text(ds, 0x00080032)))
    return both if both is not None else clock.moment(text(ds, 0x0008002A), "AcquisitionDateTime")


def nuclide_of(drug):
    items = drug.get("RadionuclideCodeSequence") or []
    return text(items[0], 0x00080100) if items else None


def private_text(ds, group, element, creator, vendor):
    for block in range(0x10, 0x100):
        if (text(ds, (group, block)) or "").upper() == creator.upper():
            return text(ds, (group, block << 8 | element))
    if vendor in (text(ds, 0x00080070) or "").upper():
        return text(ds, (group, 0x1000 | element))
    return None


def private(ds, group, element, creator, vendor):
    raw = private_text(ds, group, element, creator, vendor)
    if raw is None:
        return None
    if not DS.match(raw):
        raise Refused(f"({group:04x},xx{element:02x}) is no number")
    return float(raw)


def stored_values(ds):
    rows, columns = short(ds, 0x00280010, "Rows"), short(ds, 0x00280011, "Columns")
    allocated, used = short(ds, 0x00280100, "BitsAllocated"), short(ds, 0x00280101, "BitsStored")
    high, signed = short(ds, 0x00280102, "HighBit"), short(ds, 0x00280103, "PixelRepresentation")
    if short(ds, 0x00280002, "SamplesPerPixel") != 1 or allocated not in (8, 16, 32) or signed > 1:
        raise Refused("pixel type")
    if not 1 <= used <= allocated or not used - 1 <= high < allocated:
        raise Refused("BitsStored or HighBit")
    raw = np.frombuffer(ds.PixelData, f"<u{allocated // 8}")
    if rows * columns == 0 or raw.size < rows * columns:
        raise Refused("pixel data is too short")
    values = (raw[: rows * columns].astype(np.int64) >> (high - used + 1)) & ((1 << used) - 1)
    if signed:
        values = np.where(values >= 1 << (used - 1), values - (1 << used), values)
    return values.reshape(rows, columns), signed, used


def padding_of(ds, signed):
    if Tag(0x00280120) not in ds or len(ds.get_item(0x00280120).value or b"") != 2:
        return None
    value = ds.get_item(0x00280120).value
    return int.from_bytes(value, "little", signed=bool(signed))


def series_of(images, modality):
    slices = [ds for ds in images if text(ds, 0x00080060) == modality]
    if not slices:
        raise Refused(f"there is no {modality}")
    # A CT may come as a secondary capture, whose rescale says what it holds; SUV needs the PET object's attributes.
    allowed = {"CT": ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.7", None), "PT": ("1.2.840.10008.5.1.4.1.1.128",)}
    for ds in images:
        if text(ds, 0x00080016) not in allowed.get(text(ds, 0x00080060), ()):
            raise Refused("Modality and SOP class contradict each other")
    one_for_all(slices, lambda ds: text(ds, 0x0020000E), "SeriesInstanceUID")
    if text(slices[0], 0x0020000E) is None:
        raise Refused("SeriesInstanceUID is missing")
    for tag, name in ((0x00100020, "PatientID"), (0x0020000D, "StudyInstanceUID"), (0x00200052, "FrameOfReferenceUID")):
        one_for_all(slices, lambda ds: text(ds, tag), name)
    if modality == "PT":
        one_for_all(slices, lambda ds: text(drug_of(ds), 0x00180031), "Radiopharmaceutical")
    orientation = vector(slices[0], 0x00200037, "ImageOrientationPatient", 6)
    normal = np.cross(orientation[:3], orientation[3:])
    if not 0.999 < np.linalg.norm(normal) < 1.001 or abs(orientation[:3] @ orientation[3:]) > 1e-3:
        raise Refused("ImageOrientationPatient")
    for ds in slices:
        if not np.allclose(vector(ds, 0x00200037, "ImageOrientationPatient", 6), orientation, atol=1e-4):
            raise Refused("ImageOrientationPatient differs")
    return sorted(slices, key=lambda ds: vector(ds, 0x00200032, "ImagePositionPatient", 3) @ normal)


def value_of(folder):
    """Both series, slice by slice along the normal, and whether a finding has to come with them; raises Refused."""
    images = [pydicom.dcmread(f, force=True) for f in sorted(folder.iterdir())]
    series = {modality: series_of(images, modality) for modality in ("CT", "PT")}
    for tag, name in ((0x00100020, "PatientID"), (0x0020000D, "StudyInstanceUID"), (0x00200052, "FrameOfReferenceUID")):
        both = [text(slices[0], tag) for slices in series.values()]
        if None not in both and both[0] != both[1]:
            raise Refused(f"{name} of PET and CT differ")
    factors, flagged = suv_factors(series["PT"])
    out = {}
    for modality, slices in series.items():
        out[modality] = []
        for n, ds in enumerate(slices):
            slope, intercept = needed(ds, 0x00281053, "RescaleSlope"), needed(ds, 0x00281052, "RescaleIntercept")
            if slope == 0 or modality == "PT" and slope < 0:
                raise Refused("RescaleSlope")
            if "ModalityLUTSequence" in ds or (text(ds, 0x00280004) or "") not in ("MONOCHROME1", "MONOCHROME2"):
                raise Refused("stored values are no intensities")
            if modality == "CT" and text(ds, 0x00281054) not in (None, "HU"):
                raise Refused("RescaleType")
            stored, signed, _ = stored_values(ds)
            padding = padding_of(ds, signed) if modality == "CT" else None
            values = stored * slope + intercept
            if modality == "PT":
                values = values * factors[n]
            spacing = vector(ds, 0x00280030, "PixelSpacing", 2)
            if not (spacing > 0).all():
                raise Refused("PixelSpacing")
            weights = np.arange(1, values.size + 1)
            out[modality].append(
                {
                    "position": vector(ds, 0x00200032, "ImagePositionPatient", 3).tolist(),
                    "spacing": spacing[::-1].tolist(),
                    "matrix": list(values.shape[::-1]),
                    "mean": float(values.mean()),
                    "moment": float((values.ravel() * weights).sum() / weights.sum()),
                    "padded": int((stored == padding).sum()) if padding is not None else 0,
                }
            )
    return out, flagged
