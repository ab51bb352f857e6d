# SPDX-License-Identifier: Apache-2.0
"""Starts `fleck serve` for tests, and speaks with it.  Python's standard library alone."""
import atexit
import http.client
import json
import os
import pathlib
import signal
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import zlib

API = "/api/v1"


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        self.type = headers.get("content-type", "").split(";")[0]

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.type} {self.body[:300]!r}"


class Service:
    """`fleck serve FOLDER` with options.  limit: the largest file in bytes that it may write."""

    def __init__(self, fleck, folder, *options, limit=None, env=None):
        self.fleck, self.folder, self.options = str(fleck), str(folder), options
        self.limit, self.env, self.context, self.token = limit, env, None, None
        self.start()

    def start(self):
        self.log = tempfile.TemporaryFile()
        command = [self.fleck, "serve", self.folder, "--port", "0", *self.options]
        if self.limit is not None:
            # SIGXFSZ must be ignored for write() to fail with EFBIG instead.
            command = ["sh", "-c", f"trap '' XFSZ; ulimit -f {self.limit // 512}; exec \"$@\"",
                       "sh", *command]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log,
                                        text=True, env={**os.environ, **(self.env or {})})
        atexit.register(self.process.kill)  # where a case failed before it stopped the service
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit(f"fleck serve did not start: {self.errors()}")
            if line.startswith("token: "):
                self.token = line.split()[1]
            if " at http" in line:
                self.port = int(line.rsplit(":", 1)[1])
                return

    def errors(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def connect(self, timeout=120):
        if self.context is not None:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout,
                                               context=self.context)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(self, method, path, body=None, headers=None, connection=None):
        """path: below /api/v1, unless it begins with "//" (which stands for "/")."""
        c = connection or self.connect()
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        elif body is not None:
            headers.setdefault("Content-Type", "application/octet-stream")
        c.request(method, path[1:] if path.startswith("//") else API + path, body, headers)
        r = c.getresponse()
        answer = Answer(r.status, {k.lower(): v for k, v in r.getheaders()}, r.read())
        if connection is None:
            c.close()
        return answer

    def get(self, path, **headers):
        a = self.ask("GET", path, headers=headers)
        assert a.status == 200, (path, a)
        return a.json() if a.type == "application/json" else a.body

    def post(self, path, body=None, status=(200, 201, 202), **headers):
        a = self.ask("POST", path, body if body is not None else {}, headers)
        assert a.status in status, (path, a)
        return a.json()

    def put(self, path, body):
        a = self.ask("PUT", path, body)
        assert a.status == 200, (path, a)
        return a.json()

    def fit(self, product, settings=None):
        job = self.post(f"/products/{product}/fits", {"settings": settings or {"pixels": 16384}})
        return self.wait_for(job["id"])

    def wait_for(self, job, seconds=300):
        for _ in range(seconds * 20):
            row = self.get(f"/jobs/{job}")
            if row["state"] not in ("queued", "running"):
                return row
            time.sleep(0.05)
        raise AssertionError(f"the job did not end: {row}")

    def resident(self):
        for line in self.get("/metrics").decode().splitlines():
            if line.startswith("fleck_resident_bytes "):
                return int(line.split()[1])
        raise AssertionError("no fleck_resident_bytes")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        """A graceful end: of SIGTERM, once what was accepted is done, and nothing said but by a
        sanitizer or a bug."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=120)
        self.process.stdout.close()
        assert status in (0, -signal.SIGTERM), (status, self.errors())


def multipart(*parts):
    """Body and headers; a part is (field, file name, media type or None, bytes)."""
    edge = b"----fleck7c1a"
    body = b""
    for field, name, kind, data in parts:
        body += b"--" + edge + b'\r\nContent-Disposition: form-data; name="' + field.encode() + b'"'
        if name is not None:
            body += b'; filename="' + (name if isinstance(name, bytes) else name.encode()) + b'"'
        body += b"\r\n"
        if kind is not None:
            body += b"Content-Type: " + kind.encode() + b"\r\n"
        body += b"\r\n" + data + b"\r\n"
    return body + b"--" + edge + b"--\r\n", {
        "Content-Type": f"multipart/form-data; boundary={edge.decode()}"}


def read_png(data):
    """(width, height, channels, depth, rows' bytes joined) of an uninterlaced PNG."""
    at, packed = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
        elif kind == b"IDAT":
            packed += body
        at += size + 12
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    pixel = channels * depth // 8
    step = width * pixel
    raw, rows, last = zlib.decompress(packed), [], bytearray(step)
    for y in range(height):
        how, row = raw[y * (step + 1)], bytearray(raw[y * (step + 1) + 1:(y + 1) * (step + 1)])
        for i in range(step):
            a = row[i - pixel] if i >= pixel else 0
            b, c = last[i], last[i - pixel] if i >= pixel else 0
            if how == 1:
                row[i] = (row[i] + a) & 255
            elif how == 2:
                row[i] = (row[i] + b) & 255
            elif how == 3:
                row[i] = (row[i] + (a + b) // 2) & 255
            elif how == 4:
                p = a + b - c
                da, db, dc = abs(p - a), abs(p - b), abs(p - c)
                row[i] = (row[i] + (a if da <= db and da <= dc else b if db <= dc else c)) & 255
        rows.append(bytes(row))
        last = row
    return width, height, channels, depth, b"".join(rows)


def pnm(width, height, pixels, channels=3, depth=8):
    """Bytes of a PGM or PPM; pixels of 16 bits are big-endian."""
    head = f"P{6 if channels == 3 else 5}\n{width} {height}\n{(1 << depth) - 1}\n"
    return head.encode() + pixels


def bmp(width, height, rgb):
    step = (width * 3 + 3) // 4 * 4
    rows = b""
    for y in reversed(range(height)):
        row = rgb[y * width * 3:(y + 1) * width * 3]
        turned = bytearray(row)
        turned[0::3], turned[2::3] = row[2::3], row[0::3]
        rows += bytes(turned).ljust(step, b"\0")
    return (struct.pack("<2sIHHI", b"BM", 54 + len(rows), 0, 0, 54) +
            struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(rows), 2835, 2835, 0, 0) +
            rows)


def tiff(width, height, pixels, channels=3):
    """An uncompressed TIFF of 8 bits in one strip."""
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1),
            (262, 3, 1, 2 if channels == 3 else 1), (273, 4, 1, 8), (277, 3, 1, channels),
            (278, 4, 1, height), (279, 4, 1, len(pixels))]
    if channels == 3:
        tags[2] = (258, 3, 3, 8 + len(pixels))
    tail = struct.pack("<HHH", 8, 8, 8)
    at = 8 + len(pixels) + len(tail)
    ifd = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *t) for t in tags)
    return struct.pack("<2sHI", b"II", 42, at) + pixels + tail + ifd + b"\0\0\0\0"


def server_context(folder):
    """Paths of a certificate and key made by openssl, and a context that trusts them; or None."""
    cert, key = pathlib.Path(folder, "cert.pem"), pathlib.Path(folder, "key.pem")
    try:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-keyout", key, "-out", cert], check=True, capture_output=True)
    except FileNotFoundError:
        return None
    return str(cert), str(key), ssl.create_default_context(cafile=str(cert))


class Cases:
    """Runs functions one after another and prints a line for each."""

    def __init__(self):
        self.number = self.failed = 0

    def run(self, name, function, *arguments):
        import traceback
        self.number += 1
        begun = time.monotonic()
        try:
            why = function(*arguments)
        except Exception:  # noqa: BLE001 - any failure is this case's
            traceback.print_exc(file=sys.stdout)
            self.failed += 1
            print(f"not ok {self.number} - {name}", flush=True)
            return False
        note = f" # SKIP {why}" if isinstance(why, str) else ""
        print(f"ok {self.number} - {name}{note}", flush=True)
        print(f"# {time.monotonic() - begun:.1f} s", flush=True)
        return True

    def end(self):
        sys.exit(1 if self.failed else 0)
