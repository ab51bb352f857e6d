# SPDX-License-Identifier: Apache-2.0
"""From an empty folder to a fitted model with areas, in headless Chromium.

Walks through products, photos, fit and areas.  Arguments: the tool, and the source's folder;
UPDATE=1 in the environment keeps pictures in docs/screenshots/."""
import os
import shutil
import struct
import urllib.request
import zlib

import walk

EVIL = "<img src=x onerror=alert(1)>"
DAY = 1577880000  # 1 January 2020


def png(path, width, height, value):
    """A grey picture with a little texture."""
    rows = b"".join(b"\0" + bytes((value + (x * y) % 3) for x in range(width))
                    for y in range(height))

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" +
                     chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) +
                     chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def files_of(sample):
    """What a person drops: good photos, a copy of one, two odd ones, and a text."""
    folder = sample.parent / "chosen"
    folder.mkdir()
    good = sorted((sample / "train" / "good").iterdir())[:24]
    files = [shutil.copy(f, folder / f"part-{i:02d}.png") for i, f in enumerate(good)]
    os.utime(files[0], (DAY, DAY))
    files.append(shutil.copy(good[3], folder / "copy-of-03.png"))
    png(folder / "dark.png", 256, 256, 5)
    png(folder / "small.png", 64, 48, 120)
    (folder / "notes.txt").write_text("no photo")
    return files + [folder / n for n in ("dark.png", "small.png", "notes.txt")]


def products(w):
    b = w.browser
    w.open("#/")
    w.says("No product yet")
    w.screen("products-empty", keep=False)
    b.click("New product")
    b.one("dialog input").type("Flange 80 mm, top", "Enter")
    w.says("Add photos of good parts")
    w.check("the new product's name is in the title", "Flange 80 mm, top" in b.title)
    return w.service.ask("GET", "/products")[0]["id"]


def photos(w, product, files):
    b = w.browser
    w.screen("photos-empty", keep=False)
    b.one("#files").files(files)
    w.says("Added: 26. Already there: 1. Skipped: 1.", seconds=60)
    w.says("notes.txt")
    stored = {p["name"]: p for p in w.service.ask("GET", f"/products/{product}/photos")}
    w.check("26 photos are stored", len(stored) == 26)
    first = w.service.folder / f"project/products/{product}/photos/part-00.png"
    w.check("a photo keeps the time of its file", first.stat().st_mtime == DAY)
    w.says("much darker than the others")
    w.says("64 x 48 pixels, most have 256 x 256")
    odd = b.all("section[aria-labelledby=odd] li")
    w.check(f"two photos are called odd, not {len(odd)}", len(odd) == 2)
    w.screen("photos")
    for name in ("dark.png", "small.png", "part-05.png"):
        b.click_css(f'[aria-label="Use {name}"]')
    w.says("23 used, 3 left out")
    b.click_css('[aria-label="Use part-05.png"]')
    w.says("24 used, 2 left out")
    states = {p["name"]: p["state"] for p in w.service.ask("GET", f"/products/{product}/photos")}
    w.check("what was left out is left out in the service",
            sorted(n for n, s in states.items() if s == "out") == ["dark.png", "small.png"])


def fits(w, product):
    b = w.browser
    b.click("Next: fit")
    w.says("unknown yet: nothing was fitted on this machine so far")
    b.click("Fit now")
    w.says("so far", "main", 60)
    w.says("Model version 1", "main h2", 300)
    w.check("the focus is not lost when the fit begins and ends",
            b.run("return document.activeElement.id") == "main")
    w.says("Oddest photos")
    model = w.service.ask("GET", f"/products/{product}/models")[0]
    shown = b.one("figure, dl.figures dd", f"{model['threshold']:.3g}")
    w.check("the threshold is shown", shown is not None)
    label = b.one("svg.bars").attribute("aria-label")
    w.check(f"the histogram tells of 24 scores: {label}", "24 held-out scores" in label)
    w.says("as earlier fits of this product with these settings took (1)")
    w.screen("fit")
    name = b.one("section[aria-label='Oddest photos'] li .name").text
    b.click(f"Leave out {name}")
    w.says("1 photos were left out since this fit.")
    b.click_css("section[aria-label='Oddest photos'] .row button", "Fit again")
    w.says("Model version 2", "main h2", 300)
    learned = w.service.ask("GET", f"/products/{product}/models")[0]["info"]["images"]
    w.check(f"23 photos were learned without it, not {learned}", learned == 23)
    cancel(w, product)


