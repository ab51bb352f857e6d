# SPDX-License-Identifier: Apache-2.0
"""Writes tests/unit/image/files/*, a small image of every kind that fleck reads or refuses, and
image_files.h, the checksums of what must come out of them.

What lossless files hold is computed here by formula; where Pillow reads the kind, its pixels are
compared.  What JPEG files hold is what Pillow decodes.  Run from the repository root:
    python3 tests/golden/image_files.py
"""
import io
import pathlib
import struct
import sys
import zlib

import numpy as np
import PIL
import tifffile
from PIL import Image, features

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = ROOT / "tests/unit/image/files"
W, H = 13, 9

good = []     # (name, pixels [H, W, 3] as RGB)
blended = []  # (name, pixels over BACKGROUND, of a file that is transparent in places)
refused = []  # (name, status, part of the message)


def fnv(data):
    h = 0xcbf29ce484222325
    for b in data:
        h = (h ^ b) * 0x100000001b3 & (1 << 64) - 1
    return h


# ---- Contents ----

Y, X = np.mgrid[0:H, 0:W]
RGB = np.stack([X * 37 + Y * 11, X * 5 + Y * 59, X * 97 + Y * 3 + 128], 2).astype(np.uint8)
GREY = (X * 41 + Y * 23).astype(np.uint8)
ALPHA = (X * 7 + Y * 19).astype(np.uint8)
GREY16 = (X * 9001 + Y * 4099).astype(np.uint16)
RGB16 = np.stack([X * 9001 + Y * 4099, X * 511 + Y * 7001, X * 3001 + Y * 13], 2).astype(np.uint16)
ALPHA16 = (X * 5003 + Y * 77).astype(np.uint16)


def bits(n):
    return ((X * 5 + Y * 3) % (1 << n)).astype(np.uint8)


