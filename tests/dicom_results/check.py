"""Checks DICOM results by programs and libraries of others: python check.py OBJECTS RESULT.json IMAGES...

OBJECTS is the folder of sr.dcm, seg.dcm, marker.dcm, sc.dcm and report.pdf.dcm, RESULT.json what `dlnms score --json` wrote of the same result, IMAGES the folders
of the PET and the CT. Prints one line for everything that is wrong. --pixelmed names the reports for the slowest of the tools.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
from pydicom.sr._concepts_dict import concepts

# Warnings of dciodvfy 1.00 that say nothing about an object, each with its reason.
DCIODVFY = [
    r"Unrecognized defined term = <99DLNMS>",  # codes of this library
    r"PatientName.*Retired Person Name form",  # the source's
    r"(StudyID|PatientName|PatientID|PatientBirthDate|PatientSex|StudyDate|StudyTime).*needed to build DICOMDIR",  # empty in the source
    r"DeviceUID.*not present in standard DICOM IOD",  # Contributing Equipment has it since 2022
    r"Is this really a valid|dubious.*SpecificCharacterSet",
]
# PixelMed's templates of 2022 lack these; templates may be extended (PS3.16 6.2.1).
PIXELMED = [
    r'IMAGE \(121112,DCM,"Source of Measurement"\): Content Item not in template',
    r'CODE \((N1_|N2_)?RISK,99DLNMS,"[^"]*"\): Content Item not in template',
]
# Values that pydicom's dictionary spells in its own way, or lacks.
SPELLING = {
    ("SCT", "443271005"), ("SCT", "39607008"), ("SCT", "373098007"), ("SCT", "103339001"), ("SCT", "15508007"),
    ("SCT", "75976002"), ("SCT", "260753009"), ("UCUM", "g"), ("UCUM", "{pixels}"), ("UMLS", "C0034375"), ("RFC5646", "en-US"),
}
# Attributes that tell no patients apart, and the characters that the standard allows: longer ones are not copied.
LEFT_OUT = {"StudyID": 16, "AccessionNumber": 16, "StudyDescription": 64}
COPIED = (
    "SpecificCharacterSet StudyDate StudyTime AccessionNumber ReferringPhysicianName TimezoneOffsetFromUTC StudyDescription PatientName "
    "PatientID IssuerOfPatientID PatientBirthDate PatientSex PatientIdentityRemoved DeidentificationMethod StudyID StudyInstanceUID "
    "DeidentificationMethodCodeSequence FrameOfReferenceUID PositionReferenceIndicator"
).split()
OWN = (
    "InstanceCreationDate InstanceCreationTime SOPClassUID SOPInstanceUID SeriesDate ContentDate SeriesTime ContentTime Modality Manufacturer "
    "CodingSchemeIdentificationSequence SeriesDescription ManufacturerModelName ReferencedPerformedProcedureStepSequence DeviceSerialNumber "
    "SoftwareVersions ContributingEquipmentSequence SeriesInstanceUID SeriesNumber InstanceNumber ValueType ConceptNameCodeSequence "
    "ContinuityOfContent PerformedProcedureCodeSequence CurrentRequestedProcedureEvidenceSequence PertinentOtherEvidenceSequence "
    "CompletionFlag VerificationFlag PreliminaryFlag ContentTemplateSequence ContentSequence ImageType ReferencedSeriesSequence "
    "DimensionOrganizationSequence DimensionOrganizationType DimensionIndexSequence SamplesPerPixel PhotometricInterpretation "
    "NumberOfFrames Rows Columns BitsAllocated BitsStored HighBit PixelRepresentation LossyImageCompression SegmentationType "
    "SegmentSequence SegmentsOverlap ContentLabel ContentDescription ContentCreatorName SharedFunctionalGroupsSequence "
    "PerFrameFunctionalGroupsSequence PixelData BodyPartExamined ConversionType PatientOrientation DerivationDescription "
    "SourceImageSequence PlanarConfiguration BurnedInAnnotation AcquisitionDateTime DocumentTitle MIMETypeOfEncapsulatedDocument "
    "SourceInstanceSequence EncapsulatedDocumentLength EncapsulatedDocument"
).split()

problems = []


def wrong(text):
    problems.append(text)


def expect(name, got, wanted):
    if got != wanted:
        wrong(f"{name}: {got!r} instead of {wanted!r}")


def run(*command, **environment):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, errors="replace", env=os.environ | environment)
    return done.returncode, done.stdout + done.stderr


def allowed(line, patterns):
    return any(re.search(p, line) for p in patterns)


def dciodvfy(path):
    _, text = run("dciodvfy", "-new", path)
    if not re.search(r"^(Segmentation|Comprehensive3DSR|SCImage|EncapsulatedPDF)$", text, re.MULTILINE):
        wrong(f"dciodvfy does not know {path.name}: {text}")
    for line in text.splitlines():
        if line.startswith(("Error", "Abort")) or (line.startswith("Warning") and not allowed(line, DCIODVFY)):
            wrong(f"dciodvfy {path.name}: {line}")


def pixelmed(path):
    limits = " ".join(f"-Djdk.xml.xpath{limit}=0" for limit in ("ExprOpLimit", "TotalOpLimit", "ExprGrpLimit"))
    _, text = run("DicomSRValidator", path, JAVA_TOOL_OPTIONS=limits)
    if "IOD validation complete" not in text or "Root Template Validation Complete" not in text:
        wrong(f"DicomSRValidator {path.name} did not finish: {text}")
    for line in text.splitlines():
        if "Error" in line or (line.startswith("Warning") and not allowed(line, PIXELMED)):
            wrong(f"DicomSRValidator {path.name}: {line}")


def dsrdump(path):
    status, text = run("dsrdump", path)
    # dcmtk 3.6.7 knows no character set with escape sequences; it copies the bytes.
    text = re.sub(r"^W: .*(not support this Specific Character Set|unsupported SpecificCharacterSet).*$", "", text, flags=re.MULTILINE)
    if status != 0 or re.search(r"^[EW]:|error:|warning:", text, re.MULTILINE):
        wrong(f"dsrdump {path.name}: {text}")


def expected_numbers(result):
    """The numbers of the JSON by the code of their item: concept, then derivation."""
    pet, ct = result["pet_metrics"], result["ct_diameters"]
    numbers = {
        ("126401", "56851009"): pet["suv_max"],
        ("126401", "373098007"): pet["suv_mean"],
        ("126401", "126031"): pet["suv_peak"],
        ("126032", None): pet["mtv_ml"],
        ("126033", None): pet["tlg"],
    }
    if ct:
        numbers |= {("103339001", None): ct["longest_mm"], ("131189007", None): ct["perpendicular_mm"]}
    for station in ("n1", "n2"):
        code = station.upper()
        numbers[code + "_SCORE", None] = result["scores"][station]
        numbers |= {(f"{code}_SCORE_{m.upper()}", None): result["heads"][f"{station}_{m}"] for m in ("pet", "ct")
                    if f"{station}_{m}" in result["heads"]}
        if result["cutoffs"]:
            numbers[code + "_CUTOFF", None] = result["cutoffs"][station]
    return numbers


def compare(tool, got, wanted):
    expect(f"{tool}: measurements", sorted(map(str, got)), sorted(map(str, wanted)))
    for key in got.keys() & wanted.keys():
        if "SCORE" in key[0]:  # single precision: its shortest text reads back as the same number
            same = np.float32(got[key]) == np.float32(wanted[key])
        else:  # sixteen characters hold fourteen digits at least
            same = abs(got[key] - wanted[key]) <= 1e-13 * abs(wanted[key])
        if not same:
            wrong(f"{tool}: {key} is {got[key]!r} instead of {wanted[key]!r}")


def dcmqi_report(path, result):
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        status, text = run(Path(sys.executable).parent / "tid1500reader", "--inputDICOM", path, "--outputMetadata", out)
        if status != 0 or not out.exists():
            return wrong(f"tid1500reader: {text}")
        groups = json.loads(out.read_text())["Measurements"]
    expect("tid1500reader: groups", len(groups), 1)
    got = {(i["quantity"]["CodeValue"], i.get("derivationModifier", {}).get("CodeValue")): float(i["value"])
           for i in groups[0]["measurementItems"]}
    compare("tid1500reader", got, expected_numbers(result))


def highdicom_report(path, result):
    report = hd.sr.srread(path)
    groups = report.content.get_volumetric_roi_measurement_groups()
    expect("srread: groups", len(groups), 1)
    got = {}
    for m in groups[0].get_measurements():
        got[m.name.value, m.derivation.value if m.derivation else None] = m.value
    compare("srread", got, expected_numbers(result))
    # Where sixteen characters are too few the binary number is exact.
    exact = {}
    for item in items(report):
        if item.get("ValueType") == "NUM":
            value = item.MeasuredValueSequence[0]
            key = item.ConceptNameCodeSequence[0].CodeValue
            exact.setdefault(key, []).append(value.get("FloatingPointValue", float(value.NumericValue)))
    wanted = {}
    for (key, _), number in expected_numbers(result).items():
        wanted.setdefault(key, []).append(number)
    for key, numbers in wanted.items():
        if "SCORE" in key:
            expect(f"exact {key}", sorted(map(np.float32, exact[key])), sorted(map(np.float32, numbers)))
        else:
            expect(f"exact {key}", sorted(exact[key]), sorted(numbers))
    risk = {m.ConceptNameCodeSequence[0].CodeValue: m.ConceptCodeSequence[0].CodeMeaning for m in items(report)
            if m.get("ValueType") == "CODE" and m.ConceptNameCodeSequence[0].CodeValue.endswith("RISK")}
    groups = result["risk"] or {}
    names = {"n1": "N1_RISK", "n2": "N2_RISK", "combined": "RISK"}
    expect("risk groups", risk, {names[k]: f"{v.capitalize()} risk" for k, v in groups.items()})
    return report


def items(ds):
    for item in ds.get("ContentSequence", []):
        yield item
        yield from items(item)


def texts(report):
    return [i.TextValue for i in items(report) if i.ValueType == "TEXT"]


def notices(report, result):
    all_texts = texts(report)
    for wanted in [result["notice"], *(f"{f['code']}: {f['message']}" for f in result["qc"])]:
        if wanted not in all_texts:
            wrong(f"the report does not say {wanted!r}")
    model = result["model"]
    for wanted in (f"model_sha256={model['manifest_sha256']}", f"{model['id']} {model['version']}"):
        if wanted not in all_texts:
            wrong(f"the report does not name {wanted!r}")
    untrained = model["weights"] != "trained"
    expect("NOT TRAINED in the comments", any("NOT TRAINED" in t for t in all_texts), untrained)
    expect("NOT TRAINED in the series", "NOT TRAINED" in report.SeriesDescription, untrained)


def segmentation(path, result, report):
    seg = hd.seg.segread(path)
    expect("segread: voxels", int(seg.pixel_array.sum()), result["pet_metrics"]["voxels"])
    if hd.sr.ReferencedSegment.from_segmentation(seg, 1) is None:
        wrong("highdicom makes no reference to the segment")
    tracking = report.content.get_volumetric_roi_measurement_groups()[0]
    expect("tracking", seg.get_tracking_ids(), [(tracking.tracking_identifier, tracking.tracking_uid)])
    reference = next(i for i in items(report) if i.ValueType == "IMAGE" and i.ConceptNameCodeSequence[0].CodeValue == "121191")
    expect("referenced segment", reference.ReferencedSOPSequence[0].ReferencedSOPInstanceUID, seg.SOPInstanceUID)
    with tempfile.TemporaryDirectory() as folder:
        command = (Path(sys.executable).parent / "segimage2itkimage", "--inputDICOM", path, "--outputDirectory", folder, "-t", "nrrd")
        status, text = run(*command)
        if status != 0:
            return wrong(f"segimage2itkimage: {text}")
        expect("segimage2itkimage: voxels", nrrd_voxels(Path(folder) / "1.nrrd"), int(seg.pixel_array.sum()))
    return seg


def nrrd_voxels(path):
    import gzip
    header, data = path.read_bytes().split(b"\n\n", 1)
    if b"encoding: gzip" in header:
        data = gzip.decompress(data)
    kind = re.search(rb"type: (.*)", header).group(1).decode()
    dtype = {"short": np.int16, "unsigned char": np.uint8, "unsigned short": np.uint16}[kind]
    return int((np.frombuffer(data, dtype) != 0).sum())


def voxels(seg, result, images):
    """Compares the segmentation, voxel for voxel, with the PET's voxels that reach the threshold around the hottest one."""
    pet = sorted((i for i in images if i.Modality == "PT" and i.SeriesInstanceUID == seg.ReferencedSeriesSequence[0].SeriesInstanceUID),
                 key=lambda i: float(i.ImagePositionPatient[2]))
    factor = result["suv"]["factor"]
    suv = np.stack([i.pixel_array * float(i.RescaleSlope) + float(i.RescaleIntercept) for i in pet]) * factor
    # The library compares the very doubles; the last digits of this product may differ.
    inside = suv >= result["pet_metrics"]["threshold"] * (1 - 1e-9)
    mask = np.zeros(suv.shape, bool)
    z = np.array([float(i.ImagePositionPatient[2]) for i in pet])
    frames = seg.pixel_array.reshape(-1, seg.Rows, seg.Columns)
    for frame, groups in zip(frames, seg.PerFrameFunctionalGroupsSequence):
        position = [float(v) for v in groups.PlanePositionSequence[0].ImagePositionPatient]
        k = int(np.abs(z - position[2]).argmin())
        expect("position of a frame", np.allclose(position, [float(v) for v in pet[k].ImagePositionPatient], atol=2e-3), True)
        source = groups.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        expect("source of a frame", source, pet[k].SOPInstanceUID)
        mask[k] = frame
    if (mask & ~inside).any():
        wrong("the segmentation holds voxels below the threshold")
    if result["roi"]["kind"] == "mask":
        # The lesion is looked for within the bounds of the ROI.
        bounds = tuple(slice(v.min(), v.max() + 1) for v in np.nonzero(mask))
        within = np.zeros_like(mask)
        within[bounds] = True
        inside &= within
    hottest = np.unravel_index(np.where(mask, suv, 0).argmax(), suv.shape)
    expect("SUVmax in the segmentation", bool(np.isclose(suv[hottest], result["pet_metrics"]["suv_max"], rtol=1e-9)), True)
    grown, edge = np.zeros_like(mask), np.zeros_like(mask)
    edge[hottest] = True
    while edge.any():
        grown |= edge
        wide = np.zeros_like(mask)
        k, j, i = np.nonzero(edge)
        for d in np.ndindex(3, 3, 3):
            at = [np.clip(v + o - 1, 0, n - 1) for v, o, n in zip((k, j, i), d, mask.shape)]
            wide[tuple(at)] = True
        edge = wide & inside & ~grown
    expect("voxels that differ from the component of the hottest voxel", int((grown != mask).sum()), 0)