def cancel(w, product):
    """A fit with another setting, which takes long enough to be cancelled."""
    b = w.browser
    b.click_css("summary", "More settings")
    b.one("#setting-pixels").set("1000000")
    b.one("#setting-pixels").type("Tab")
    w.says("a rough guess: earlier fits had other settings")
    w.screen("fit-settings", keep=False)
    b.click_css(".go button", "Fit again")
    b.wait("the focus at what runs",
           lambda: b.run("return document.activeElement.matches('.panel[tabindex]')"))
    b.click("Cancel")
    w.says("The fit was cancelled.", "main", 120)
    job = w.service.ask("GET", f"/products/{product}/jobs")[0]
    w.check("the job has the setting, and is cancelled",
            job["state"] == "cancelled" and job["settings"] == {"pixels": "1000000"})
    b.click("Back to the defaults")


def areas(w, product):
    b = w.browser
    w.open(f"#/p/{product}/areas")
    w.says("No areas: the whole picture counts.")
    b.click("Rectangle")
    x, y, width, _ = b.one("svg.canvas").rect
    at = lambda u, v: (x + u * width / 256, y + v * width / 256)  # noqa: E731
    b.drag([at(10, 10), at(60, 50)])
    w.says("Area 1")
    b.one("#kind").type("watch")
    b.click("Polygon")
    x, y, width, _ = b.one("svg.canvas").rect
    for point in ((100, 20), (240, 30), (230, 240)):
        b.click_at(*at(*point))
    b.press("Enter")
    w.says("Area 2")
    b.click("Select")
    b.click("Undo")
    w.check("undo takes the polygon back", len(b.all("section.area")) == 1)
    b.click("Redo")
    w.check("redo brings it again", len(b.all("section.area")) == 2)
    b.click("Add a rectangle")
    w.says("Area 3")
    field = b.named("Area 3, point 1, x")
    field.set("70")
    field.type("Tab")
    w.wait("the drawing follows the table",
           lambda: b.all("polygon[data-area='2']")[0].attribute("points").startswith("70,64"))
    b.click("Delete area 3")
    w.screen("areas")
    w.says("Not saved yet")
    w.open("#/")
    w.open(f"#/p/{product}/areas")
    w.wait("a draft outlives a look at another screen", lambda: len(b.all("section.area")) == 2)
    keys(w)
    b.click("Save")
    w.says("The model in use was fitted with other areas")
    saved = w.service.ask("GET", f"/products/{product}/areas")["areas"]
    near = [[10, 10], [60, 10], [60, 50], [10, 50]], [[100, 20], [240, 30], [230, 240]]
    off = [abs(p - q) for a, points in zip(saved, near)
           for at_, to in zip(a["points"], points) for p, q in zip(at_, to)]
    w.check(f"areas are stored in pixels of the photo: {saved}",
            [a["kind"] for a in saved] == ["ignore", "only"] and len(off) == 14 and max(off) <= 1)
    b.click("Fit again")
    w.says("Model version 3", "main h2", 300)
    w.open(f"#/p/{product}/areas")
    w.says("The model in use was fitted with the saved areas")
    left = w.service.ask("GET", f"/products/{product}/models")[0]["info"]["left_out"]
    w.check(f"the model leaves out what is outside the watched area: {left}", 0.5 < left < 0.8)


def keys(w):
    """The drawing without a pointer: an area is moved, and the change is undone."""
    b = w.browser
    b.click_css("section.area summary")
    b.click("Area 1, point 1, x")
    before = b.all("polygon[data-area='0']")[0].attribute("points")
    b.run("document.querySelector('svg.canvas').focus()")
    b.press("Right")
    w.wait("an arrow key moves the area",
           lambda: b.all("polygon[data-area='0']")[0].attribute("points") != before)
    b.press("Control", "z")
    w.wait("Ctrl+Z takes it back",
           lambda: b.all("polygon[data-area='0']")[0].attribute("points") == before)


