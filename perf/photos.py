# SPDX-License-Identifier: Apache-2.0
"""What the scripts that fit halves of photos share: fits of photos, and what the tool says of
them."""

import json
import pathlib

from tables import run


def good_photos(data):
    return sorted(str(p.resolve()) for p in (pathlib.Path(data) / "train" / "good").glob("*"))


def fit(photos, model, method, pixels, *options):
    """Learn the photos, without groups."""
    table = pathlib.Path(model).with_suffix(".csv")
    table.write_text("path,label\n" + "".join(f"{p},good\n" for p in photos), encoding="utf-8")
    run("fit", str(table), "-o", model, "--overwrite", "-m", method, "--pixels", pixels,
        "--groups", "none", *options)


def threshold(model):
    return json.loads(run("threshold", model, "--json").out)


def predict(model, photos):
    return [json.loads(line) for line in run("predict", model, *photos, "--json").out.splitlines()]
