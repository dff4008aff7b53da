"""Arrays of other libraries become NumPy's, and what cannot be fed is said clearly."""
from __future__ import annotations

from typing import Any

import numpy as np

from ._library import Error


def to_numpy(array: Any) -> np.ndarray:
    """A view where that is possible: by DLPack, by the buffer protocol, or by __array__; sequences of numbers are copied."""
    if isinstance(array, np.ndarray):
        return array
    if getattr(array, "requires_grad", False):
        array = array.detach()
    if hasattr(array, "__dlpack__"):
        kind = array.__dlpack_device__()[0] if hasattr(array, "__dlpack_device__") else 1
        if kind not in (1, 3):  # kDLCPU, kDLCUDAHost
            raise Error("the array lives on another device; copy it to host memory first (torch: .cpu())")
        try:
            return np.from_dlpack(array)
        except (BufferError, RuntimeError, TypeError, AttributeError):
            pass  # e.g. a layout or a flag that NumPy's importer refuses: the ways below may do
    return np.asarray(array)


def to_images(array: Any, channels: int, nhwc: bool) -> np.ndarray:
    """N arrays of the network's input shape: float32, C order. Copied only where that is not so; other numbers than floats are refused."""
    values = to_numpy(array)
    order = "N H W C" if nhwc else "N C H W"
    if values.dtype.kind != "f":
        raise Error(f"an array of {values.dtype}; arrays are fed as they are, so give preprocessed floats (or the path of an image)")
    if values.ndim == 3:
        values = values[None]
    if values.ndim != 4 or values.shape[3 if nhwc else 1] != channels or 0 in values.shape:
        raise Error(f"an array of shape {np.shape(array)}; the network wants {order} with {channels} channels")
    return np.ascontiguousarray(values, dtype=np.float32)
