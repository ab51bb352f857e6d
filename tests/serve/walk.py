# SPDX-License-Identifier: Apache-2.0
"""Shared by the tests in a browser: a service, a browser, and the checks of every screen."""
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import webdriver

def axe_core():
    """The text of axe-core, which finds what bars people from a page; None where it is missing."""
    path = os.environ.get("FLECK_AXE")
    package = importlib.util.find_spec("axe_playwright_python")
    if path is None and package is not None:
        path = Path(package.origin).with_name("axe.min.js")
    return Path(path).read_text() if path else None


WIDTHS = (1280, 390)
AXE = axe_core()
SAMPLE = "SAMPLE"  # among options: the folder of the images


class Service:
    """`fleck serve` on an empty folder, and any free port; use with `with`."""

    def __init__(self, fleck, *options):
        self.folder = Path(tempfile.mkdtemp(prefix="serve-"))
        self.fleck, self.options = fleck, options
        self.start()

    def start(self, port="0"):
        self.process = subprocess.Popen(
            [self.fleck, "serve", str(self.folder / "project"), "--port", port, *self.options],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        line = self.process.stdout.readline()
        found = re.search(r"https?://[^\s/]+", line)
        if not found:
            self.close()
            raise SystemExit(f"fleck serve said: {line}{self.process.stdout.read()}")
        self.url = found.group(0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.process.terminate()
        self.process.wait(60)
        shutil.rmtree(self.folder)

    def ask(self, method, path, body=None, raw=None):
        """A request under /api/v1; the answer's JSON."""
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        kind = "application/octet-stream" if raw is not None else "application/json"
        request = urllib.request.Request(f"{self.url}/api/v1{path}", data, {"Content-Type": kind},
                                         method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            text = answer.read()
        return json.loads(text) if text else None


class Walk:
    """A walk through the page; counts what it checked and keeps what failed."""

    def __init__(self, service, browser, pictures=None):
        self.service, self.browser = service, browser
        self.pictures = Path(pictures) if pictures else None
        self.failed, self.checked = [], 0

    def check(self, what, holds):
        self.checked += 1
        if not holds:
            self.failed.append(what)
            print(f"not ok: {what}", flush=True)

    def open(self, hash):
        """Go to an address of the page, and wait until it is shown."""
        url = f"{self.service.url}/{hash}"
        if self.browser.url == url:
            self.browser.reload()
        else:
            self.browser.run("for (const e of document.querySelectorAll('main h1'))"
                             " e.classList.add('former')")
            self.browser.go(url)
        self.browser.one("main h1:not(.former)")

    def screen(self, name, keep=True):
        """Check the screen as it stands at both widths; keep its pictures where asked."""
        for width in WIDTHS:
            self.browser.size(width)
            wide = self.browser.run(
                "const w = document.documentElement.clientWidth;"
                "const beyond = (e) => getComputedStyle(e).overflowX === 'visible' &&"
                " e.getBoundingClientRect().left + e.scrollWidth > w;"
                "return document.documentElement.scrollWidth <= w ? '' : [...document"
                ".querySelectorAll('body *')].filter(beyond).map((e) => e.tagName + '.' +"
                " e.className).slice(-3).join(', ') || 'something'")
            self.check(f"{name} at {width} pixels fits; {wide} does not", not wide)
            self.check(f"{name} has its style", self.browser.run(
                "const h = document.getElementById('header'); return !h ||"
                " getComputedStyle(h).position === 'sticky'"))
            self.check(f"{name} has one h1", len(self.browser.all("main h1")) == 1)
            unnamed = self.browser.run(
                "return [...document.querySelectorAll('button, a[href], input, select, textarea,"
                " img, [role=img]')].filter((e) => e.checkVisibility() &&"
                " !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') ||"
                " e.textContent.trim() || e.hasAttribute('alt') || (e.labels || []).length ||"
                " [...e.querySelectorAll('img')].some((i) => i.alt)))"
                ".map((e) => e.outerHTML.slice(0, 80))")
            self.check(f"{name}: every control and image has a name; {unnamed} have none",
                       not unnamed)
            self.accessible(f"{name} at {width} pixels")
            if self.pictures and keep:
                self.browser.run("window.scrollTo(0, 0);"
                                 "document.getElementById('status')?.classList.remove('shown')")
                self.browser.screenshot(self.pictures / f"{name}-{width}.png", whole=False)
        self.browser.size(WIDTHS[0])
        self.console(name)

    def accessible(self, where):
        """Check the page by axe-core, where that is installed.

        The service forbids all scripts in a report; as a file it can be checked."""
        url = self.browser.url
        if AXE is None or url.startswith("http") and "/report.html" in url:
            return
        self.browser.run(f"if (!window.axe) {{ {AXE} }}")
        found = self.browser.run_async(
            "const { violations } = await axe.run();"
            "return violations.map((v) => `${v.id}: ${v.nodes[0].html.slice(0, 100)}`)")
        self.check(f"{where}: axe-core finds {found}", not found)

    def wait(self, what, test, seconds=20):
        """Check that test() becomes true; the walk ends where it does not."""
        self.browser.wait(what, test, seconds)
        self.checked += 1

    def says(self, text, css="main", seconds=20):
        """Check that this text is to be read in the page."""
        self.browser.one(css, text, seconds)
        self.checked += 1

    def console(self, where):
        errors = self.browser.errors()
        self.check(f"{where}: the console has errors: {errors}", not errors)

    def end(self):
        if AXE is None:
            print("skipped: axe-core, as axe_playwright_python is not installed")
        print(f"{self.checked} checks, {len(self.failed)} failed")
        return 1 if self.failed else 0


def main(walk, *options):
    """Run walk(w, sample) on images of `fleck synth`: main of the files that walk.

    Arguments: the tool, and the source's folder.  Exit status 77: there is no browser."""
    fleck, source = sys.argv[1], Path(sys.argv[2])
    missing = webdriver.missing()
    if missing:
        print("skipped: there is no", " and no ".join(missing))
        sys.exit(77)
    pictures = source / "docs" / "screenshots" if os.environ.get("UPDATE") else None
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="walk-") as folder:
        sample = Path(folder) / "sample"
        subprocess.run([fleck, "synth", sample], check=True, stdout=subprocess.DEVNULL)
        given = [str(sample) if o == SAMPLE else o for o in options]
        with Service(fleck, *given) as service, webdriver.Browser() as browser:
            w = Walk(service, browser, pictures)
            try:
                walk(w, sample)
            except webdriver.Failure as error:
                w.check(f"the walk came to its end: {error}", False)
                browser.screenshot(os.environ.get("FAILED", "/dev/null"))
            sys.exit(w.end())
