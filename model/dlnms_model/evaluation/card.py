"""The model card: what a bundle says of itself and what this evaluation found, under the headings of CHAI's applied model card."""

import hashlib
import json
import pathlib

from ..table import REGRESSION, TableError

UNKNOWN = "not stated"


def manifest(folder):
    """Reads the manifest of a bundle. Refuses a folder without one."""
    path = pathlib.Path(folder) / "manifest.json"
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TableError(f"--bundle: {path.name} cannot be read: {error}") from None
    if not isinstance(read, dict) or "weights" not in read:
        raise TableError(f"--bundle: {path.name} is not the manifest of a bundle")
    return read


def refuse_other_bundle(folder, bundle, data, names):
    """Refuses scores of another bundle than the one in `folder`. Returns warnings about scores of which no bundle is known."""
    digest = hashlib.sha256((pathlib.Path(folder) / "manifest.json").read_bytes()).hexdigest()
    warned = []
    for name in names:
        source = data.sources.get(name)
        if source is None:
            warned.append(f"column {name}: the table does not say which model gave it, so whether it is of this bundle was not checked")
        elif not source["model"].startswith(REGRESSION) and source["sha256"] != digest:
            raise TableError(f"{source['file']}, column {name}: these are scores of another bundle ({source['model'] or 'without a name'}, manifest "
                             f"{source['sha256'][:12]}...) than --bundle ({bundle.get('id')} {bundle.get('version')}, manifest {digest[:12]}...)")
    return warned


def card(result, bundle):
    """Returns the card as headings with statements. What neither the bundle nor the evaluation knows is `not stated`, never guessed."""
    t = result["table"]
    metrics = []
    for name, s in result["scores"].items():
        a = s["auroc"]
        metrics.append({"metric": f"AUROC of {name}", "result": a["value"], "low": a["low"], "high": a["high"], "method": a["method"]})
        at = s.get("at_cutoff")
        if at:
            for rate in ("sensitivity", "specificity"):
                inside = (at["intervals"] or {}).get(rate) or {}
                metrics.append({"metric": f"{rate} of {name} at {at['cutoff']:.4g}", "result": at[rate], "low": inside.get("low"), "high": inside.get("high"), "method": inside.get("method", at["rule"])})
    fairness = [
        {"metric": f"AUROC of {name} where {column} is {level}", "result": one["auroc"]["value"], "low": one["auroc"]["low"], "high": one["auroc"]["high"], "method": one["auroc"].get("method", one["auroc"].get("interval"))}
        for column, s in result.get("subgroups", {}).items() for level, here in s["levels"].items() for name, one in here["scores"].items()
    ]
    return {
        "name": bundle.get("id", UNKNOWN), "version": bundle.get("version", UNKNOWN), "developer": bundle.get("developer", UNKNOWN),
        "release_stage": "research use only", "regulatory_approval": "none",
        "summary": bundle.get("card", UNKNOWN),
        "uses_and_directions": {"intended_use": bundle.get("intended_use", UNKNOWN), "out_of_scope": result["notice"]},
        "warnings": {"weights": bundle["weights"], "of_the_evaluation": result["warnings"], "known_biases": UNKNOWN},
        "trust_ingredients": {"outputs": ", ".join(bundle.get("heads", [])) or UNKNOWN, "development_data": bundle.get("training", UNKNOWN), "ongoing_maintenance": UNKNOWN, "funding": UNKNOWN},
        "key_metrics": {"usefulness": metrics, "fairness": fairness or UNKNOWN, "safety": UNKNOWN,
                        "testing_data": f"{t['n']} patients, {t['positives']} with {t['outcome']} = 1; whether they were apart from the development data is {UNKNOWN}"},
        "layout": "after the applied model card of the Coalition for Health AI",
    }
