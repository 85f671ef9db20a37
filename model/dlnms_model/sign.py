"""Signs bundles in minisign's format: the commands `sign` and `keygen`, and `--sign-key` of the exporter.

The signature covers manifest.json, which names every other file with its digest. Keys are those of minisign: either program reads
what the other wrote.
"""

import base64
import contextlib
import getpass
import os
import pathlib
import sys

from .failure import fail
from .output import write_file

SIGNATURE = "manifest.json.minisig"


class SigningError(ValueError):
    """A key that cannot be used."""


def add(sub):
    """Adds the options of both commands; returns their parsers."""
    s = sub.add_parser("sign", help="sign a bundle with a secret key of minisign; writes manifest.json.minisig")
    s.add_argument("bundle", metavar="BUNDLE", help="folder of the bundle")
    s.add_argument("--key", required=True, metavar="FILE", help="secret key, of `minisign -G` or `keygen`")
    s.add_argument("--comment", metavar="TEXT", help="trusted comment, which is signed as well (default: the time)")
    k = sub.add_parser("keygen", help="make a pair of keys; writes FILE and FILE.pub")
    k.add_argument("--key", required=True, metavar="FILE", help="secret key; a file that exists is not replaced")
    k.add_argument("--no-password", action="store_true", help="do not encrypt the secret key")
    for p in (s, k):
        add_password(p)
    return s, k


def add_password(p):
    """Adds the option that says where the password of a key is."""
    p.add_argument("--password-file", metavar="FILE", help="first line is the password of the secret key (default: asked for on the terminal)")


def run(a, say):
    """Runs `sign` or `keygen`; returns the exit code."""
    try:
        _keygen(a, say) if a.command == "keygen" else _sign(a, say)
    except (OSError, SigningError) as error:
        return fail(error)
    return 0


@contextlib.contextmanager
def opened_key(path, password_file=None):
    """The secret key in a file, ready to sign; it is wiped from memory afterwards. Errors are SigningError and OSError."""
    minisign = _minisign()
    try:
        secret = minisign.SecretKey.from_file(path)
        try:
            if secret.is_encrypted():
                secret.decrypt(_password(password_file, f"Password of {path}: "))
            yield secret
        finally:
            secret.wipe()
    except minisign.Error as error:
        raise SigningError(f"{path}: {error}") from error


def write(bundle, secret, comment=None):
    """Writes the signature of a bundle by an opened key; returns its file."""
    bundle = pathlib.Path(bundle)
    signature = secret.sign((bundle / "manifest.json").read_bytes(), trusted_comment=comment)
    write_file(bundle / SIGNATURE, bytes(signature) + b"\n")
    return bundle / SIGNATURE


def _sign(a, say):
    with opened_key(a.key, a.password_file) as secret:
        say(f"{write(a.bundle, secret, a.comment)} written")


def _keygen(a, say):
    minisign = _minisign()
    key, public = pathlib.Path(a.key), pathlib.Path(f"{a.key}.pub")
    for file in (key, public):
        if file.exists():
            raise SigningError(f"{file}: exists and is not replaced")
    pair = minisign.KeyPair.generate()
    if not a.no_password:
        pair.secret_key.encrypt(_password(a.password_file, "Password of the new key: "))
    # The key's number as minisign shows it.
    number = int.from_bytes(base64.b64decode(pair.public_key.to_base64())[2:10], "little")
    pair.public_key.untrusted_comment = f"minisign public key {number:016X}"
    # Readable by its owner alone, from its first byte on.
    with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(bytes(pair.secret_key) + b"\n")
    write_file(public, bytes(pair.public_key) + b"\n")
    say(f"{key} and {public} written; the public key is {pair.public_key.to_base64().decode()}")


def _minisign():
    try:
        import minisign
    except ImportError as error:
        raise SigningError(f"signing needs {error.name}: pip install 'dlnms_model[sign]'") from error
    return minisign


def _password(file, question):
    if file:
        with open(file, encoding="utf-8") as lines:
            return lines.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise SigningError("the key has a password: --password-file, or a terminal to ask on")
    return getpass.getpass(question)
