#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Uses the library from Python with nothing but its header: types and functions are read from
fleck.h, and ctypes calls them.

    tests/library/by_ctypes.py LIBFLECK.so SOURCE       CC: the compiler, default cc

Fits on sample images with a network of seeded weights, so that it needs no other file.
"""
import array
import ctypes
import json
import math
import os
import random
import re
import struct
import subprocess
import sys
import tempfile

library, source = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])

# ---- The header ----

PLAIN = {"char": ctypes.c_char, "bool": ctypes.c_bool, "int": ctypes.c_int,
         "unsigned": ctypes.c_uint, "unsigned char": ctypes.c_ubyte, "float": ctypes.c_float,
         "double": ctypes.c_double, "size_t": ctypes.c_size_t, "uint8_t": ctypes.c_uint8,
         "int32_t": ctypes.c_int32, "int64_t": ctypes.c_int64, "uint64_t": ctypes.c_uint64}


class Header:
    """types: name -> ctypes type; fields: struct -> [name];
    functions: name -> (result, arguments)"""

    def __init__(self, *paths):
        self.numbers, self.types, self.fields, self.functions = {}, dict(PLAIN), {}, {}
        for path in paths:
            self.read_file(path)

    def read_file(self, path):
        with open(path, encoding="utf-8") as f:
            text = re.sub(r"/\*.*?\*/", " ", f.read(), flags=re.S)
        self.numbers |= dict(re.findall(r"^#define (\w+) (\d+)$", text, flags=re.M))
        text = re.sub(r"^#(?:.*\\\n)*.*$", "", text, flags=re.M)
        text = re.sub(r'extern "C" \{|\}\s*$|FLECK_MUST_CHECK', "", text)
        for part in self.statements(text):
            self.read(part)

    @staticmethod
    def statements(text):
        part, depth = "", 0
        for c in text:
            depth += (c == "{") - (c == "}")
            if c == ";" and depth == 0:
                yield " ".join(part.split())
                part = ""
            else:
                part += c

    def read(self, part):
        if m := re.fullmatch(r"(?:typedef )?enum (\w+) ?\{(.*)\} ?\w*", part):
            self.types[m[1]] = ctypes.c_int
        elif m := re.fullmatch(r"typedef struct (\w+) \{(.*)\} (\w+)", part):
            self.read_struct(m[3], m[2])
        elif m := re.fullmatch(r"typedef struct (\w+) (\w+)", part):
            self.types[m[2]] = None  # opaque
        elif m := re.fullmatch(r"typedef .*?(\w+) ?\(.*\)", part):
            self.types[m[1]] = None  # a function of the caller's
        elif m := re.fullmatch(r"FLECK_API (.*?)(\w+) ?\((.*)\)", part):
            self.functions[m[2]] = (self.result(m[1]), self.arguments(m[3]))
        else:
            raise ValueError(f"fleck.h: not understood: {part}")

    def read_struct(self, name, body):
        fields = []
        for line in filter(None, map(str.strip, body.split(";"))):
            if m := re.fullmatch(r".*\(\*(\w+)\) ?\(.*\)", line):
                fields.append((m[1], ctypes.c_void_p))
                continue
            base, rest = re.fullmatch(r"((?:const )?(?:unsigned char|\w+)) ?(.*)", line).groups()
            for one in rest.split(","):
                stars, field, size = re.fullmatch(r"([* const]*?)\s*(\w+)(?:\[(\w+)\])?",
                                                  one.strip()).groups()
                kind = self.kind(f"{base} {stars}")
                if size:
                    kind *= int(self.numbers.get(size, size))
                fields.append((field, kind))
        self.types[name] = type(name, (ctypes.Structure,), {"_fields_": fields})
        self.fields[name] = [field for field, _ in fields]

    def kind(self, text):
        """The type of "const char *", "fleck_error *", "double"."""
        stars = text.count("*")
        base = self.types.get(name := re.sub(r"\bconst\b|\*", "", text).strip())
        if stars and (base is None or name == "void"):
            kind, stars = ctypes.c_void_p, stars - 1
        elif stars and base is ctypes.c_char:
            kind, stars = ctypes.c_char_p, stars - 1
        else:
            kind = base
        for _ in range(stars):
            kind = ctypes.POINTER(kind)
        return kind

    def result(self, text):
        owned = text.count("*") == 1 and "const" not in text
        return ctypes.c_void_p if owned else self.kind(text)

    def arguments(self, text):
        if text == "void":
            return []
        depth, kinds = 0, [""]
        for c in text:
            depth += (c == "(") - (c == ")")
            kinds.append("") if c == "," and depth == 0 else kinds.append(kinds.pop() + c)
        return [self.kind(re.sub(r"\w+(\[\])?$", "", kind.strip())) for kind in kinds]


class Library:
    """fleck.error_of(...) calls fleck_error_of(...); a status that is not 0 is raised."""

    def __init__(self, path, header):
        loaded = ctypes.CDLL(path)
        for name, (result, arguments) in header.functions.items():
            function = getattr(loaded, name)
            function.restype, function.argtypes = result, arguments
            setattr(self, name[len("fleck_"):], function)
        self.types = header.types

    def try_(self, name, *arguments):
        error = self.types["fleck_error"]()
        if getattr(self, name)(*arguments, ctypes.byref(error)) != 0:
            raise OSError(error.status, error.message.decode())


# ---- A network of seeded weights ----


def write_weights(path):
    """ResNet-18 up to its first tap, as a safetensors file."""
    shapes = {"conv1": [64, 3, 7, 7]}
    for block in "01":
        for conv in ("conv1", "conv2"):
            shapes[f"layer1.{block}.{conv}"] = [64, 64, 3, 3]
    seeded = random.Random(1)
    header, data = {}, b""
    for name, shape in shapes.items():
        for part, sizes in (("bias", shape[:1]), ("weight", shape)):
            bound = 0.1 if part == "bias" else math.sqrt(3 / math.prod(shape[1:]))
            values = array.array("f", (seeded.uniform(-bound, bound)
                                       for _ in range(math.prod(sizes)))).tobytes()
            header[f"{name}.{part}"] = {"dtype": "F32", "shape": sizes,
                                        "data_offsets": [len(data), len(data) + len(values)]}
            data += values
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


# ---- Cases ----


def layouts(header, folder):
    """Sizes of all structs and places of all members are the compiler's."""
    lines = ['#include "fleck_tools.h"', "#include <stdio.h>", "int main(void) {"]
    for name, fields in header.fields.items():
        lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
        lines += [f'printf("{name}.{f} %zu\\n", offsetof({name}, {f}));' for f in fields]
    with open(f"{folder}/layout.c", "w", encoding="utf-8") as f:
        f.write("\n".join(lines + ["return 0; }"]))
    subprocess.run([*os.environ.get("CC", "cc").split(), "-I", f"{source}/include", "-o",
                    f"{folder}/layout", f"{folder}/layout.c"], check=True)
    for line in subprocess.run([f"{folder}/layout"], check=True, capture_output=True,
                               text=True).stdout.splitlines():
        what, number = line.split()
        struct_name, _, field = what.partition(".")
        kind = header.types[struct_name]
        found = getattr(kind, field).offset if field else ctypes.sizeof(kind)
        assert found == int(number), f"{what}: the compiler says {number}, the header {found}"


