#!/usr/bin/env python3
"""Checks a bill of materials with the formats' own libraries: validate_sbom.py FOLDER."""
import pathlib
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

folder = pathlib.Path(sys.argv[1])
faults = JsonStrictValidator(SchemaVersion.V1_6).validate_str((folder / "dlnms.cdx.json").read_text())
if faults:
    sys.exit(f"dlnms.cdx.json: {faults}")
document = parse_file(str(folder / "dlnms.spdx.json"))
faults = [f"dlnms.spdx.json: {fault.validation_message}" for fault in validate_full_spdx_document(document)]
if faults:
    sys.exit("\n".join(faults))
print(f"{folder}: {len(document.packages)} packages; CycloneDX 1.6 and SPDX 2.3 are valid")
