"""Writes THIRD-PARTY-NOTICES.txt: who wrote what is in the library or beside it, and under which licence."""
import components

RULE = "=" * 100
# Licences whose text this repository has, or that ask for no notice.
OWN_TEXT = {"Apache-2.0": components.ROOT / "LICENSE-APACHE", "CC0-1.0": None}


def texts_of(component):
    """Returns the licence texts that a component ships, or the one of a licence it offers."""
    if component.texts:
        return [file.read_text(errors="replace").strip() for file in component.texts]
    for licence, file in OWN_TEXT.items():
        if licence in component.licence.split(" OR "):
            return [file.read_text().strip()] if file else []
    raise SystemExit(f"notices: {component.name} {component.version} ({component.licence}) has no licence text")


def text(listed, with_runtime):
    """Returns the notices of components; ONNX Runtime is among them where it is handed on."""
    shipped = [c for c in listed if c.role in ("linked", "program", "inside") or (c.role == "beside" and with_runtime)]
    users = {}
    for component in shipped:
        for licence in texts_of(component):
            users.setdefault(licence, []).append(f"{component.name} {component.version}".strip())
    lines = ["Third-party notices of dlnms", "",
             "This library is made with the following components. Each is used under the licence named beside it; the texts follow.", ""]
    lines += [f"  {c.name} {c.version}  ({c.licence})  {c.home}" for c in shipped]
    for licence, names in users.items():
        lines += ["", RULE, ", ".join(names), RULE, "", licence]
    return "\n".join(lines) + "\n"