def identity(path, ds, pet):
    for keyword in COPIED:
        if keyword in ds and keyword in pet and "UID" not in keyword and "Sequence" not in keyword:
            mine, theirs = (stored(p, keyword) for p in (path, pet.filename))
            if keyword in LEFT_OUT and len(theirs) > LEFT_OUT[keyword]:
                theirs = ""
            expect(f"{path.name}: {keyword}", mine, theirs)
    for keyword in ("SpecificCharacterSet", "PatientName", "PatientID", "StudyInstanceUID", "DeidentificationMethodCodeSequence"):
        if pet.get(keyword) and keyword not in ds:
            wrong(f"{path.name} lacks {keyword}")
    others = [e.keyword or str(e.tag) for e in ds if e.keyword not in COPIED and e.keyword not in OWN]
    expect(f"{path.name}: attributes that are neither copied nor the library's", others, [])
    for text in ("Secret Hospital",):
        if text.encode() in path.read_bytes():
            wrong(f"{path.name} holds {text!r}")


def stored(path, keyword):
    """The bytes of an element as they stand in the file; pydicom converts the character set alone while it reads."""
    value = pydicom.dcmread(path, stop_before_pixels=True).get_item(pydicom.tag.Tag(keyword)).value
    return value.strip(b" \0") or "" if isinstance(value, bytes) else str(value or "")