def versions(w, product, sample):
    b = w.browser
    w.open(f"#/p/{product}/fit")
    b.click("Use version 1")
    w.says("Model version 1", "main h2")
    models = w.service.ask("GET", f"/products/{product}/models")
    w.check("version 1 is in use again", [m["version"] for m in models if m["current"]] == [1])
    address = b.named("Download version 2").state("href")
    file = sample.parent / "two.fleck"
    file.write_bytes(urllib.request.urlopen(address, timeout=60).read())
    b.one("input[accept='.fleck']").files([file])
    w.says("Model version 4", "main h2")
    w.says("uploaded", "table")
    models = w.service.ask("GET", f"/products/{product}/models")
    w.check("the upload is version 4, the file of version 2",
            models[0]["reason"] == "upload" and models[0]["digest"] == models[2]["digest"])
    b.one("input[accept='.fleck']").files([sample.parent / "chosen" / "notes.txt"])
    w.says("this is not a model that can be used")
    w.check("the browser says that the answer was an error",
            any("422" in m for m in b.errors()))
    w.screen("versions", keep=False)


def cards(w, product, sample):
    b = w.browser
    w.open("#/")
    w.says("Nothing inspected yet.")
    for kind in ("good", "scratch", "crack"):
        image = sorted((sample / "test" / kind).iterdir())[0]
        w.service.ask("POST", f"/products/{product}/inspect?name={kind}.png",
                      raw=image.read_bytes())
    w.wait("the card shows three verdicts, without a reload",
           lambda: len(b.all(".marks li")) == 3)
    last = w.service.ask("GET", f"/products/{product}")["last"]
    w.check("marks have the verdicts as texts",
            [e.text for e in b.all(".marks .hidden")] == [i["verdict"] for i in last])
    b.click("Rename: Flange 80 mm, top")
    b.one("dialog input").set("Flange 80 mm")
    b.press("Enter")
    w.says("Flange 80 mm", "h2 a")
    b.run("document.activeElement.blur()")
    w.screen("products")
    b.click("Archive: Flange 80 mm")
    b.click_css("dialog button", "Archive")
    w.says("No product yet")
    b.click_css("#archived")
    b.click("Take out of the archive: Flange 80 mm")
    w.wait("it is out of the archive", lambda: w.service.ask("GET", "/products"))


def evil(w, files):
    """Names with markup are shown as they are.  (An open alert would end the walk.)"""
    b = w.browser
    w.open("#/")
    b.click("New product")
    b.one("dialog input").type(EVIL, "Enter")
    w.says("Add photos of good parts")
    product = next(p["id"] for p in w.service.ask("GET", "/products") if p["name"] == EVIL)
    folder = files[0].parent
    for name in (f"{EVIL}.png", f"{EVIL}.txt"):
        shutil.copy(folder / ("part-07.png" if name.endswith("png") else "notes.txt"),
                    folder / name)
    b.one("#files").files([folder / f"{EVIL}.png", folder / f"{EVIL}.txt"])
    w.says("Added: 1. Already there: 0. Skipped: 1.", seconds=60)
    w.says(f"{EVIL}.png")
    b.click("Import a folder of the server")
    b.one("#import").type("test/crack", "Enter")
    w.says("Added: 10. Already there: 0. Skipped: 0.", seconds=60)
    b.one("#import").set("../..")
    b.one("#import").type("Enter")
    w.says("../..: it is not below")
    w.check("the browser says that the answer was an error", any("403" in m for m in b.errors()))
    for hash in ("#/", f"#/p/{product}/photos", f"#/p/{product}/fit", f"#/p/{product}/areas"):
        w.open(hash)
        w.wait(f"{hash}: the name is a text",
               lambda: EVIL in b.run("return document.body.textContent"))
        w.check(f"{hash}: no markup came from it", not b.all("img[src=x], img[onerror]"))
        w.screen("evil", keep=False)


def german(w, product):
    b = w.browser
    w.open("#/")
    b.click("Deutsch")
    w.says("Produkte", "main h1")
    w.check("the page says that it is German",
            b.run("return document.documentElement.lang") == "de")
    for screen, name in (("photos", "Fotos"), ("fit", "Anlernen"), ("areas", "Bereiche")):
        b.colours("dark")
        w.open(f"#/p/{product}/{screen}")
        w.says(name, "main h1")
        w.screen(f"{screen}, German and dark", keep=False)
    b.colours("light")
    b.click("English")


