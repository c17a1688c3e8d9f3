"""Reads `samples.npz` without unpickling or evaluating anything, and never more than it declares.

Both sizes are checked before memory is taken: the one in the archive's directory and the shape in
an array's header.
"""

from __future__ import annotations

import io
import math
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from bench.records.files import MEBIBYTE, is_there, read_file
from bench.records.guarded import guarded
from bench.records.model import Samples

MOST_BYTES = 64 * MEBIBYTE  # of one array; four colour images of 512 × 512 pixels have 12
IMAGES, PSNRS = ("clean", "observed", "reconstruction"), ("psnr", "psnr_observed")
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '(\|u1|<f4|<f8)', 'fortran_order': (False|True), "
    rb"'shape': \(((?:\d{1,9}, ?)*(?:\d{1,9})?)\), \} *\n",
    re.DOTALL,
)
# What a damaged archive makes zipfile and zlib raise.
BROKEN = (
    *(OSError, ValueError, KeyError, EOFError, NotImplementedError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error),
)
Arrays = list[np.ndarray[Any, Any]]


def parse_samples(content: bytes) -> Samples:
    """Return the samples in the bytes of an archive; what zipfile raises, or ValueError."""
    images, psnrs = read_arrays(content)
    return Samples(*map(_as_float, images), *psnrs)


def read_samples(path: Path) -> Samples | None:
    """Return the samples in a file, None if there is none; raises DamagedRecord."""
    return guarded(lambda path: parse_samples(read_file(path)), path) if is_there(path) else None


def _as_float(images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Images as float32; before schema version 5 they were rounded to 8 bits."""
    return images / np.float32(255) if images.dtype == np.uint8 else images


def read_arrays(content: bytes) -> tuple[Arrays, Arrays]:
    """Return the three arrays of images and the two of PSNR as they are kept; raises likewise."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {each.filename: each for each in archive.infolist()}
        if len(archive.infolist()) != len(members) or set(members) != _NAMES:
            raise ValueError(f"must contain exactly {', '.join(sorted(_NAMES))}")
        images = [_array(archive, members[f"{name}.npy"]) for name in IMAGES]
        psnrs = [_array(archive, members[f"{name}.npy"]) for name in PSNRS]
    shape = images[0].shape
    alike = all(each.shape == shape and each.dtype == images[0].dtype for each in images)
    if len(shape) != 4 or not alike or images[0].dtype == np.float64:
        raise ValueError("the images must be float32 or uint8 arrays of one shape (n, C, H, W)")
    if shape[1] not in (1, 3) or min(shape[2:]) < 1:
        raise ValueError(f"images of shape {shape} do not have 1 or 3 channels of pixels")
    if any(each.shape != shape[:1] or each.dtype != np.float64 for each in psnrs):
        raise ValueError("psnr must be a float64 array of shape (n,)")
    return images, psnrs


_NAMES = {f"{name}.npy" for name in (*IMAGES, *PSNRS)}


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray[Any, Any]:
    if member.file_size > MOST_BYTES:
        size = f"{member.file_size} bytes, the limit is {MOST_BYTES}"
        raise ValueError(f"{member.filename} is too large: {size}")
    with archive.open(member) as file:
        content = file.read(MOST_BYTES + 1)
    header = _HEADER.match(content)
    if header is None:
        raise ValueError(f"{member.filename} is not an array of uint8, float32 or float64")
    dtype = np.dtype(header[1].decode())
    shape = tuple(int(side) for side in header[3].split(b",") if side.strip())
    if math.prod(shape) * dtype.itemsize != len(content) - header.end():
        raise ValueError(f"the size of {member.filename} does not match its shape {shape}")
    values = np.frombuffer(content, dtype, offset=header.end())
    return values.reshape(shape, order="F" if header[2] == b"True" else "C")