def evidence(ds, images, seg):
    named = {}
    for sequence in ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence"):
        for study in ds.get(sequence, []):
            for series in study.ReferencedSeriesSequence:
                named.setdefault(series.SeriesInstanceUID, set()).update(i.ReferencedSOPInstanceUID for i in series.ReferencedSOPSequence)
    pet_series = next(i.TextValue if "TextValue" in i else i.UID for i in items(ds) if i.ConceptNameCodeSequence[0].CodeValue == "121232")
    by_series = {}
    for image in images:
        by_series.setdefault(image.SeriesInstanceUID, set()).add(image.SOPInstanceUID)
    expect("series of the evidence", len(named), 3)
    expect("segmentation in the evidence", named.pop(seg.SeriesInstanceUID, None), {seg.SOPInstanceUID})
    if pet_series not in named:
        wrong("the PET is not in the evidence")
    for series, instances in named.items():
        expect(f"instances of {series}", instances, by_series.get(series))


def codes(ds):
    known = {(s, v): meaning for s, words in concepts.items() for w in words.values() for v, (meaning, _) in w.items()}

    def walk(d):
        if "CodeValue" in d and "CodeMeaning" in d and d.get("CodingSchemeDesignator") != "99DLNMS":
            key = (d.CodingSchemeDesignator, d.CodeValue)
            if key not in SPELLING and known.get(key) != d.CodeMeaning:
                wrong(f"code {key}: {d.CodeMeaning!r}, pydicom has {known.get(key)!r}")
        for e in d:
            if e.VR == "SQ" and e.keyword != "DeidentificationMethodCodeSequence":
                for item in e.value:
                    walk(item)

    walk(ds)


