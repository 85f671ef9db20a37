"""What the library is made of: the crates that are linked into it, the C and C++ code inside them, and ONNX Runtime.

Notices, SBOM and SOUP list are all made from here, and this from `cargo metadata` and components.json.
"""
import dataclasses
import json
import os
import pathlib
import re
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
# What is listed without a build; a build has its own.
DEFAULT_TARGET = "x86_64-unknown-linux-gnu"
LICENCE_FILES = ("LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE")


@dataclasses.dataclass
class Component:
    name: str
    version: str
    licence: str
    supplier: str
    home: str
    purl: str
    purpose: str
    # How it comes to the process: "root", "linked", "program", "inside" or "beside".
    role: str
    needs: list = dataclasses.field(default_factory=list)  # purls
    sha256: str = ""
    # Licence files; empty where the component ships none.
    texts: list = dataclasses.field(default_factory=list)


def spdx_expression(text):
    return text.replace("/", " OR ")


def checksums():
    """Returns the sha256 of each crate's archive by name and version, from Cargo.lock."""
    found = {}
    for block in (ROOT / "Cargo.lock").read_text().split("[[package]]"):
        fields = dict(re.findall(r'^(name|version|checksum) = "([^"]+)"', block, re.M))
        if "checksum" in fields:
            found[fields["name"], fields["version"]] = fields["checksum"]
    return found


def linked_crates(target, *features):
    """Returns (root id, packages by id, dependencies by id) of what is linked: no development, build or macro crates."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target, *features]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    macros = {i for i, p in packages.items() if any("proc-macro" in target["kind"] for target in p["targets"])}
    root, needs, waiting = metadata["resolve"]["root"], {}, [metadata["resolve"]["root"]]
    while waiting:
        one = waiting.pop()
        if one not in needs:
            needs[one] = sorted(
                dependency["pkg"] for dependency in nodes[one]["deps"]
                if dependency["pkg"] not in macros and any(kind["kind"] is None for kind in dependency["dep_kinds"]))
            waiting += needs[one]
    return root, packages, needs


def licence_texts(folder):
    return sorted(file for file in folder.iterdir() if file.is_file() and file.name.upper().startswith(LICENCE_FILES))


def crate_purl(package):
    return f"pkg:cargo/{package['name']}@{package['version'].replace('+', '%2B')}"


def github_purl(home, version):
    owner, name = home.split("/")[-2:]
    return f"pkg:github/{owner.lower()}/{name.lower()}" + (f"@{version}" if version else "")


def inside(part, crate):
    folder = pathlib.Path(crate["manifest_path"]).parent
    source = part["version"]["from"]
    text = crate["version"] if source == "crate version" else (folder / source).read_text()
    version = re.search(part["version"]["pattern"], text).group(1)
    return Component(part["name"], version, part["licence"], part["supplier"], part["home"],
                     github_purl(part["home"], version), part["purpose"], "inside", texts=[folder / part["text"]])


def collect(onnxruntime_folder=None, built=None):
    """Returns every component, the library itself first.

    Licence texts of ONNX Runtime and of the toolchain's libraries are in the two folders; without `built`, which
    packaging/build.py wrote, the components of every build are listed, and those of the toolchain without a version.
    """
    listed = json.loads((HERE / "components.json").read_text())
    build = json.loads((built / "build.json").read_text()) if built else {"target": DEFAULT_TARGET}
    target, toolchain = build["target"], build.get("toolchain")
    root, packages, needs = linked_crates(target)
    of_library = linked_crates(target, "--no-default-features", "--features", "dicom,pdf")[2]
    sums = checksums()
    users = {}
    for user, used in needs.items():
        for one in used:
            users.setdefault(one, set()).add(packages[user]["name"])
    found = []
    for identity in sorted(needs, key=lambda i: (i != root, packages[i]["name"], packages[i]["version"])):
        package = packages[identity]
        purpose = listed["purposes"].get(package["name"]) if root in {
            u for u, used in needs.items() if identity in used} else None
        found.append(Component(
            package["name"], package["version"], spdx_expression(package["license"]),
            ", ".join(re.sub(r"\s*<.*?>", "", author) for author in package["authors"]) or "the crate's authors",
            package["repository"] or f"https://crates.io/crates/{package['name']}", crate_purl(package),
            package["description"] if identity == root else purpose or f"Used by {', '.join(sorted(users[identity]))}.",
            "root" if identity == root else "linked" if identity in of_library else "program", [crate_purl(packages[i]) for i in needs[identity]],
            sums.get((package["name"], package["version"]), ""),
            licence_texts(pathlib.Path(package["manifest_path"]).parent)))
    by_name = {component.name: component for component in found}
    for part in listed["inside"]:
        crate = next(package for i, package in packages.items() if i in needs and package["name"] == part["crate"])
        component = inside(part, crate)
        by_name[part["crate"]].needs.append(component.purl)
        found.append(component)
    for part in listed["beside"]:
        texts = [onnxruntime_folder / name for name in part["text"]] if onnxruntime_folder else []
        found.append(Component(
            part["name"], onnxruntime_version(), part["licence"], part["supplier"], part["home"],
            github_purl(part["home"], f"v{onnxruntime_version()}"), part["purpose"], "beside", texts=texts))
        found[0].needs.append(found[-1].purl)
    for part in listed["toolchain"]:
        version = (toolchain or {}).get(part["version"], "")
        if toolchain is None or version:
            texts = [built / part["text"]] if built and "text" in part else []
            found.append(Component(part["name"], version, part["licence"], part["supplier"], part["home"],
                                   github_purl(part["home"], version), part["purpose"], "linked", texts=texts))
            found[0].needs.append(found[-1].purl)
    return found


def check_purposes():
    """Fails unless components.json gives the purpose of each direct dependency, and of no other crate."""
    root, packages, needs = linked_crates(DEFAULT_TARGET)
    direct = {packages[i]["name"] for i in needs[root]}
    differing = direct ^ set(json.loads((HERE / "components.json").read_text())["purposes"])
    if differing:
        raise SystemExit(f"packaging/components.json: say the purpose of each direct dependency and of no other: {sorted(differing)}")


def onnxruntime_version():
    """Returns the version that the Makefile fetches."""
    return re.search(r"^ORT_VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.M).group(1)


def source_date():
    """Returns SOURCE_DATE_EPOCH, or the time of the last commit, or 0 outside a checkout."""
    if "SOURCE_DATE_EPOCH" in os.environ:
        return int(os.environ["SOURCE_DATE_EPOCH"])
    time = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True)
    return int(time.stdout) if time.returncode == 0 and time.stdout.strip() else 0