def few(w, files):
    """Of fewer than ten photos comes a model without a threshold, and the page says so."""
    b = w.browser
    product = w.service.ask("POST", "/products", {"name": "Few"})["id"]
    w.open(f"#/p/{product}/photos")
    empty = files[0].parent / "empty.png"
    empty.write_bytes(b"")
    b.run("const f = window.fetch, held = new Promise((r) => { window.release = r; });"
          "window.fetch = async (...a) => { await held; return f(...a); };")
    b.one("#files").files([*files[:2], empty])
    b.one("#folder").files([files[4].parent])
    w.says("Photos are being sent still.", "#status")
    b.run("window.release()")
    w.says("Added: 2. Already there: 0. Skipped: 1.", seconds=60)
    w.says("the body is empty", "li")
    w.check("an empty file alone is an error", all("422" in m for m in b.errors()))
    w.open(f"#/p/{product}/fit")
    w.says("Fewer than 10 photos: the model will have no threshold")
    b.click("Fit now")
    w.says("There is no threshold: parts are not judged.", "main .warning", 120)
    w.open(f"#/p/{product}/inspect")
    bad = files[0].parent / "notes.txt"
    b.one("#files").files([files[0], bad])
    b.wait("two rows", lambda: len(b.all("tbody tr[data-id]")) == 2, 60)
    b.click_css("tbody button", files[0].name)
    w.says("no threshold", "#verdict")
    b.click_css("tbody button", "notes.txt")
    w.says("This picture could not be inspected.", ".detail .problem")
    w.check("nor does the table count its regions",
            b.one("tr.current td:nth-child(5)").text == "–")
    w.check("of a picture that was not judged it is not said that nothing stands out",
            "Nothing stands out" not in b.one(".detail").text)
    w.check("the picture that was no picture is the only error",
            all("422" in m for m in b.errors()))
    return product


def explained(w, product):
    """What the service says in English stands behind a German sentence."""
    b = w.browser
    w.open("#/")
    b.click("Deutsch")
    w.says("Produkte", "main h1")
    w.open(f"#/p/{product}/fit")
    b.click_css("summary", "Weitere Einstellungen")
    b.one("#setting-pixels").set("many")
    b.click_css(".go button", "Neu anlernen")
    w.says("Das wurde nicht angenommen. Berichtigen Sie, was die Meldung nennt:", ".problem")
    w.says("pixels", ".problem [lang=en]")
    b.one("input[accept='.fleck']").files([w.service.folder / "project" / "fleck.db"])
    w.says("Das wurde nicht angenommen.", "section[aria-labelledby=versions] .problem")
    w.open(f"#/p/{product}/photos")
    b.click_css("summary", "Ordner des Servers importieren")
    b.one("#import").type("../..", "Enter")
    w.says("Das ist hier nicht erlaubt:", ".problem")
    w.open("#/p/99/photos")
    w.says("Das gibt es nicht, oder nicht mehr:", ".problem")
    w.says("there is no", ".problem [lang=en]")
    w.open(f"#/p/{product}/history")
    b.click_css("tbody button", "notes.txt")
    w.says("Dieses Bild ließ sich nicht prüfen.", "dialog .problem")
    w.check("nor is it said there", "Nichts sticht hervor" not in b.one("dialog[open]").text)
    b.press("Escape")
    w.check("the refusals are the only errors",
            all(any(f" {n} " in m for n in (403, 404, 422)) for m in b.errors()))
    b.click("English")


def gone(w, product, photo):
    """The service ends, and the page says so; when it is there again, the page goes on."""
    b = w.browser
    w.open(f"#/p/{product}/inspect")
    w.service.process.terminate()
    w.service.process.wait(60)
    w.says("The service does not answer.", ".gone", 60)
    b.one("#files").files([photo])
    w.says("See whether fleck serve still runs", ".detail .problem", 60)
    b.click("Health")
    w.says("See whether fleck serve still runs", "main > .problem", 60)
    w.check("the place in the page is the one that was asked for",
            b.one("header [aria-current]").text == "Health")
    w.service.start(port=w.service.url.rsplit(":", 1)[1])
    b.one("main h2", "Drift", 60)
    w.wait("the page goes on", lambda: not b.all(".gone")[0].shown, 60)


def whole(w, sample):
    files = files_of(sample)
    product = products(w)
    photos(w, product, files)
    fits(w, product)
    areas(w, product)
    versions(w, product, sample)
    cards(w, product, sample)
    evil(w, files)
    german(w, product)
    product = few(w, files)
    explained(w, product)
    gone(w, product, files[0])


if __name__ == "__main__":
    walk.main(whole, "--import", walk.SAMPLE)