def marker(path, result):
    report = hd.sr.srread(path)
    groups = report.content.get_planar_roi_measurement_groups()
    expect("marker: groups", len(groups), 1)
    got = {(m.name.value, m.derivation.value if m.derivation else None): m.value for m in groups[0].get_measurements()}
    first = [m.name.value for m in groups[0].get_measurements()]
    expect("marker: first numbers", first, [f"{n}_{w}" for n in ("N1", "N2") for w in (("SCORE", "CUTOFF") if result["cutoffs"] else ("SCORE",))] + ["126401"])
    wanted = {k: v for k, v in expected_numbers(result).items() if k in got}
    compare("marker", got, wanted)
    return report


def marked_point(report, result, images):
    """The point lies at the centre, in the slice of the CT nearest to it."""
    item = next(i for i in items(report) if i.ValueType == "SCOORD")
    uid = item.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    image = next(i for i in images if i.SOPInstanceUID == uid)
    column, row = item.GraphicData
    spacing = [float(v) for v in image.PixelSpacing]
    position = [float(v) for v in image.ImagePositionPatient]
    point = [position[0] + (column - 0.5) * spacing[1], position[1] + (row - 0.5) * spacing[0]]
    center = result["center_lps_mm"]
    expect("marked point", bool(np.allclose(point, center[:2], atol=1e-3)), True)
    nearest = min(abs(float(i.ImagePositionPatient[2]) - center[2]) for i in images if i.Modality == "CT" and i.SeriesInstanceUID == image.SeriesInstanceUID)
    expect("slice of the marked point", abs(position[2] - center[2]), nearest)