def scale(v, top):
    return ((v.astype(np.int64) * 255 + top // 2) // top).astype(np.uint8)


BACKGROUND = np.array([10, 200, 90])


def over(pixels, alpha, premultiplied=False):
    """pixels [H, W, 3] and alpha [H, W], of 8 bits, over the background."""
    a = alpha.astype(np.int64)[:, :, None]
    colour = 255 * pixels.astype(np.int64) if premultiplied else a * pixels
    return np.minimum((colour + (255 - a) * BACKGROUND + 127) // 255, 255).astype(np.uint8)


def blend(name, pixels, alpha, premultiplied=False):
    blended.append((name, over(pixels, alpha, premultiplied)))


def rgb_of(grey):
    return np.repeat(grey[:, :, None], 3, 2)


def palette(n):
    i = np.arange(1 << n)
    return np.stack([i * 67 + 5, i * 29 + 90, 255 - i * 13], 1).astype(np.uint8)


def pack(samples, n):
    """Rows of n-bit samples, filled up to bytes."""
    spread = (samples[:, :, None] >> np.arange(n - 1, -1, -1)) & 1
    return np.packbits(spread.reshape(samples.shape[0], -1).astype(np.uint8), axis=1)


def turned(pixels, orientation):
    """What a viewer shows of a stored image, by EXIF's definition."""
    return {1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1],
            4: lambda a: a[::-1], 5: lambda a: a.swapaxes(0, 1), 6: lambda a: np.rot90(a, -1),
            7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
            8: lambda a: np.rot90(a, 1)}[orientation](pixels)


def exif(orientation, order="<"):
    """A TIFF header, a directory with Make and Orientation."""
    out = (b"II" if order == "<" else b"MM") + struct.pack(order + "HIH", 42, 8, 2)
    out += struct.pack(order + "HHI4s", 0x010f, 2, 4, b"abc\0")
    out += struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return out + struct.pack(order + "I", 0)


def put(name, data, pixels, pillow=True):
    (FILES / name).write_bytes(data)
    if pillow:
        seen = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        assert np.array_equal(seen, pixels), name
    good.append((name, np.ascontiguousarray(pixels)))


def refuse(name, data, status, part):
    (FILES / name).write_bytes(data)
    refused.append((name, status, part))


# ---- PNG ----

def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, depth, colour, rows, extra=b"", interlace=0):
    """rows: list of bytes, one a row, each gets a filter byte of 0 (or 1 to 4 by sequence)."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra +
            chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def filtered(raw, bpp):
    """Rows with PNG's five filters in turn."""
    raw = raw.astype(np.int64)
    out, above = b"", np.zeros(raw.shape[1], np.int64)
    for y, row in enumerate(raw):
        left = np.concatenate([np.zeros(bpp, np.int64), row[:-bpp]])
        corner = np.concatenate([np.zeros(bpp, np.int64), above[:-bpp]])
        p = left + above - corner
        dist = [abs(p - left), abs(p - above), abs(p - corner)]
        paeth = np.where((dist[0] <= dist[1]) & (dist[0] <= dist[2]), left,
                         np.where(dist[1] <= dist[2], above, corner))
        guess = [0 * row, left, above, (left + above) // 2, paeth][y % 5]
        out += bytes([y % 5]) + ((row - guess) % 256).astype(np.uint8).tobytes()
        above = row
    return out


def samples_to_rows(samples, depth):
    """samples [H, W, C] to bytes [H, n]."""
    if depth == 16:
        return samples.astype(">u2").reshape(len(samples), -1).copy().view(np.uint8)
    if depth == 8:
        return samples.reshape(len(samples), -1)
    return pack(samples[:, :, 0], depth)


def make_png(name, samples, depth, colour, pixels, extra=b"", pillow=True):
    samples = samples.reshape(H, W, -1)
    bpp = max(1, samples.shape[2] * depth // 8)
    plain = filtered(samples_to_rows(samples, depth), bpp)
    put(f"{name}.png", png(W, H, depth, colour, plain, extra), pixels, pillow)
    passes = b""
    for x0, y0, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4),
                           (1, 0, 2, 2), (0, 1, 1, 2)):
        part = samples[y0::dy, x0::dx]
        if part.size:
            passes += filtered(samples_to_rows(part, depth), bpp)
    put(f"{name}_interlaced.png", png(W, H, depth, colour, passes, extra, 1), pixels, pillow)


def all_png():
    for n in (1, 2, 4, 8):
        v = GREY if n == 8 else bits(n)
        make_png(f"grey{n}", v, n, 0, rgb_of(scale(v, (1 << n) - 1)))
        make_png(f"palette{n}", bits(n), n, 3, palette(n)[bits(n)],
                 chunk(b"PLTE", palette(n).tobytes()))
    make_png("grey16", GREY16, 16, 0, rgb_of(scale(GREY16, 65535)), pillow=False)
    make_png("greyalpha8", np.dstack([GREY, ALPHA]), 8, 4, rgb_of(GREY))
    make_png("greyalpha16", np.dstack([GREY16, ALPHA16]), 16, 4, rgb_of(scale(GREY16, 65535)),
             pillow=False)
    make_png("rgb8", RGB, 8, 2, RGB)
    make_png("rgb16", RGB16, 16, 2, scale(RGB16, 65535), pillow=False)
    make_png("rgba8", np.dstack([RGB, ALPHA]), 8, 6, RGB)
    make_png("rgba16", np.dstack([RGB16, ALPHA16]), 16, 6, scale(RGB16, 65535), pillow=False)
    make_png("rgb8_transparent", RGB, 8, 2, RGB,
             chunk(b"tRNS", struct.pack(">HHH", *map(int, RGB[2, 3]))))
    make_png("grey8_transparent", GREY, 8, 0, rgb_of(GREY),
             chunk(b"tRNS", struct.pack(">H", int(GREY[2, 3]))))
    make_png("palette4_transparent", bits(4), 4, 3, palette(4)[bits(4)],
             chunk(b"PLTE", palette(4).tobytes()) + chunk(b"tRNS", bytes([0, 128, 255])))
    for name in ("greyalpha8", "greyalpha8_interlaced"):
        blend(name + ".png", rgb_of(GREY), ALPHA)
    for name in ("rgba8", "rgba8_interlaced"):
        blend(name + ".png", RGB, ALPHA)
    blend("rgba16.png", scale(RGB16, 65535), scale(ALPHA16, 65535))
    key = (RGB == RGB[2, 3]).all(2)
    blend("rgb8_transparent.png", RGB, ~key * 255)
    blend("grey8_transparent.png", rgb_of(GREY), (GREY != GREY[2, 3]) * 255)
    blend("palette4_transparent.png", palette(4)[bits(4)], np.array([0, 128] + [255] * 14)[bits(4)])
    make_png("rgb16_transparent", RGB16, 16, 2, scale(RGB16, 65535),
             chunk(b"tRNS", struct.pack(">HHH", *map(int, RGB16[2, 3]))), pillow=False)
    blend("rgb16_transparent.png", scale(RGB16, 65535), ~(RGB16 == RGB16[2, 3]).all(2) * 255)
    rows = filtered(samples_to_rows(RGB, 8), 3)
    still = chunk(b"acTL", struct.pack(">II", 1, 0))
    put("still.png", png(W, H, 8, 2, rows, still), RGB, False)
    refuse("animation.png", png(W, H, 8, 2, rows, chunk(b"acTL", struct.pack(">II", 2, 0))),
           "UNSUPPORTED", "an animation of 2 frames")
    put("turned6.png", png(W, H, 8, 2, rows, chunk(b"eXIf", exif(6))), turned(RGB, 6), False)
    put("turned3_late.png", png(W, H, 8, 2, rows)[:-12] + chunk(b"eXIf", exif(3, ">")) +
        chunk(b"IEND", b""), turned(RGB, 3), False)
    put("text.png",
        png(W, H, 8, 2, rows, chunk(b"tEXt", b"Comment\0plain") +
            chunk(b"gAMA", struct.pack(">I", 45455)) + chunk(b"abCd", b"private")), RGB)
    split = zlib.compress(rows, 9)
    put("parts.png", png(W, H, 8, 2, rows).split(struct.pack(">I", len(split)) + b"IDAT")[0] +
        b"".join(chunk(b"IDAT", split[i:i + 7]) for i in range(0, len(split), 7)) +
        chunk(b"IEND", b""), RGB)

    refuse("huge.png", png(100000, 100000, 8, 2, b"\0" * 10), "LIMIT", "100000x100000")
    refuse("many_pixels.png", png(65535, 65535, 8, 2, b"\0" * 10), "LIMIT", "65535x65535")
    refuse("claims_much.png", png(16000, 16000, 8, 2, b"\0" * 10), "FORMAT", "ends early")
    refuse("no_width.png", png(0, 5, 8, 2, b"\0" * 10), "FORMAT", "0x5")
    refuse("depth3.png", png(W, H, 3, 2, rows), "FORMAT", "bit depth")
    refuse("no_palette.png", png(W, H, 8, 3, rows), "FORMAT", "")
    refuse("short_data.png", png(W, H, 8, 2, rows[:-5]), "FORMAT", "")
    refuse("bad_filter.png", png(W, H, 8, 2, b"\x07" + rows[1:]), "FORMAT", "")
    damaged = bytearray(png(W, H, 8, 2, rows))
    damaged[-30] ^= 1
    refuse("bad_crc.png", bytes(damaged), "FORMAT", "")
    whole = png(W, H, 8, 2, rows)
    wrong = bytearray(zlib.compress(rows, 9))
    wrong[-1] ^= 1
    refuse("bad_adler.png", whole[:33] + chunk(b"IDAT", bytes(wrong)) + chunk(b"IEND", b""),
           "FORMAT", "")


# ---- JPEG ----

def save(pixels, kind, **options):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


def smooth(width=29, height=19, channels=3):
    y, x = np.mgrid[0:height, 0:width]
    planes = [128 + 100 * np.sin(x / 5 + y / 9), 128 + 90 * np.cos(x / 11 - y / 4),
              40 + x * 5 + y * 3]
    return np.clip(np.stack(planes[:channels], 2), 0, 255).astype(np.uint8)


def all_jpeg():
    def add(name, data, orientation=1):
        pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        put(name, data, turned(pixels, orientation), pillow=False)

    colour, grey = smooth(), smooth()[:, :, 0]
    for name, sampling in (("444", 0), ("422", 1), ("420", 2)):
        add(f"ycc{name}.jpg", save(colour, "JPEG", quality=85, subsampling=sampling))
        add(f"ycc{name}_progressive.jpg",
            save(colour, "JPEG", quality=85, subsampling=sampling, progressive=True))
    add("grey.jpg", save(grey, "JPEG", quality=85))
    add("restarts.jpg", save(colour, "JPEG", quality=85, restart_marker_blocks=1))
    add("rgb.jpg", save(colour, "JPEG", quality=90, keep_rgb=True))
    for n in range(1, 9):
        add(f"turned{n}.jpg",
            save(colour, "JPEG", quality=80, exif=b"Exif\0\0" + exif(n, "<>"[n % 2])), n)
    add("orientation9.jpg", save(colour, "JPEG", quality=80, exif=b"Exif\0\0" + exif(9)))
    add("broken_exif.jpg", save(colour, "JPEG", quality=80, exif=b"Exif\0\0" + exif(6)[:20]))
    plain = save(grey, "JPEG", quality=85)
    add("bytes_behind.jpg", plain + b"\0" * 20)

    cmyk = np.dstack([colour, grey])
    out = io.BytesIO()
    Image.fromarray(cmyk, "CMYK").save(out, "JPEG")
    add("cmyk.jpg", out.getvalue())
    ycck = bytearray(out.getvalue())
    ycck[ycck.index(b"Adobe") + 11] = 2  # the transform: what is stored is now YCCK
    add("ycck.jpg", bytes(ycck))
    refuse("cut.jpg", save(colour, "JPEG", quality=85)[:-80], "FORMAT", "")
    frame = plain.index(b"\xff\xc0")
    twelve = bytearray(plain)
    twelve[frame + 4] = 12
    refuse("precision12.jpg", bytes(twelve), "UNSUPPORTED", "precision")
    large = bytearray(plain)
    large[frame + 5:frame + 9] = b"\xff\xdc\xff\xdc"
    refuse("huge.jpg", bytes(large), "LIMIT", "65500x65500")
    lossless = bytearray(plain)
    lossless[frame + 1] = 0xc3
    refuse("lossless.jpg", bytes(lossless), "UNSUPPORTED", "SOF")


# ---- TIFF ----

def tiff(samples, **options):
    out = io.BytesIO()
    tifffile.imwrite(out, samples, metadata=None, software=False, **options)
    return out.getvalue()


def patched(data, tag, value):
    """Little-endian file with the value of one short tag changed."""
    at, = struct.unpack_from("<I", data, 4)
    count, = struct.unpack_from("<H", data, at)
    out = bytearray(data)
    for i in range(count):
        entry = at + 2 + 12 * i
        if struct.unpack_from("<H", data, entry)[0] == tag:
            kind, = struct.unpack_from("<H", data, entry + 2)
            struct.pack_into("<H" if kind == 3 else "<I", out, entry + 8, value)
            return bytes(out)
    raise KeyError(tag)


def as_rgb(mode, samples):
    return np.asarray(Image.fromarray(samples, mode).convert("RGB"))


def plain_tiff(data, depth):
    """Grey in one strip, of any depth."""
    entries = ((256, W), (257, H), (258, depth), (259, 1), (262, 1), (273, 122), (277, 1), (278, H),
               (279, len(data)))
    out = b"II*\0" + struct.pack("<IH", 8, len(entries))
    return out + b"".join(struct.pack("<HHII", t, 4, 1, v) for t, v in entries) + b"\0" * 4 + data


def stacked(pages):
    """One file of (pixels, NewSubfileType) each."""
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as writer:
        for pixels, kind in pages:
            writer.write(pixels, photometric="minisblack", subfiletype=kind, metadata=None)
    return out.getvalue()


def all_tiff():
    grey = dict(photometric="minisblack")
    rgb = dict(photometric="rgb")
    put("grey8.tif", tiff(GREY, **grey), rgb_of(GREY))
    put("grey16.tif", tiff(GREY16, **grey), rgb_of(scale(GREY16, 65535)), False)
    put("grey16_big_endian.tif", tiff(GREY16, byteorder=">", **grey),
        rgb_of(scale(GREY16, 65535)), False)
    put("white8.tif", tiff(GREY, photometric="miniswhite"), rgb_of(255 - GREY))
    put("grey1.tif", tiff(bits(1).astype(bool), **grey), rgb_of(bits(1) * 255))
    put("grey_bigtiff.tif", tiff(GREY, bigtiff=True, **grey), rgb_of(GREY))
    put("rgb8.tif", tiff(RGB, **rgb), RGB)
    put("rgb8_strips.tif", tiff(RGB, rowsperstrip=2, **rgb), RGB)
    put("rgb16.tif", tiff(RGB16, **rgb), scale(RGB16, 65535), False)
    put("rgba8.tif", tiff(np.dstack([RGB, ALPHA]), extrasamples=["unassalpha"], **rgb), RGB)
    put("rgb8_planes.tif", tiff(np.moveaxis(RGB, 2, 0), planarconfig="separate", **rgb), RGB)
    put("rgb16_planes.tif", tiff(np.moveaxis(RGB16, 2, 0), planarconfig="separate", **rgb),
        scale(RGB16, 65535), False)
    big = np.tile(RGB, (4, 3, 1))
    put("rgb8_tiles.tif", tiff(big, tile=(16, 16), compression="deflate", **rgb), big)
    put("rgb8_tile_planes.tif", tiff(np.moveaxis(big, 2, 0), tile=(16, 32), planarconfig="separate",
                                     compression="deflate", **rgb), big)
    put("deflate_predictor.tif", tiff(RGB, compression="deflate", predictor=True, **rgb), RGB)
    put("deflate16_predictor.tif", tiff(GREY16, compression="deflate", predictor=True, **grey),
        rgb_of(scale(GREY16, 65535)), False)
    put("lzw.tif", save(RGB, "TIFF", compression="tiff_lzw"), RGB)
    put("packbits.tif", save(RGB, "TIFF", compression="packbits"), RGB)
    out = io.BytesIO()
    Image.fromarray(bits(1) * 255).convert("1").save(out, "TIFF", compression="group4")
    put("group4.tif", out.getvalue(), rgb_of(bits(1) * 255))
    image = Image.fromarray(bits(8), "P")
    image.putpalette(palette(8).tobytes())
    out = io.BytesIO()
    image.save(out, "TIFF")
    put("palette8.tif", out.getvalue(), palette(8)[bits(8)])
    for n in range(2, 9):
        put(f"turned{n}.tif", tiff(RGB, extratags=[(274, 3, 1, n, True)], **rgb),
            turned(RGB, n), False)
    # JPEG inside: the pixels are those that libtiff's own reader gives, which Pillow uses.
    data = save(smooth(32, 32), "TIFF", compression="jpeg", quality=85)
    put("jpeg.tif", data, np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))

    refuse("float32.tif", tiff(GREY.astype(np.float32), **grey), "UNSUPPORTED", "floating-point")
    refuse("signed16.tif", tiff(GREY.astype(np.int16), **grey), "UNSUPPORTED", "signed")
    refuse("grey32.tif", tiff(GREY.astype(np.uint32), **grey), "UNSUPPORTED", "32")
    ink = dict(photometric="separated")
    put("cmyk.tif", tiff(np.dstack([RGB, ALPHA]), **ink), as_rgb("CMYK", np.dstack([RGB, ALPHA])))
    put("cmyk16.tif", tiff(np.dstack([RGB16, ALPHA16]), **ink),
        as_rgb("CMYK", scale(np.dstack([RGB16, ALPHA16]), 65535)), False)
    put("rgba8_premultiplied.tif",
        tiff(np.dstack([RGB, ALPHA]), extrasamples=["assocalpha"], **rgb), RGB, False)
    put("rgba8_planes.tif",
        tiff(np.moveaxis(np.dstack([RGB, ALPHA]), 2, 0), planarconfig="separate",
             extrasamples=["unassalpha"], **rgb), RGB, False)
    put("greyalpha8.tif", tiff(np.dstack([GREY, ALPHA]), extrasamples=["unassalpha"], **grey),
        rgb_of(GREY), False)
    twelve = (X * 1313 + Y * 97).astype(np.uint16) % 4096
    put("grey12.tif", plain_tiff(pack(twelve, 12).tobytes(), 12),
        rgb_of(scale(twelve, 4095)), False)
    put("previews.tif", stacked([(GREY[::2, ::2], 1), (GREY[::3, ::3], 1), (GREY, 0)]),
        rgb_of(GREY), False)
    blend("rgba8.tif", RGB, ALPHA)
    blend("rgba8_premultiplied.tif", RGB, ALPHA, True)
    blend("rgba8_planes.tif", RGB, ALPHA)
    blend("greyalpha8.tif", rgb_of(GREY), ALPHA)
    refuse("pages.tif", stacked([(GREY, 0), (GREY, 0), (GREY[::2, ::2], 1), (GREY, 0)]),
           "UNSUPPORTED", "found 3 pages")
    refuse("samples5.tif", tiff(np.dstack([RGB, ALPHA, GREY]), planarconfig="contig", **grey),
           "UNSUPPORTED", "found 5")
    refuse("rgbx.tif", tiff(np.dstack([RGB, ALPHA]), extrasamples=["unspecified"], **rgb),
           "UNSUPPORTED", "found 4")
    refuse("lab.tif", tiff(RGB, photometric="cielab"), "UNSUPPORTED", "photometric kind 8")
    refuse("compression.tif", patched(tiff(GREY, **grey), 259, 12345), "UNSUPPORTED", "12345")
    refuse("huge.tif", patched(patched(tiff(GREY, **grey), 256, 100000), 257, 100000), "LIMIT",
           "100000x100000")
    refuse("cut.tif", tiff(RGB, **rgb)[:-40], "FORMAT", "")