def version(header, fleck):
    """The library is of the header's version."""
    parts = [header.numbers["FLECK_VERSION_" + part] for part in ("MAJOR", "MINOR", "PATCH")]
    assert fleck.version().decode() == ".".join(parts)


class Settings:
    """Settings of a fit by name; text, or a list of texts."""

    def __init__(self, fleck, **values):
        self.fleck, self.handle = fleck, ctypes.c_void_p()
        fleck.try_("settings_create", ctypes.byref(self.handle))
        for name, value in values.items():
            name = name.replace("_", "-").encode()
            if isinstance(value, list):
                texts = (ctypes.c_char_p * len(value))(*map(str.encode, value))
                fleck.try_("settings_set_list", self.handle, name, texts, len(value))
            else:
                fleck.try_("settings_set", self.handle, name, value.encode())

    def __getitem__(self, name):
        text = ctypes.c_char_p()
        self.fleck.try_("settings_get", self.handle, name.encode(), ctypes.byref(text))
        value = text.value
        self.fleck.free(text)
        return value and value.decode()

    def free(self):
        self.fleck.settings_free(ctypes.byref(self.handle))


def start(fleck, kind):
    """A settings struct with its defaults."""
    settings = fleck.types[f"fleck_{kind}_settings"]()
    getattr(fleck, f"{kind}_defaults")(ctypes.byref(settings), ctypes.sizeof(settings))
    return settings


def defaults(fleck):
    """Every setting has a text that it takes again, or none."""
    settings = Settings(fleck)
    assert (settings["method"], settings["sigma"], settings["threads"]) == ("patchcore", "4", "0")
    assert (settings["calibrate"], settings["size"], settings["crop"]) == ("all", None, "none")
    number = 0
    while row := fleck.setting_at(number):
        number += 1
        name = row.contents.name.decode()
        if not row.contents.list and settings[name] is not None:
            before = settings[name]
            fleck.try_("settings_set", settings.handle, name.encode(), before.encode())
            assert settings[name] == before, name
    assert number > 25
    settings.free()
    run, older = start(fleck, "run"), start(fleck, "eval")
    assert run.size == ctypes.sizeof(run) and run.threads == 0 and older.pro_limit == 0.3
    assert fleck.status_name(3) == b"format"


