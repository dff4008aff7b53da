"""What to compute and how to mix it: layers, a method and a weight for each, and a threshold."""
from __future__ import annotations

import os
from ctypes import POINTER, byref, c_char_p, c_double, c_int, c_void_p, string_at
from typing import Any, NamedTuple, Optional, Sequence, Union

from . import _structs as structs
from ._library import Error, Handle, check, lib, path_bytes, set_number

_CHOICES = ("combine", "weighting", "second_order", "target")  # settings that have names
_NUMBERS = ("sigma", "probes", "samples", "noise", "seed")


def method_options(method: str = "ssgcam", **settings: Any) -> structs.MethodOptions:
    """The method's defaults with these settings (ssgcam/method.h)."""
    number = c_int()
    check(lib.ssgcam_method_parse(method.encode(), byref(number)))
    options = lib.ssgcam_method_defaults(number)
    for name, value in settings.items():
        if name in _CHOICES:
            check(getattr(lib, f"ssgcam_{name}_parse")(value.encode(), byref(number)))
            setattr(options, name, number.value)
        elif name in _NUMBERS:
            set_number(options, name, value, most=2 ** 31 - 1)
        else:
            raise TypeError(f"no setting '{name}'; there are {', '.join(_NUMBERS + _CHOICES)}")
    check(lib.ssgcam_method_check(byref(options)))
    return options


class RecipeLayer(NamedTuple):
    """One row of a recipe."""
    name: str
    weight: int  # of 127
    power: float
    method: str
    sigma: float


class Recipe(Handle):
    """Recipe("recipe.json") reads a file, Recipe.parse a text, Recipe.of makes one of a method and layers. It does not change afterwards."""

    def __init__(self, path: Union[str, os.PathLike]) -> None:
        pointer = POINTER(structs.Recipe)()
        check(lib.ssgcam_recipe_load(byref(pointer), path_bytes(path)))
        self._own(pointer)

    def _own(self, pointer: Any) -> None:
        Handle.__init__(self, pointer, lib.ssgcam_recipe_destroy)

    @classmethod
    def _of_pointer(cls, pointer: Any) -> Recipe:
        recipe = cls.__new__(cls)
        recipe._own(pointer)
        return recipe

    @classmethod
    def parse(cls, text: str, name: str = "recipe") -> Recipe:
        """From the text of a recipe file; `name` is used in messages."""
        pointer, content = POINTER(structs.Recipe)(), text.encode()
        check(lib.ssgcam_recipe_parse(byref(pointer), content, len(content), name.encode()))
        return cls._of_pointer(pointer)

    @classmethod
    def of(cls, model: Any, method: str = "ssgcam", layers: Union[str, Sequence[str]] = "auto", weights: Optional[Sequence[float]] = None,
           threshold: int = 128, **settings: Any) -> Recipe:
        """One method over layers of a model: "auto" (the candidates), "all", "last", names separated by commas, or a list of names.

        weights: one per layer in any unit (equal); threshold: 0 to 255; settings: sigma, combine, ... as on the command line.
        """
        options, pointer = method_options(method, **settings), POINTER(structs.Recipe)()
        values = None if weights is None else (c_double * len(weights))(*weights)
        if isinstance(layers, str):
            with model.lock:
                check(lib.ssgcam_recipe_for_model(byref(pointer), model.pointer, byref(options), layers.encode(), values, len(weights or ()),
                                                  threshold))
        else:
            if weights is not None and len(weights) != len(layers):
                raise Error(f"{len(weights)} weights for {len(layers)} layers")
            names = (c_char_p * len(layers))(*(name.encode() for name in layers))
            check(lib.ssgcam_recipe_create(byref(pointer), byref(options), names, values, len(layers), threshold))
        return cls._of_pointer(pointer)

    @property
    def threshold(self) -> int:
        """A class claims a pixel where 255 f > threshold max f."""
        return self.pointer.contents.threshold

    @property
    def layers(self) -> list[RecipeLayer]:
        recipe = self.pointer.contents
        rows = (recipe.layers[i] for i in range(recipe.layer_count))
        return [RecipeLayer(row.name.decode(), row.weight, row.power, lib.ssgcam_method_name(row.method.method).decode(), row.method.sigma)
                for row in rows]

    def __str__(self) -> str:
        """The text of the file."""
        text = c_void_p()
        with self.lock:
            check(lib.ssgcam_recipe_print(self.pointer, byref(text)))
        try:
            return string_at(text.value).decode()
        finally:
            lib.ssgcam_text_free(text)

    def save(self, path: Union[str, os.PathLike]) -> None:
        """Writes the file; it appears whole or not at all."""
        with self.lock:
            check(lib.ssgcam_recipe_save(self.pointer, path_bytes(path)))
