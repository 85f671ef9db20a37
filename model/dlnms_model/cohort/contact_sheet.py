"""The contact sheet: the planes of every study as small pictures, to look at."""

import base64
import struct
import zlib

import numpy as np

CT_WINDOW = (-1000.0, 400.0)  # HU, black to white
PET_WINDOW = (0.0, 10.0)  # SUV, white to black


def png(grey):
    """Returns an 8-bit greyscale PNG file of an array of rows."""
    height, width = grey.shape
    lines = np.concatenate([np.zeros((height, 1), np.uint8), grey.astype(np.uint8)], axis=1).tobytes()
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")


def grey(values, window, inverted):
    """Returns values as grey levels between the ends of a window."""
    share = np.clip((values - window[0]) / (window[1] - window[0]), 0, 1)
    return np.round(255 * (1 - share if inverted else share))


def picture(planes, preprocessing):
    """Returns the planes of a study, modalities x channels, as one PNG file at half size: CT above, PET below."""
    rows = []
    for m, name, window in ((1, "ct", CT_WINDOW), (0, "pet", PET_WINDOW)):
        scale = preprocessing[name]
        values = planes[m].astype(np.float64) * scale["std"] + scale["mean"]
        shape = values.shape[1] // 2 * 2, values.shape[2] // 2 * 2
        half = values[:, :shape[0], :shape[1]].reshape(len(values), shape[0] // 2, 2, shape[1] // 2, 2).mean(axis=(2, 4))
        rows.append(np.concatenate(list(grey(half, window, name == "pet")), axis=1))
    return png(np.concatenate(rows, axis=0))


def url(content):
    """Returns a PNG file as the address of a picture inside the page."""
    return "data:image/png;base64," + base64.b64encode(content).decode()
