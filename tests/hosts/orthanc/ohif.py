"""OHIF's static files, with Orthanc's DICOMweb under the same address, as OHIF's guide asks of a web server."""

import http.server
import threading
import urllib.error
import urllib.request
from pathlib import Path

CONFIGURATION = """window.config = {
  routerBasename: '/', extensions: [], modes: [], customizationService: {}, showStudyList: true, maxNumberOfWebWorkers: 1,
  showWarningMessageForCrossOrigin: false, showCPUFallbackMessage: false, strictZSpacingForVolumeViewport: false,
  investigationalUseDialog: { option: 'never' }, disableConfirmationPrompts: true, defaultDataSourceName: 'dicomweb',
  dataSources: [{
    namespace: '@ohif/extension-default.dataSourcesModule.dicomweb', sourceName: 'dicomweb',
    configuration: {
      friendlyName: 'Orthanc', name: 'Orthanc', wadoUriRoot: '/dicom-web', qidoRoot: '/dicom-web', wadoRoot: '/dicom-web',
      qidoSupportsIncludeField: false, imageRendering: 'wadors', thumbnailRendering: 'wadors', enableStudyLazyLoad: true,
      supportsFuzzyMatching: false, supportsWildcard: true, singlepart: 'bulkdata,video,pdf', bulkDataURI: { enabled: true },
      omitQuotationForMultipartRequest: true,
    },
  }],
};
"""


def serve(files, orthanc):
    """Serves OHIF on a free port by a thread. Returns the server; `server_port` is its port."""
    files = Path(files)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments, **named):
            super().__init__(*arguments, directory=str(files), **named)

        def log_message(self, *_):
            pass

        def send(self, status, mime, body):
            self.send_response(status)
            self.send_header("Content-Type", mime)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            path = self.path.split("?")[0]
            if path.startswith("/dicom-web"):
                request = urllib.request.Request(orthanc + self.path, headers={"Accept": self.headers.get("Accept", "*/*")})
                try:
                    answer = urllib.request.urlopen(request)
                except urllib.error.HTTPError as error:
                    answer = error
                return self.send(answer.status, answer.headers.get("Content-Type", ""), answer.read())
            if path == "/app-config.js":
                return self.send(200, "text/javascript", CONFIGURATION.encode())
            if not (files / path.lstrip("/")).is_file():
                self.path = "/index.html"
            return super().do_GET()

        def end_headers(self):
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
            super().end_headers()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
