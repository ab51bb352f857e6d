# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium, driven by chromedriver over HTTP (W3C WebDriver); standard library alone."""
import base64
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"Enter": "\ue007", "Tab": "\ue004", "Escape": "\ue00c", "Left": "\ue012", "Up": "\ue013",
        "Right": "\ue014", "Down": "\ue015", "Delete": "\ue017", "Backspace": "\ue003",
        "Control": "\ue009", "Shift": "\ue008", "Space": " ", "Home": "\ue011", "End": "\ue010"}


def missing():
    """What is missing for a browser; empty where there is one."""
    return [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]


class Failure(Exception):
    """The browser could not do what was asked."""


class Element:
    """An element of the page."""

    def __init__(self, browser, id):
        self.browser, self.id = browser, id

    def _ask(self, method, path, body=None):
        return self.browser.ask(method, f"/element/{self.id}/{path}", body)

    def click(self):
        self._ask("POST", "click", {})

    def type(self, *texts):
        """Type texts, or keys by their names in KEYS; into a file input: paths of files."""
        self._ask("POST", "value", {"text": "".join(KEYS.get(t, t) for t in texts)})

    def files(self, paths):
        self._ask("POST", "value", {"text": "\n".join(str(p) for p in paths)})

    def set(self, text):
        """Replace what a field holds, as a person does."""
        self._ask("POST", "clear", {})
        self.type(text)

    @property
    def text(self):
        return self._ask("GET", "text")

    @property
    def enabled(self):
        return self._ask("GET", "enabled")

    @property
    def shown(self):
        return self._ask("GET", "displayed")

    def attribute(self, name):
        return self._ask("GET", f"attribute/{name}")

    def state(self, name):
        """A property, such as value or checked."""
        return self._ask("GET", f"property/{name}")

    @property
    def rect(self):
        """x, y, width and height in the window, after scrolling it there."""
        return self.browser.run(
            "const e = arguments[0]; e.scrollIntoView({block: 'center', behavior: 'instant'});"
            "const r = e.getBoundingClientRect(); return [r.x, r.y, r.width, r.height];", self)


