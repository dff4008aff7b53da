"""Finds libssgcam, declares its functions, and turns status codes into exceptions."""
from __future__ import annotations

import ctypes
import os
import pathlib
import threading
import weakref
from ctypes import POINTER, c_char_p, c_double, c_int, c_size_t, c_void_p
from typing import Any, Callable, Optional

from . import _structs as structs
from ._version import __version__

OK, PARTIAL = 0, -9


class Error(Exception):
    """What the library could not do, in its own words.

    status: the code's name ("argument", "input", "not found", ...); code: the number in ssgcam/status.h; results, failures: with "partial",
    what was finished all the same, and a sentence for each item that was not.
    """

    def __init__(self, message: str, status: str = "argument", code: int = -1) -> None:
        super().__init__(message)
        self.status, self.code = status, code
        self.results: list = []
        self.failures: list[str] = []


# ---- finding it ----------------------------------------------------------------------------------------------------------------------------


def _places() -> list[str]:
    """Where it may be, best first: SSGCAM_LIBRARY alone if that is set; beside the package; a build of this repository; the loader's paths."""
    named = os.environ.get("SSGCAM_LIBRARY")
    if named:
        return [named]
    here = pathlib.Path(__file__).resolve().parent
    soname = "libssgcam.so." + ("0" if __version__.startswith("0.") else __version__.split(".")[0])
    built = here.parent.parent / "build" / "release" / "host" / "libssgcam.so"
    return [str(path) for path in (here / "libssgcam.so", built) if path.exists()] + [soname, "libssgcam.so"]


def _open() -> tuple[ctypes.CDLL, str]:
    tried = []
    for place in _places():
        try:
            return ctypes.CDLL(place), place
        except OSError as error:
            tried.append(f"  {place}: {error}")
    raise ImportError("libssgcam was not found; build it (make build), install it (make install), or name the file in SSGCAM_LIBRARY. Tried:\n"
                      + "\n".join(tried))


def _check_version(found: str) -> None:
    """Until 1.0 structs may change in any minor version."""
    if found.split(".")[:2] != __version__.split(".")[:2]:
        raise ImportError(f"{library_path} is version {found}, but this package is of {__version__}: install those that belong together")


lib, library_path = _open()
lib.ssgcam_version.restype = c_char_p
library_version: str = lib.ssgcam_version().decode()
_check_version(library_version)

# ---- what is called ------------------------------------------------------------------------------------------------------------------------

