# SPDX-License-Identifier: Apache-2.0
"""What the scripts that fit halves of photos share: the tool, and what it says of photos."""

import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent.parent
FLECK = os.environ.get("FLECK", HERE / "build" / "cli" / "fleck")


def run(*words):
    """What the tool prints on standard output and on standard error."""
    done = subprocess.run([FLECK, *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return done.stdout, done.stderr


def good_photos(data):
    return sorted(str(p.resolve()) for p in (pathlib.Path(data) / "train" / "good").glob("*"))


def fit(photos, model, method, pixels, *options):
    """Learn the photos, without groups."""
    table = pathlib.Path(model).with_suffix(".csv")
    table.write_text("path,label\n" + "".join(f"{p},good\n" for p in photos), encoding="utf-8")
    run("fit", str(table), "-o", model, "--overwrite", "-m", method, "--pixels", pixels, "--groups", "none", *options)


def threshold(model):
    return json.loads(run("threshold", model, "--json")[0])


def predict(model, photos):
    return [json.loads(line) for line in run("predict", model, *photos, "--json")[0].splitlines()]