class Browser:
    """Use with `with`: it ends Chromium and removes its profile."""

    def __init__(self, width=1280, height=900, language="en"):
        # Chromium makes a socket there, whose path must be short.
        self.folder = tempfile.mkdtemp(prefix="browser-", dir="/tmp")
        env = dict(os.environ, TMPDIR=self.folder, HOME=self.folder, LANGUAGE=language)
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, text=True, env=env,
                                       start_new_session=True)
        self.session = None
        try:
            self.port = self._port()
            self.session = self._open(language)
            self.size(width, height)
        except BaseException:
            self.close()
            raise

    def _port(self):
        for line in self.driver.stdout:
            found = re.search(r"successfully on port (\d+)", line)
            if found:
                # Its further output is read and dropped, so that the pipe never fills.
                threading.Thread(target=self.driver.stdout.read, daemon=True).start()
                return int(found.group(1))
        raise Failure("chromedriver ended without a port")

    def _open(self, language):
        # Chromium's sandbox needs what containers lack; the page is our own.
        options = {"args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
                            "--disable-dev-shm-usage", "--hide-scrollbars",
                            "--disable-background-networking", f"--lang={language}",
                            f"--user-data-dir={self.folder}/profile"],
                   "prefs": {"intl.accept_languages": language,
                             "download.default_directory": f"{self.folder}/downloads"}}
        answer = self._http("POST", "/session", {"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}})
        return answer["sessionId"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.session:
            try:
                self.ask("DELETE", "")
            except (OSError, Failure):
                pass
        # chromedriver leads a group of its own: nothing that it started stays.
        try:
            os.killpg(self.driver.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.driver.wait()
        for _ in range(20):  # Chromium's last processes still write into the profile
            shutil.rmtree(self.folder, ignore_errors=True)
            if not os.path.exists(self.folder):
                return
            time.sleep(0.1)

    def _http(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request(method, path, None if body is None else json.dumps(body),
                           {"Content-Type": "application/json"})
        answer = connection.getresponse()
        value = json.loads(answer.read())["value"]
        connection.close()
        if answer.status != 200:
            raise Failure(f"{value['error']}: {value['message'].splitlines()[0]}")
        return value

    def ask(self, method, path, body=None):
        return self._http(method, f"/session/{self.session}{path}", body)

    # ---- The window ----

    def cdp(self, command, **values):
        """A command of the DevTools protocol."""
        return self.ask("POST", "/goog/cdp/execute", {"cmd": command, "params": values})

    def size(self, width, height=900):
        """The page's width and height in CSS pixels; a phone's width too."""
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=False)

    def colours(self, scheme):
        """Light or dark, as a system tells the page."""
        self.cdp("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, path, whole=True):
        """Write the page as PNG; whole: to its end, and not only the window."""
        picture = self.cdp("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        with open(path, "wb") as file:
            file.write(base64.b64decode(picture["data"]))

    # ---- The page ----

    def go(self, url):
        self.ask("POST", "/url", {"url": url})

    def reload(self):
        self.ask("POST", "/refresh", {})

    @property
    def url(self):
        return self.ask("GET", "/url")

    @property
    def title(self):
        return self.ask("GET", "/title")

    def run(self, script, *arguments):
        """The value that a function's body returns; arguments[0] and so on are the arguments."""
        given = [{ELEMENT: a.id} if isinstance(a, Element) else a for a in arguments]
        return self._value(self.ask("POST", "/execute/sync", {"script": script, "args": given}))

    def run_async(self, script, *arguments):
        """As run(), for a body that awaits: its value comes back once it is there."""
        return self.run(f"return (async (...arguments_) => {{ {script} }})(...arguments);",
                        *arguments)

    def _value(self, value):
        if isinstance(value, dict) and ELEMENT in value:
            return Element(self, value[ELEMENT])
        if isinstance(value, list):
            return [self._value(v) for v in value]
        return value

    def all(self, css):
        return [Element(self, e[ELEMENT]) for e in
                self.ask("POST", "/elements", {"using": "css selector", "value": css})]

    def wait(self, what, test, seconds=20):
        """What test() returns as soon as it is true; elements may vanish meanwhile."""
        end = time.monotonic() + seconds
        while True:
            try:
                value = test()
            except Failure as error:
                if not re.match("stale|no such el|element click int|element not int", str(error)):
                    raise
                value = None
            if value:
                return value
            if time.monotonic() > end:
                raise Failure(f"waited {seconds} s for {what}, at {self.url}")
            time.sleep(0.05)

    def one(self, css, text=None, seconds=20):
        """The first shown element of this selector, with this text in it; waits for it."""
        def find():
            return self.run(
                "return [...document.querySelectorAll(arguments[0])].find((e) =>"
                " (e.checkVisibility() || e.type === 'file') &&"
                " (arguments[1] === null || e.textContent.includes(arguments[1]))) || null",
                css, text)
        return self.wait(css if text is None else f'{css} with "{text}"', find, seconds)

    def named(self, name, seconds=20):
        """The first shown control whose label, or own text, is this name; waits for it."""
        def find():
            return self.run(
                "const name = arguments[0];"
                "return [...document.querySelectorAll('button, a, input, select, textarea, summary,"
                " [role=button], [role=slider], [tabindex]')].find((e) => e.checkVisibility() &&"
                " [e.getAttribute('aria-label'), e.textContent.trim(), ...[...(e.labels || [])]"
                ".map((l) => l.textContent.trim())].includes(name)) || null", name)
        return self.wait(f'a control named "{name}"', find, seconds)

    def click(self, name):
        """Click the control of this name, as soon as it can be clicked."""
        self.wait(f'a click on "{name}"', lambda: self.named(name).rect and
                  self.named(name).click() is None)

    def click_css(self, css, text=None):
        self.wait(f"a click on {css}", lambda: self.one(css, text).rect and
                  self.one(css, text).click() is None)

    # ---- Pointer and keys ----

    def drag(self, points, steps=4):
        """Press at the first point of the window, move along the others, release."""
        moves = [{"type": "pointerMove", "x": round(points[0][0]), "y": round(points[0][1]),
                  "duration": 0}, {"type": "pointerDown", "button": 0}]
        for (x0, y0), (x1, y1) in zip(points, points[1:]):
            moves += [{"type": "pointerMove", "x": round(x0 + (x1 - x0) * i / steps),
                       "y": round(y0 + (y1 - y0) * i / steps), "duration": 10}
                      for i in range(1, steps + 1)]
        self._act("pointer", moves + [{"type": "pointerUp", "button": 0}])

    def click_at(self, x, y):
        self.drag([(x, y)])

    def press(self, *keys):
        """Press keys together, and release them: press("Control", "z")."""
        keys = [KEYS.get(k, k) for k in keys]
        self._act("key", [{"type": "keyDown", "value": k} for k in keys] +
                  [{"type": "keyUp", "value": k} for k in reversed(keys)])

    def _act(self, kind, actions):
        self.ask("POST", "/actions", {"actions": [{"type": kind, "id": kind, "actions": actions}]})
        self.ask("DELETE", "/actions")

    # ---- The console ----

    def console(self):
        """Messages of the console since the last call: texts with their level in front."""
        return [f"{e['level']}: {e['message']}"
                for e in self.ask("POST", "/se/log", {"type": "browser"})]

    def errors(self):
        return [m for m in self.console() if m.startswith("SEVERE")]