_texts = POINTER(c_char_p)
_recipe = POINTER(structs.Recipe)
_reals = POINTER(c_double)
_functions: dict[str, tuple[Any, list]] = {
    "status_name": (c_char_p, [c_int]),
    "last_error": (c_char_p, []),
    "device_open": (c_int, [POINTER(c_void_p), c_char_p, c_int]),
    "device_close": (None, [POINTER(c_void_p)]),
    "precision_parse": (c_int, [c_char_p, POINTER(c_int)]),
    "method_defaults": (structs.MethodOptions, [c_int]),
    "method_name": (c_char_p, [c_int]),
    "method_parse": (c_int, [c_char_p, POINTER(c_int)]),
    "combine_parse": (c_int, [c_char_p, POINTER(c_int)]),
    "weighting_parse": (c_int, [c_char_p, POINTER(c_int)]),
    "second_order_parse": (c_int, [c_char_p, POINTER(c_int)]),
    "target_parse": (c_int, [c_char_p, POINTER(c_int)]),
    "method_check": (c_int, [POINTER(structs.MethodOptions)]),
    "preprocess_init": (None, [POINTER(structs.Preprocess)]),
    "preprocess_set": (c_int, [POINTER(structs.Preprocess), c_char_p, c_char_p]),
    "preprocess_clear": (None, [POINTER(structs.Preprocess)]),
    "model_load": (c_int, [POINTER(c_void_p), c_char_p, POINTER(structs.Preprocess)]),
    "model_destroy": (None, [POINTER(c_void_p)]),
    "model_input": (None, [c_void_p, POINTER(c_int), POINTER(c_int), POINTER(c_int)]),
    "model_preprocess": (POINTER(structs.Preprocess), [c_void_p]),
    "model_layer_count": (c_size_t, [c_void_p]),
    "model_layer": (POINTER(structs.Layer), [c_void_p, c_size_t]),
    "model_class_count": (c_size_t, [c_void_p]),
    "model_class_name": (c_char_p, [c_void_p, c_size_t]),
    "model_find_class": (c_int, [c_void_p, c_char_p, POINTER(c_size_t)]),
    "model_head": (c_char_p, [c_void_p]),
    "model_digest": (c_char_p, [c_void_p]),
    "recipe_create": (c_int, [POINTER(_recipe), POINTER(structs.MethodOptions), _texts, _reals, c_size_t, c_int]),
    "recipe_for_model": (c_int, [POINTER(_recipe), c_void_p, POINTER(structs.MethodOptions), c_char_p, _reals, c_size_t, c_int]),
    "recipe_load": (c_int, [POINTER(_recipe), c_char_p]),
    "recipe_parse": (c_int, [POINTER(_recipe), c_char_p, c_size_t, c_char_p]),
    "recipe_print": (c_int, [_recipe, POINTER(c_void_p)]),
    "recipe_save": (c_int, [_recipe, c_char_p]),
    "recipe_destroy": (None, [POINTER(_recipe)]),
    "text_free": (None, [c_void_p]),
    "explain_run": (c_int, [POINTER(structs.ExplainOptions), structs.Progress]),
    "label_run": (c_int, [POINTER(structs.LabelOptions)]),
    "evolve_create": (c_int, [POINTER(c_void_p), POINTER(structs.EvolveConfig)]),
    "evolve_destroy": (None, [POINTER(c_void_p)]),
    "evolve_batch_max": (c_size_t, [c_void_p]),
    "evolve_ask": (c_int, [c_void_p, _reals, POINTER(c_size_t)]),
    "evolve_tell": (c_int, [c_void_p, _reals, c_size_t]),
    "evolve_best": (c_int, [c_void_p, _reals, _reals]),
    "evolve_adaptation_parse": (c_int, [c_char_p, POINTER(c_int)]),
    "evolve_save_size": (c_size_t, [c_void_p]),
    "evolve_save": (c_int, [c_void_p, c_void_p, c_size_t]),
    "evolve_load": (c_int, [c_void_p, c_char_p, c_size_t]),
}


def _declare() -> None:
    for name, (result, arguments) in _functions.items():
        try:
            function = getattr(lib, "ssgcam_" + name)
        except AttributeError:
            raise ImportError(f"{library_path} lacks ssgcam_{name}: it is older than this package") from None
        function.restype, function.argtypes = result, arguments


_declare()

# ---- errors and ownership ------------------------------------------------------------------------------------------------------------------


def error_of(status: int) -> Error:
    """The calling thread's last failure."""
    return Error(lib.ssgcam_last_error().decode(errors="replace"), lib.ssgcam_status_name(status).decode(), status)


def check(status: int) -> None:
    if status != OK:
        raise error_of(status)


def set_number(structure: ctypes.Structure, name: str, value: Any, most: Optional[int] = None) -> None:
    """Sets a field. Of a whole number that does not fit, ctypes would keep the lower bits: -1 for a seed would be another seed."""
    setattr(structure, name, value)
    kept = getattr(structure, name)
    if isinstance(kept, int) and kept != value:
        kind = dict(structure._fields_)[name]
        most = most or 2 ** (8 * ctypes.sizeof(kind) - (kind(-1).value < 0)) - 1
        raise Error(f"{name} {value}; it must be 0 to {most}")


class Handle:
    """Something that the library made. Freed by close(), at the end of `with`, or when nobody refers to it any more.

    One thread uses a handle at a time: `lock` is held meanwhile, so that threads may share the object; close() waits for them.
    """

    def __init__(self, pointer: Any, destroy: Callable) -> None:
        self._pointer = pointer
        self.lock = threading.RLock()
        self._finalizer = weakref.finalize(self, destroy, ctypes.byref(pointer))

    @property
    def pointer(self) -> Any:
        if not self._finalizer.alive:
            raise Error(f"this {type(self).__name__} is closed")
        return self._pointer

    def close(self) -> None:
        """Frees it now. Closing twice is allowed, using it afterwards is an Error."""
        with self.lock:
            self._finalizer()

    def __enter__(self):
        self.pointer
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def path_bytes(path: Any) -> bytes:
    """A path as the library takes it; it would end at a zero byte."""
    name = os.fsencode(path)
    if b"\0" in name:
        raise ValueError("a path with a zero byte")
    return name