# ---- BMP ----

def bmp(width, height, depth, rows, colours=b"", masks=b"", compression=0, os2=False):
    rows = b"".join(r + b"\0" * (-len(r) % 4) for r in rows)
    if os2:
        head = struct.pack("<IHHHH", 12, width, abs(height), 1, depth)
    else:
        head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, depth, compression,
                           len(rows), 2835, 2835, len(colours) // 4, 0)
    start = 14 + len(head) + len(masks) + len(colours)
    file = struct.pack("<2sIHHI", b"BM", start + len(rows), 0, 0, start)
    return file + head + masks + colours + rows


def all_bmp():
    def up(a):
        return [r.tobytes() for r in a[::-1]]

    def colours(n, step=4):
        return b"".join(bytes([*c[::-1]]) + b"\0" * (step - 3) for c in palette(n))

    bgr = RGB[:, :, ::-1]
    for n in (1, 4, 8):
        put(f"palette{n}.bmp", bmp(W, H, n, up(pack(bits(n), n)), colours(n)), palette(n)[bits(n)])
    put("palette4_os2.bmp", bmp(W, H, 4, up(pack(bits(4), 4)), colours(4, 3), os2=True),
        palette(4)[bits(4)])
    put("rgb24_os2.bmp", bmp(W, H, 24, up(bgr), os2=True), RGB)
    put("rgb24.bmp", bmp(W, H, 24, up(bgr)), RGB)
    put("rgb24_down.bmp", bmp(W, -H, 24, up(bgr)[::-1]), RGB)
    put("rgb32.bmp", bmp(W, H, 32, up(np.dstack([bgr, ALPHA]))), RGB)
    five = RGB.astype(np.uint16) >> 3
    green6 = RGB[:, :, 1].astype(np.uint16) >> 2

    def cut(v, top):
        return (v.astype(np.int64) * 255 // top).astype(np.uint8)

    packed = (five[:, :, 0] << 10 | five[:, :, 1] << 5 | five[:, :, 2]).astype("<u2")
    put("rgb555.bmp", bmp(W, H, 16, up(packed)), cut(five, 31))
    packed = (five[:, :, 0] << 11 | green6 << 5 | five[:, :, 2]).astype("<u2")
    masks = struct.pack("<III", 0xf800, 0x07e0, 0x001f)
    put("rgb565.bmp", bmp(W, H, 16, up(packed), masks=masks, compression=3),
        np.dstack([cut(five[:, :, 0], 31), cut(green6, 63), cut(five[:, :, 2], 31)]))
    masks = struct.pack("<III", 0xff000000, 0x00ff0000, 0x0000ff00)
    put("fields32.bmp", bmp(W, H, 32, up(np.dstack([ALPHA, bgr])), masks=masks, compression=3), RGB)

    long_header = bytearray(bmp(W, H, 32, up(np.dstack([ALPHA, bgr])), compression=3,
                                masks=masks + struct.pack("<I", 0x000000ff)))
    long_header[14] = 56
    put("alpha32.bmp", bytes(long_header), RGB, False)
    blend("alpha32.bmp", RGB, ALPHA)

    refuse("rle8.bmp", bmp(W, H, 8, [b"\0\1"], colours(8), compression=1), "UNSUPPORTED", "RLE8")
    refuse("depth2.bmp", bmp(W, H, 2, up(pack(bits(2), 2)), colours(2)), "UNSUPPORTED", "2")
    refuse("masks.bmp",
           bmp(W, H, 16, up(packed), masks=struct.pack("<III", 0xf801, 0x7e0, 0x1f), compression=3),
           "FORMAT", "mask")
    refuse("huge.bmp", bmp(100000, 100000, 24, [b""]), "LIMIT", "100000x100000")
    refuse("claims_much.bmp", bmp(10000, 10000, 24, [b""]), "FORMAT", "ends early")
    refuse("lowest_height.bmp", bmp(4, -2**31, 24, [b""]), "LIMIT", "4x2147483648")
    refuse("palette_index.bmp", bmp(W, H, 8, up(GREY), colours(2)), "FORMAT", "palette has 4")
    refuse("header20.bmp", b"BM" + b"\0" * 12 + struct.pack("<I", 20) + b"\0" * 40,
           "UNSUPPORTED", "20")


# ---- PNM ----

def all_pnm():
    def text(a):
        return "\n".join(" ".join(str(v) for v in row.ravel()) for row in a).encode() + b"\n"

    size = f"{W} {H}\n".encode()
    bitmap = rgb_of(255 - bits(1) * 255)
    put("plain_bitmap.pbm", b"P1\n# bits without space\n" + size + text(bits(1)).replace(b" ", b""),
        bitmap)
    put("plain_grey.pgm", b"P2\n" + size + b"255\n" + text(GREY), rgb_of(GREY))
    put("plain_grey100.pgm", b"P2 " + size + b"100\n" + text(GREY % 101),
        rgb_of(scale(GREY % 101, 100)), False)
    put("plain_rgb.ppm", b"P3\n#a\n13 # width\n#\n9\n255\n" + text(RGB), RGB)
    put("bitmap.pbm", b"P4\n" + size + pack(bits(1), 1).tobytes(), bitmap)
    put("grey.pgm", b"P5\n# made by hand\n" + size + b"255\n" + GREY.tobytes(), rgb_of(GREY))
    put("grey16.pgm", b"P5\n" + size + b"65535\n" + GREY16.astype(">u2").tobytes(),
        rgb_of(scale(GREY16, 65535)), False)
    put("grey1000.pgm", b"P5\n" + size + b"1000\n" + (GREY16 % 1001).astype(">u2").tobytes(),
        rgb_of(scale(GREY16 % 1001, 1000)), False)
    put("rgb.ppm", b"P6\r\n" + size + b"255\n" + RGB.tobytes(), RGB)
    put("rgb16.ppm", b"P6\n" + size + b"65535\n" + RGB16.astype(">u2").tobytes(),
        scale(RGB16, 65535), False)

    refuse("above.pgm", b"P5 2 1 100 \x01\x65", "FORMAT", "101")
    refuse("plain_above.pgm", b"P2 2 1 100 1 200", "FORMAT", "200")
    refuse("no_max.pgm", b"P5 2 1 0 \x01\x02", "FORMAT", "largest value")
    refuse("max65536.pgm", b"P5 2 1 65536 \x01\x02\x03\x04", "FORMAT", "65536")
    refuse("letters.pgm", b"P5 two 1 255 \x01\x02", "FORMAT", "width")
    refuse("two.ppm", 2 * (b"P6 13 9 255\n" + RGB.tobytes()), "UNSUPPORTED", "found another (P6)")
    refuse("two_plain.pgm", b"P2 2 1 255\n1 2\nP2 2 1 255\n1 2\n", "UNSUPPORTED",
           "found another (P2)")
    refuse("huge.ppm", b"P6 100000 100000 255\n\0\0\0", "LIMIT", "100000x100000")
    refuse("digits.ppm", b"P6 99999999999999999999 1 255\n\0\0\0", "LIMIT", "width")
    refuse("cut.ppm", b"P6 13 9 255\n" + RGB.tobytes()[:-1], "FORMAT", "ends early")
    refuse("plain_cut.pgm", b"P2 100 100 255\n1 2 3", "FORMAT", "ends early")


def other():
    refuse("empty", b"", "FORMAT", "empty")
    refuse("one_byte", b"P", "FORMAT", "50")
    refuse("text.txt", b"not an image at all\n", "FORMAT", "6e 6f 74 20")
    out = io.BytesIO()
    Image.fromarray(GREY).save(out, "GIF")
    refuse("grey.gif", out.getvalue(), "UNSUPPORTED", "GIF")
    out = io.BytesIO()
    Image.fromarray(RGB).save(out, "WEBP", lossless=True)
    refuse("rgb.webp", out.getvalue(), "UNSUPPORTED", "WebP")
    refuse("float.pfm", b"Pf\n2 1\n-1.0\n" + b"\0" * 8, "UNSUPPORTED", "float PNM")


def main():
    FILES.mkdir(parents=True, exist_ok=True)
    for old in FILES.iterdir():
        old.unlink()
    all_png()
    all_jpeg()
    all_tiff()
    all_bmp()
    all_pnm()
    other()
    lines = [
        "/* What must come of tests/unit/image/files: size, and FNV-1a of the pixels as RGB "
        "and as grey.",
        " * Made by tests/golden/image_files.py with",
        f" * Pillow {PIL.__version__} (libjpeg-turbo {features.version('libjpeg_turbo')}, libtiff "
        f"{features.version('libtiff')}), tifffile {tifffile.__version__}, NumPy {np.__version__},",
        f" * Python {sys.version.split()[0]}. */",
        "/* clang-format off */",
        "static const golden_image golden_images[] = {"]
    for name, pixels in good:
        weights = np.array([299, 587, 114])
        grey = ((pixels.astype(np.int64) @ weights + 500) // 1000).astype(np.uint8)
        lines.append(f"    {{\"{name}\", {pixels.shape[1]}, {pixels.shape[0]}, "
                     f"0x{fnv(pixels.tobytes()):016x}u, 0x{fnv(grey.tobytes()):016x}u}},")
    lines += ["};", "",
              "/* Over the colour %d, %d, %d. */" % tuple(BACKGROUND),
              "static const golden_blend golden_blends[] = {"]
    lines += [f"    {{\"{name}\", 0x{fnv(pixels.tobytes()):016x}u}}," for name, pixels in blended]
    lines += ["};", "", "static const golden_refusal golden_refusals[] = {"]
    lines += [f"    {{\"{name}\", FLECK_E_{status}, \"{part}\"}},"
              for name, status, part in refused]
    lines += ["};", "/* clang-format on */", ""]
    (ROOT / "tests/golden/image_files.h").write_text("\n".join(lines))
    print(len(good), "good,", len(blended), "blended,", len(refused), "refused,",
          sum(p.stat().st_size for p in FILES.iterdir()), "bytes")


main()
