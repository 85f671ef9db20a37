"""Debian's Orthanc with the plugin, started on free ports with a configuration and folders of its own."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

DICOMWEB = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class HttpError(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status}: {body[:400]!r}")
        self.status = status
        self.body = body

    def json(self):
        return json.loads(self.body)


class Server:
    """An Orthanc. `dlnms` is the section Dlnms of its configuration; `more` is merged into the configuration."""

    def __init__(self, folder, plugin, dlnms, more=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.http, self.dicom = free_port(), free_port()
        self.configuration = {
            "Name": "test",
            "StorageDirectory": str(self.folder / "db"),
            "IndexDirectory": str(self.folder / "db"),
            "HttpPort": self.http,
            "DicomPort": self.dicom,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "StableAge": 2,
            "Plugins": [str(plugin), DICOMWEB],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
            "DicomModalities": {},
            **(more or {}),
        }
        if dlnms is not None:
            self.configuration["Dlnms"] = dlnms
        self.process = None

    @property
    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def start(self, wait_ready=True, environment=None):
        path = self.folder / "orthanc.json"
        path.write_text(json.dumps(self.configuration))
        self.process = subprocess.Popen(
            ["/usr/sbin/Orthanc", str(path)],
            stdout=subprocess.DEVNULL,
            stderr=open(self.folder / "log", "ab"),
            env={**os.environ, **(environment or {})},
        )
        self.until(lambda: self.answers("/system"), 60, "Orthanc does not answer")
        if wait_ready:
            self.until(lambda: self.get("/dlnms/info")["State"] != "starting", 120, "the scorer is not prepared")
        return self

    def answers(self, path):
        assert self.process.poll() is None, f"Orthanc ended with {self.process.returncode}:\n{self.log[-4000:]}"
        try:
            self.get(path)
            return True
        except (OSError, HttpError):
            return False

    def until(self, condition, seconds, what):
        """A limit for a test that hangs; nothing is asserted about time."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"{what}:\n{self.log[-4000:]}"
            time.sleep(0.1)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    # ------------------------------------------------------------ HTTP

    def url(self, path):
        return f"http://127.0.0.1:{self.http}{path}"

    def request(self, method, path, body=None, mime="application/json"):
        request = urllib.request.Request(self.url(path), data=body, method=method, headers={"Content-Type": mime} if body is not None else {})
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.read(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            raise HttpError(error.code, error.read()) from None

    def get(self, path):
        return json.loads(self.request("GET", path)[0])

    def post(self, path, body):
        return json.loads(self.request("POST", path, json.dumps(body).encode())[0])

    def delete(self, path):
        self.request("DELETE", path)

    # ------------------------------------------------------------ studies and jobs

    def send(self, *folders):
        """C-STORE by DCMTK's storescu, as a scanner would."""
        subprocess.run(
            ["storescu", "--scan-directories", "--recurse", "--propose-jls-lossless", "127.0.0.1", str(self.dicom), *map(str, folders)],
            check=True,
            capture_output=True,
        )

    def upload(self, *folders):
        """Sends files and folders by HTTP."""
        for folder in folders:
            files = sorted(Path(folder).rglob("*")) if Path(folder).is_dir() else [Path(folder)]
            for file in files:
                if file.is_file():
                    self.request("POST", "/instances", file.read_bytes(), "application/dicom")

    def studies(self):
        return self.get("/studies")

    def series(self, study, modality):
        found = [s["ID"] for s in self.get(f"/studies/{study}/series") if s["MainDicomTags"]["Modality"] == modality]
        assert len(found) == 1, f"{modality}: {found}"
        return found[0]

    def score(self, study, body):
        return self.post(f"/dlnms/studies/{study}/score", body)["ID"]

    def job(self, job):
        return self.get(f"/jobs/{job}")

    def wait(self, job, states=("Success", "Failure")):
        self.until(lambda: self.job(job)["State"] in states, 180, f"job {job} does not end")
        return self.job(job)
