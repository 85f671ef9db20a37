"""Signatures of bundles, against minisign's own program where it is installed."""

import base64
import importlib.util
import json
import shutil
import subprocess

import numpy as np
import pytest

from dlnms_model import __main__, bundle, export, sign

if importlib.util.find_spec("minisign") is None:
    pytest.skip("SKIPPED LOUDLY: py-minisign is not installed (pip install py-minisign, Python 3.10)", allow_module_level=True)
import minisign

TOOL = pytest.mark.skipif(shutil.which("minisign") is None, reason="SKIPPED LOUDLY: the program minisign is not installed")


@pytest.fixture
def folder(tmp_path):
    """A folder with what is signed, and a password."""
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle/manifest.json").write_text('{"format_version": 2}\n')
    (tmp_path / "password").write_text("open sesame\n")
    return tmp_path


def call(*arguments, code=0, capsys=None):
    assert __main__.main([*map(str, arguments), "--quiet"]) == code
    return capsys.readouterr().err if capsys else None


def verified(folder, public):
    """Whether minisign's library takes the signature; raises otherwise."""
    signature = minisign.Signature.from_file(folder / "bundle" / sign.SIGNATURE)
    minisign.PublicKey.from_file(public).verify((folder / "bundle/manifest.json").read_bytes(), signature)
    return signature


@pytest.mark.parametrize("protection", [["--no-password"], ["--password-file", "password"]])
def test_a_key_that_keygen_made_signs(folder, protection):
    protection = [folder / part if part == "password" else part for part in protection]
    password = [] if "--no-password" in protection else protection
    call("keygen", "--key", folder / "key", *protection)
    assert (folder / "key").stat().st_mode & 0o777 == 0o600
    call("sign", folder / "bundle", "--key", folder / "key", *password, "--comment", "release 7")
    assert verified(folder, folder / "key.pub").trusted_comment == "release 7"
    (folder / "bundle/manifest.json").write_text('{"format_version": 3}\n')
    with pytest.raises(minisign.Error):
        verified(folder, folder / "key.pub")


def test_what_cannot_sign_is_named(folder, capsys):
    key, signed = folder / "key", folder / "bundle"
    call("keygen", "--key", key, "--password-file", folder / "password")
    before = key.read_bytes()
    assert "exists and is not replaced" in call("keygen", "--key", key, "--no-password", code=1, capsys=capsys)
    assert key.read_bytes() == before
    assert "--password-file" in call("sign", signed, "--key", key, code=1, capsys=capsys)
    (folder / "wrong").write_text("sesame\n")
    assert "wrong password" in call("sign", signed, "--key", key, "--password-file", folder / "wrong", code=1, capsys=capsys)
    assert "No such file" in call("sign", signed, "--key", folder / "none", code=1, capsys=capsys)
    assert f"{key}.pub: " in call("sign", signed, "--key", f"{key}.pub", code=1, capsys=capsys)
    lines = before.decode().splitlines()
    damaged = bytearray(base64.b64decode(lines[1]))
    damaged[80] ^= 1
    key.write_text(f"{lines[0]}\n{base64.b64encode(damaged).decode()}\n")
    assert "wrong password" in call("sign", signed, "--key", key, "--password-file", folder / "password", code=1, capsys=capsys)
    assert not (signed / sign.SIGNATURE).exists()


@TOOL
def test_minisign_takes_our_signatures_and_we_its_keys(folder):
    signed, run = folder / "bundle", lambda *c: subprocess.run(["minisign", *map(str, c)], check=True, capture_output=True, text=True)
    run("-G", "-W", "-s", folder / "theirs", "-p", folder / "theirs.pub")
    call("keygen", "--key", folder / "ours", "--no-password")
    run("-R", "-W", "-s", folder / "ours", "-p", folder / "again.pub")
    assert (folder / "again.pub").read_text() == (folder / "ours.pub").read_text()
    for key in ("theirs", "ours"):
        call("sign", signed, "--key", folder / key, "--comment", f"by {key}")
        said = run("-V", "-p", folder / f"{key}.pub", "-m", signed / "manifest.json").stdout
        assert "Signature and comment signature verified" in said and f"by {key}" in said
        run("-S", "-W", "-s", folder / key, "-m", signed / "manifest.json")
        verified(folder, folder / f"{key}.pub")


def test_an_exported_bundle_is_signed_anew_or_not_at_all(folder, capsys, monkeypatch):
    """Graphs and weights are left out: what is tested is what becomes of the signature."""
    monkeypatch.setattr(bundle, "_write_single", lambda *_: ([], None))
    monkeypatch.setattr(bundle, "self_test_inputs", lambda: np.zeros((0, 2), np.float32))
    monkeypatch.setattr(bundle.network, "head_names", lambda _: ["n1", "n2"])
    monkeypatch.setattr(bundle.network, "modalities", lambda _: [])
    monkeypatch.setattr(export.network, "arrange", lambda found: found)
    monkeypatch.setattr(export.seeded, "weights", lambda *_: {})
    call("keygen", "--key", folder / "key", "--no-password")
    out = folder / "bundle"
    call("seeded", "--out", out, "--no-fp16", "--sign-key", folder / "key")
    verified(folder, folder / "key.pub")
    assert json.loads((out / "manifest.json").read_text())["id"] == "dlnms-seeded-42"
    call("seeded", "--out", out, "--no-fp16", "--seed", 43)
    assert not (out / sign.SIGNATURE).exists()
    # A key that cannot be used is named before anything is written.
    before = (out / "manifest.json").read_bytes()
    assert "none" in call("seeded", "--out", out, "--no-fp16", "--sign-key", folder / "none", code=1, capsys=capsys)
    assert (out / "manifest.json").read_bytes() == before
