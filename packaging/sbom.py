#!/usr/bin/env python3
"""The bill of materials as CycloneDX 1.6 and SPDX 2.3, and the SOUP list (IEC 62304) that is made from it.

An installation holds both documents. As a program this file prints docs/SOUP.md.
"""
import datetime
import json
import re
import sys
import uuid

import components

NAMESPACE = "https://crates.io/crates/dlnms"
LINKAGE = {
    "root": "the library and the program",
    "linked": "linked into the library and the program",
    "program": "linked into the program alone",
    "inside": "source inside a crate, compiled into the library and the program",
    "beside": "a shared library of its own, loaded at run time",
}


def created():
    time = datetime.datetime.fromtimestamp(components.source_date(), datetime.timezone.utc)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def licences(expression):
    """An expression is one identifier or several; CycloneDX tells them apart."""
    return [{"expression": expression}] if re.search(r"[ ()]", expression) else [{"license": {"id": expression}}]


def cyclonedx_component(component):
    described = {
        "type": "library",
        "bom-ref": component.purl,
        "supplier": {"name": component.supplier},
        "name": component.name,
        "version": component.version,
        "description": component.purpose,
        "licenses": licences(component.licence),
        "purl": component.purl,
        "externalReferences": [{"type": "vcs", "url": component.home}],
        "properties": [{"name": "dlnms:linkage", "value": LINKAGE[component.role]}],
    }
    if not component.version:
        del described["version"]
    if component.sha256:
        described["hashes"] = [{"alg": "SHA-256", "content": component.sha256}]
    return described


def cyclonedx(listed):
    """Returns the CycloneDX document of components, the library itself first."""
    bom = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"timestamp": created(), "component": cyclonedx_component(listed[0])},
        "components": [cyclonedx_component(component) for component in listed[1:]],
        "dependencies": [{"ref": c.purl, "dependsOn": sorted(set(c.needs))} for c in listed],
    }
    # The same components have the same serial number, wherever and whenever they are listed.
    bom["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, NAMESPACE + json.dumps(bom["components"])).urn
    return bom


def spdx_id(purl):
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.]+", "-", purl.removeprefix("pkg:"))


def spdx_package(component):
    package = {
        "SPDXID": spdx_id(component.purl),
        "name": component.name,
        "supplier": f"Organization: {component.supplier}",
        "downloadLocation": component.home,
        "filesAnalyzed": False,
        "licenseConcluded": component.licence,
        "licenseDeclared": component.licence,
        "copyrightText": "NOASSERTION",
        "summary": component.purpose,
        "comment": f"Linkage: {LINKAGE[component.role]}.",
        "externalRefs": [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": component.purl}],
    }
    if component.version:
        package["versionInfo"] = component.version
    if component.sha256:
        package["checksums"] = [{"algorithm": "SHA256", "checksumValue": component.sha256}]
    return package


def spdx(listed):
    """Returns the SPDX document of the same components."""
    by_purl = {component.purl: component for component in listed}
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", spdx_id(listed[0].purl))]
    for component in listed:
        for needed in sorted(set(component.needs)):
            kind = {"inside": "CONTAINS", "beside": "DYNAMIC_LINK"}.get(by_purl[needed].role, "STATIC_LINK")
            relations.append((spdx_id(component.purl), kind, spdx_id(needed)))
    serial = cyclonedx(listed)["serialNumber"].removeprefix("urn:uuid:")
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"dlnms-{listed[0].version}",
        "documentNamespace": f"{NAMESPACE}/{listed[0].version}/{serial}",
        "creationInfo": {"created": created(), "creators": ["Tool: dlnms-packaging"]},
        "packages": [spdx_package(component) for component in listed],
        "relationships": [
            {"spdxElementId": a, "relationshipType": kind, "relatedSpdxElement": b} for a, kind, b in relations],
    }


def licence_of(component):
    one = component["licenses"][0]
    return one.get("expression") or one["license"]["id"]


def soup(bom):
    """Returns the SOUP list of a CycloneDX document."""
    lines = [
        "# Software of unknown provenance (SOUP)",
        "",
        "This page lists the software that the library contains or loads and that was not developed with it, as IEC 62304 asks for. "
        "It is made from the bill of materials by `python3 packaging/sbom.py > docs/SOUP.md`; the tests fail when it is stale. "
        "Packages hold the bill of materials itself, as CycloneDX and SPDX, with the versions of the toolchain that built them.",
        "",
        "Known anomalies of crates are published as RustSec advisories: `cargo deny check advisories` compares them with this list. "
        "Those of CharLS, OpenJPEG and ONNX Runtime are in their projects' issues and security advisories.",
        "",
        "| name | version | manufacturer | licence | purpose | how it gets into the process |",
        "|---|---|---|---|---|---|",
    ]
    cell = lambda text: " ".join(text.split()).replace("|", "\\|")
    for component in bom["components"]:
        name = f"[{component['name']}]({component['externalReferences'][0]['url']})"
        version = component.get("version", "that of the toolchain")
        lines.append("| " + " | ".join(map(cell, (
            name, version, component["supplier"]["name"], licence_of(component), component["description"],
            component["properties"][0]["value"]))) + " |")
    return "\n".join(lines) + "\n"


def text(document):
    return json.dumps(document, indent=2) + "\n"


def main():
    components.check_purposes()
    sys.stdout.write(soup(cyclonedx(components.collect())))


if __name__ == "__main__":
    main()
