"""Where the arithmetic runs."""
from __future__ import annotations

from ctypes import byref, c_void_p

from ._library import Handle, check, lib


class Device(Handle):
    """Opens "auto", "cpu", "cuda", "cuda:1"; threads: at most 1024; 0 uses all processors. Models may share one; their calls then take turns."""

    def __init__(self, name: str = "auto", threads: int = 0) -> None:
        pointer = c_void_p()
        check(lib.ssgcam_device_open(byref(pointer), name.encode(), threads))
        super().__init__(pointer, lib.ssgcam_device_close)
        self.name = name
