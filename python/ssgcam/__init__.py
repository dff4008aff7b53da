"""Where an image classifier looks, and pixel labels made of it.

    import ssgcam
    model = ssgcam.Model("model.onnx")
    maps = model.explain(["cat.jpg"], classes=["cat"], method="ssgcam", layers="auto", sigma=2)
    labels = model.label(["cat.jpg"], classes=["cat"], recipe=ssgcam.Recipe("recipe.json"))

The work is done by libssgcam (C); this package passes arrays and names to it. docs/python.md is the manual.
"""
from ._library import Error, library_path, library_version
from ._version import __version__
from .device import Device
from .evolve import Evolve
from .model import Explanation, Layer, Model
from .recipe import Recipe, RecipeLayer

__all__ = ["Device", "Error", "Evolve", "Explanation", "Layer", "Model", "Recipe", "RecipeLayer", "library_path", "library_version", "__version__"]
