#!/usr/bin/env python3
"""Makes tests/golden/data_*: files written by NumPy and Pillow that the readers of data/ are tested against.

Needs numpy and Pillow. Run it from anywhere; it writes beside itself.
"""
import pathlib

import numpy as np
from PIL import Image

here = pathlib.Path(__file__).resolve().parent


def save(name, array):
    np.save(here / f"data_{name}.npy", array)


def npy_files():
    u8 = (np.arange(60) * 7 % 256).astype(np.uint8).reshape(3, 4, 5)
    f32 = np.array([[0, 1, np.nan], [-0.0, 0.5, 1e30]], np.float32)
    save("u8", u8)
    save("f32", f32)
    save("rank1", np.arange(5, dtype=np.uint8))
    save("rank4", np.arange(24, dtype=np.float32).reshape(2, 3, 4, 1))
    save("none", np.zeros((0, 3), np.float32))
    # What the reader must refuse.
    save("bad_rank5", np.zeros((1, 1, 1, 1, 1), np.uint8))
    save("bad_scalar", np.uint8(3))
    save("bad_fortran", np.asfortranarray(f32))
    save("bad_f64", f32.astype(np.float64))
    save("bad_big_endian", f32.astype(">f4"))
    save("bad_struct", np.zeros(2, np.dtype([("x", "<f4"), ("y", "|u1")])))
    with open(here / "data_bad_version2.npy", "wb") as file:
        np.lib.format.write_array(file, u8, version=(2, 0))


def area_mean():
    """The exact mean over each output pixel's footprint: repeat every pixel `size` times, then average blocks."""
    image = np.random.default_rng(1).integers(0, 256, (29, 37)).astype(np.uint8)
    save("area_in", image)
    square = image[:, 4:33].astype(np.float64)  # centre crop, 37 - 29 = 8
    for size in (1, 8, 11, 28):
        repeated = square.repeat(size, 0).repeat(size, 1)
        means = repeated.reshape(size, 29, size, 29).mean((1, 3))  # denominator 29^2 is odd: no ties
        save(f"area_{size}", np.floor(means + 0.5).astype(np.uint8))


def jpeg_files():
    y, x = np.mgrid[0:24, 0:40]
    gray = (60 + 3 * x + 2 * y).astype(np.uint8)
    colour = np.stack([60 + 3 * x, 200 - 4 * y, 80 + 2 * y + x], -1).astype(np.uint8)
    Image.fromarray(gray).save(here / "data_gray.jpg", quality=90)
    Image.fromarray(colour).save(here / "data_colour.jpg", quality=95, progressive=True, subsampling="4:2:0")
    Image.fromarray(colour).convert("CMYK").save(here / "data_bad_cmyk.jpg")
    save("gray_jpg", np.asarray(Image.open(here / "data_gray.jpg")).astype(np.float32))
    rgb = np.asarray(Image.open(here / "data_colour.jpg")).astype(np.float64)
    save("colour_jpg", (rgb @ [0.299, 0.587, 0.114]).astype(np.float32))  # ITU-R BT.601


npy_files()
area_mean()
jpeg_files()