def page(sc, pdf):
    pixels = sc.pixel_array
    expect("sc: pixels", pixels.shape, (1448, 1024, 3))
    if pixels.std() < 10:
        wrong("the picture of the page is of one colour")
    for ds in (sc, pdf):
        expect("burned in", ds.BurnedInAnnotation, "NO")
    document = pdf.EncapsulatedDocument[:pdf.EncapsulatedDocumentLength]
    if not document.startswith(b"%PDF-") or b"%%EOF" not in document[-32:]:
        wrong("the document is no PDF")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("objects", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("images", type=Path, nargs="+")
    parser.add_argument("--pixelmed", default="sr,marker")
    a = parser.parse_args()
    result = json.loads(a.result.read_text())
    paths = {name: a.objects / f"{name}.dcm" for name in ("sr", "seg", "marker", "sc", "report.pdf")}
    objects = {name: pydicom.dcmread(path) for name, path in paths.items()}
    files = sorted(p for folder in a.images for p in folder.rglob("*.dcm"))
    images = [pydicom.dcmread(p, force=True) for p in files]
    images = [i for i in images if i.get("Modality") in ("PT", "CT") and "ImagePositionPatient" in i]
    for name, path in paths.items():
        dciodvfy(path)
        codes(objects[name])
    for name in ("sr", "marker"):
        dsrdump(paths[name])
        if name in a.pixelmed.split(","):
            pixelmed(paths[name])
    dcmqi_report(paths["sr"], result)
    report = highdicom_report(paths["sr"], result)
    notices(report, result)
    seg = segmentation(paths["seg"], result, report)
    pet = next(i for i in images if i.SOPInstanceUID == seg.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0]
               .SourceImageSequence[0].ReferencedSOPInstanceUID)
    voxels(seg, result, images)
    evidence(objects["sr"], images, seg)
    for name, path in paths.items():
        identity(path, objects[name], pet)
    page(objects["sc"], objects["report.pdf"])
    marked_point(marker(paths["marker"], result), result, images)
    print("\n".join(problems))
    sys.exit(bool(problems))


main()