def fit(fleck, folder):
    """A model of sample images."""
    synth = start(fleck, "synth")
    synth.width = synth.height = 96
    synth.train, synth.good, synth.defective = 12, 1, 1
    fleck.try_("synth", f"{folder}/sample".encode(), ctypes.byref(synth))
    write_weights(f"{folder}/weights.safetensors")
    settings = Settings(fleck, method="padim", backbone="resnet18", taps="layer1", size="64",
                        weights=f"{folder}/weights.safetensors", options=["dims=8"])
    model = ctypes.c_void_p()
    fleck.try_("fit", ctypes.byref(model), f"{folder}/sample".encode(), settings.handle, None)
    settings.free()
    info = fleck.model_describe(model).contents
    assert (info.method, info.images, info.width, info.taps) == (b"padim", 12, 64, b"layer1")
    return model


def score(fleck, model, folder):
    """An array scores as the file it comes from, whatever lies between its rows."""
    pointer = ctypes.POINTER(fleck.types["fleck_result"])
    file_result, array_result = pointer(), pointer()
    fleck.try_("score_file", model, f"{folder}/sample/test/stain/000.png".encode(), True,
               ctypes.byref(file_result))
    of_file = file_result.contents
    width, height = of_file.image_width, of_file.image_height
    assert (width, height) == (96, 96)
    pixels = ctypes.string_at(of_file.image, 3 * width * height)
    stride = 3 * width + 5
    rows = b"".join(pixels[3 * width * y:][:3 * width] + b"?" * 5 for y in range(height))
    array_of_rows = (ctypes.c_uint8 * len(rows)).from_buffer_copy(rows)
    image = fleck.types["fleck_pixels"](ctypes.addressof(array_of_rows), width, height, stride, 0)
    fleck.try_("score_pixels", model, ctypes.byref(image), None, False,
               ctypes.byref(array_result))
    of_array = array_result.contents
    assert of_array.score == of_file.score and of_array.score > 0
    size = of_file.map_width * of_file.map_height
    assert of_array.map[:size] == of_file.map[:size]
    assert not of_array.path and of_file.path.endswith(b"000.png")
    fleck.result_free(ctypes.byref(file_result))
    assert not file_result
    return array_result


def regions(fleck, model, result):
    """Regions of a result, each with an outline inside its box."""
    settings, pointer = start(fleck, "region"), ctypes.POINTER(fleck.types["fleck_regions"])()
    values = result.contents.map[:result.contents.map_width * result.contents.map_height]
    settings.threshold = sorted(values)[-200]
    fleck.try_("result_regions", model, result, ctypes.byref(settings), ctypes.byref(pointer))
    found = pointer.contents
    assert found.count > 0 and (found.width, found.height) == (96, 96)
    for region in found.list[:found.count]:
        assert region.peak > settings.threshold and region.area <= region.width * region.height
        outline = region.outline[:region.outline_count]
        assert min(p.x for p in outline) == region.x and min(p.y for p in outline) == region.y
        assert max(p.x for p in outline) == region.x + region.width
    fleck.regions_free(ctypes.byref(pointer))


def older(folder):
    """A program that knows fewer settings and shorter structs runs with this library."""
    program = f"{folder}/older"
    subprocess.run([*os.environ.get("CC", "cc").split(), "-std=c11", "-o", program,
                    f"{source}/tests/library/older.c", library,
                    f"-Wl,-rpath,{os.path.dirname(library)}"], check=True)
    printed = subprocess.run([program, f"{folder}/sample", f"{folder}/weights.safetensors",
                              f"{folder}/older.fleck", f"{folder}/sample/test/stain/000.png"],
                             check=True, capture_output=True, text=True).stdout.split()
    assert printed[0] == "padim" and float(printed[1]) > 0 and printed[2] == "1", printed


def refused(fleck, folder):
    """A failed call gives its status, and a message that names the file."""
    try:
        fleck.try_("model_open", ctypes.byref(ctypes.c_void_p()), f"{folder}/none".encode(), None)
    except OSError as error:
        assert error.errno == 8 and f"{folder}/none" in error.strerror
    else:
        raise AssertionError("a file that is not there was opened")


def main():
    names = []

    def passed(name):
        names.append(name)
        print(f"ok {len(names)} - {name}", flush=True)

    header = Header(f"{source}/include/fleck.h", f"{source}/include/fleck_tools.h")
    fleck = Library(library, header)
    passed("every function that the header declares is there")
    with tempfile.TemporaryDirectory() as folder:
        version(header, fleck)
        passed("the library is of the header's version")
        layouts(header, folder)
        passed("structs lie as the compiler lays them")
        defaults(fleck)
        passed("every setting has a default that it takes")
        model = fit(fleck, folder)
        passed("a folder of images is learned")
        result = score(fleck, model, folder)
        passed("an array in memory scores as its file")
        regions(fleck, model, result)
        passed("regions and their outlines are read")
        older(folder)
        passed("a program of an older header runs")
        refused(fleck, folder)
        passed("errors are read")
        fleck.result_free(ctypes.byref(result))
        fleck.model_close(ctypes.byref(model))
        assert not model


main()
