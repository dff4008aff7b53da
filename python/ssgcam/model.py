"""A classifier: what is in it, where it looks, and the pixel labels that follow."""
from __future__ import annotations

import os
import threading
from ctypes import POINTER, byref, c_char_p, c_double, c_float, c_int, c_size_t, c_void_p
from ctypes import pointer as pointer_to
from dataclasses import dataclass
from typing import Any, NamedTuple, Optional, Sequence, Union

import numpy as np

from . import _structs as structs
from ._arrays import to_images
from ._library import PARTIAL, Error, Handle, check, error_of, lib, path_bytes
from .device import Device
from .recipe import Recipe

Class = Union[int, str]
_PRESETS = {"own": 0, "pgc": 1}


class Layer(NamedTuple):
    """An image-shaped tensor of the network."""
    name: str
    node: str
    operator: str
    shape: tuple[int, int, int]  # channels, height, width
    activation: bool
    candidate: bool  # one of layers="auto"


@dataclass(frozen=True)
class Explanation:
    """Where the network looks for one class in one image."""
    map: np.ndarray  # float32, height x width of the network's input, in [0, 1]
    input: str  # the path, or "images"
    image: int  # its number in the array or .npy file, else 0
    label: int
    name: Optional[str]
    score: float  # the logit
    probability: float  # NaN where the network does not end in a Softmax
    empty: bool  # no layer gave a map that varies
    not_a_number: bool  # a layer's map held NaN and was left out

    def __array__(self, dtype: Any = None, copy: Optional[bool] = None) -> np.ndarray:
        values = self.map if dtype is None else self.map.astype(dtype, copy=False)
        return values.copy() if copy else values

    def __dlpack__(self, **arguments: Any) -> Any:
        return self.map.__dlpack__(**arguments)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.map.__dlpack_device__()


class Model(Handle):
    """Loads an ONNX classifier and the MODEL.json beside it.

    device: a Device, or the name to open one by; preprocess: fields that win over the file's, as the program's flags have them, e.g.
    {"size": "240x240", "mean": "0.485,0.456,0.406"} (a field set to its default leaves the file's). Threads may share a model: their calls take turns.
    """

    def __init__(self, path: Union[str, os.PathLike], device: Union[str, Device] = "auto", threads: int = 0,
                 preprocess: Optional[dict[str, str]] = None) -> None:
        pointer, settings = c_void_p(), structs.Preprocess()
        lib.ssgcam_preprocess_init(byref(settings))
        try:
            for field, text in (preprocess or {}).items():
                check(lib.ssgcam_preprocess_set(byref(settings), field.encode(), str(text).encode()))
            check(lib.ssgcam_model_load(byref(pointer), path_bytes(path), byref(settings)))
        finally:
            lib.ssgcam_preprocess_clear(byref(settings))
        super().__init__(pointer, lib.ssgcam_model_destroy)
        self._owns_device = not isinstance(device, Device)
        self.device = Device(device, threads) if isinstance(device, str) else device
        self._look_inside()

    def close(self) -> None:
        super().close()
        if self._owns_device:
            self.device.close()

    # ---- what is in it -----------------------------------------------------------------------------------------------------------------

    def _look_inside(self) -> None:
        height, width, nhwc = c_int(), c_int(), c_int()
        lib.ssgcam_model_input(self.pointer, byref(height), byref(width), byref(nhwc))
        grey = lib.ssgcam_model_preprocess(self.pointer).contents.channels == 2
        head = lib.ssgcam_model_head(self.pointer)
        self.channels: int = 1 if grey else 3
        self.size: tuple[int, int] = (height.value, width.value)
        self.nhwc: bool = bool(nhwc.value)
        self.class_count: int = lib.ssgcam_model_class_count(self.pointer)
        names = [lib.ssgcam_model_class_name(self.pointer, i) for i in range(self.class_count)]
        self.classes: Optional[list[str]] = None if None in names else [name.decode() for name in names]
        self.head: Optional[str] = head.decode() if head else None
        self.digest: str = lib.ssgcam_model_digest(self.pointer).decode()
        rows = (lib.ssgcam_model_layer(self.pointer, i).contents for i in range(lib.ssgcam_model_layer_count(self.pointer)))
        self.layers: list[Layer] = [Layer(row.name.decode(), row.node.decode(), row.op.decode(), (row.channels, row.height, row.width),
                                          bool(row.activation), bool(row.candidate)) for row in rows]

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Of one image: C H W, or H W C if `nhwc`."""
        return (*self.size, self.channels) if self.nhwc else (self.channels, *self.size)

    def find_class(self, which: Class) -> int:
        """The number of a class given by name or number."""
        index = c_size_t()
        with self.lock:
            check(lib.ssgcam_model_find_class(self.pointer, str(which).encode(), byref(index)))
        return index.value

    # ---- where it looks ----------------------------------------------------------------------------------------------------------------

    def explain(self, images: Any, classes: Union[Class, Sequence[Class]] = "top", *, recipe: Optional[Recipe] = None, method: str = "ssgcam",
                layers: Union[str, Sequence[str]] = "auto", weights: Optional[Sequence[float]] = None, preset: str = "own",
                precision: str = "fp32", **settings: Any) -> list[Explanation]:
        """One Explanation for every image and class.

        images: a path or several (images, or .npy arrays), or an array of preprocessed floats, N C H W as the graph wants it, without N for one
        image; torch tensors and all that speaks DLPack or the buffer protocol will do. classes: names, numbers, or "top", the highest score.
        Either a recipe, or a method over layers with its settings (Recipe.of). preset "pgc": layers are fused as pytorch-grad-cam does.

        Files that cannot be used raise an Error of status "partial" when all others are done: error.results has those, error.failures says why.
        """
        if recipe is None:
            with Recipe.of(self, method, layers, weights, **settings) as made:
                return self._explain(images, classes, made, preset, precision)
        if settings or weights is not None:
            raise TypeError("a recipe has its own layers, weights and settings")
        return self._explain(images, classes, recipe, preset, precision)

    def _explain(self, images: Any, classes: Union[Class, Sequence[Class]], recipe: Recipe, preset: str, precision: str) -> list[Explanation]:
        if preset not in _PRESETS:
            raise Error(f"preset '{preset}'; it must be own or pgc")
        wanted = [classes] if isinstance(classes, (int, str, np.integer)) else list(classes)
        if not wanted:
            raise Error("no class; leave `classes` out for the one of the highest score")
        results, failures, raised, stop = [], [], [], c_int()
        paths, array = _inputs(images, self)

        def take(_context, pointer, _files):
            try:
                results.append(_explanation(pointer.contents))
            except BaseException as error:  # ctypes would print and forget it
                raised.append(error)
                stop.value = 1

        options = structs.ExplainOptions(classes=(c_char_p * len(wanted))(*(str(name).encode() for name in wanted)), class_count=len(wanted),
                                         precision=_precision(precision), preset=_PRESETS[preset], stop=pointer_to(stop),
                                         callback=structs.ExplainCallback(take))
        if array is None:
            options.inputs, options.input_count = (c_char_p * len(paths))(*paths), len(paths)
        else:
            options.images, options.image_count = array.ctypes.data_as(POINTER(c_float)), len(array)
            options.image_size[:] = array.shape[1:3] if self.nhwc else array.shape[2:4]
        failed = structs.Progress(lambda _context, _done, _total, _id, why: failures.append(why.decode(errors="replace")))
        self._run(lambda: lib.ssgcam_explain_run(byref(options), failed), options, recipe, results, failures, raised, stop)
        return results

    # ---- pixel labels ------------------------------------------------------------------------------------------------------------------

    def label(self, images: Any, classes: Optional[Sequence[Union[Class, Sequence[Class]]]], recipe: Recipe, *,
              scales: Sequence[float] = (), flip: bool = False, batch: int = 0, precision: str = "fp32") -> list[np.ndarray]:
        """A uint8 array for every image: 0 background, c + 1 class c; the masks of `ssgcam generate`.

        images: as for explain, but an array has the network's input size; labels have the size of the image file, or of the array. classes: one
        entry for each image, a class or a list of those present; None, or an empty list: the class of the highest score. scales, flip: files are
        looked at in these sizes too, and mirrored, and the maps averaged. An image that fails: Error of status "partial", whose results hold None in
        its place.
        """
        paths, array = _inputs(images, self)
        count = len(paths) if array is None else len(array)
        if array is not None and array.shape[1:] != self.input_shape:
            raise Error(f"images of shape {array.shape[1:]}; the network's input is {self.input_shape}")
        present = [[] for _ in range(count)] if classes is None else [self._numbers(entry) for entry in classes]
        if len(present) != count:
            raise Error(f"{len(present)} entries of classes for {count} images")
        names = paths if array is None else [b"image %d" % i for i in range(count)]
        numbers = [(c_int * len(entry))(*entry) for entry in present]
        items = (structs.Item * count)(*(structs.Item(id=name, image=name, labels=entry, label_count=len(entry))
                                         for name, entry in zip(names, numbers)))
        results: list = [None] * count
        failures, raised, stop = [], [], c_int()

        def take(_context, pointer):
            try:
                done = pointer.contents
                if done.failure:
                    failures.append(done.failure.decode(errors="replace"))
                else:
                    results[done.index] = np.ctypeslib.as_array(done.labels, (done.height, done.width)).copy()
            except BaseException as error:
                raised.append(error)
                stop.value = 1

        options = structs.LabelOptions(items=items, item_count=count, scales=(c_double * len(scales))(*scales), scale_count=len(scales),
                                       flip=flip, batch=batch, precision=_precision(precision), stop=pointer_to(stop),
                                       callback=structs.LabelCallback(take))
        if array is not None:
            options.images = array.ctypes.data_as(POINTER(c_float))
        self._run(lambda: lib.ssgcam_label_run(byref(options)), options, recipe, results, failures, raised, stop)
        return results

    def _numbers(self, entry: Union[Class, Sequence[Class]]) -> list[int]:
        some = [entry] if isinstance(entry, (int, str, np.integer)) else entry
        return sorted({self.find_class(one) for one in some})

    # ---- both --------------------------------------------------------------------------------------------------------------------------

    def _run(self, call: Any, options: Any, recipe: Recipe, results: list, failures: list, raised: list,
             stop: c_int) -> None:
        """Calls with the handles filled in and held, always in this order, so that threads cannot wait for each other in a ring."""
        with self.lock, self.device.lock, recipe.lock:
            options.model, options.device, options.recipe = self.pointer, self.device.pointer, recipe.pointer
            status, error = _interruptible(call, stop)
        if raised:
            raise raised[0]
        if error:
            error.failures = failures
            if status == PARTIAL:
                error.results = results
                error.args = (": ".join([str(error), *failures[:1]]),)
            raise error


def _interruptible(call: Any, stop: c_int) -> tuple[int, Optional[Error]]:
    """The call on a thread of its own, while this one waits for it or for Ctrl-C (which a callback would lose). Gives the status and its sentence."""
    ended, done = [], threading.Event()

    def work() -> None:
        try:
            status = call()
            ended.append((status, error_of(status) if status else None))  # the sentence is kept per thread
        finally:
            done.set()

    threading.Thread(target=work).start()
    interrupted = None
    while not done.is_set():  # not join(): interrupted once, it no longer waits
        try:
            done.wait()
        except BaseException as error:
            stop.value, interrupted = 1, error
    if interrupted:
        raise interrupted
    return ended[0]


def _precision(name: str) -> int:
    number = c_int()
    check(lib.ssgcam_precision_parse(name.encode(), byref(number)))
    return number.value


def _inputs(images: Any, model: Model) -> tuple[list[bytes], Optional[np.ndarray]]:
    """Either paths or an array."""
    if isinstance(images, (str, bytes, os.PathLike)):
        return [path_bytes(images)], None
    if isinstance(images, (list, tuple)) and images and all(isinstance(one, (str, bytes, os.PathLike)) for one in images):
        return [path_bytes(one) for one in images], None
    if isinstance(images, (list, tuple)) and not images:
        raise Error("no images")
    return [], to_images(images, model.channels, model.nhwc)


def _explanation(e: structs.Explanation) -> Explanation:
    return Explanation(map=np.ctypeslib.as_array(e.map, (e.height, e.width)).copy(), input=os.fsdecode(e.input), image=e.image, label=e.label, name=e.label_name.decode() if e.label_name else None, score=e.score,
                       probability=e.probability, empty=bool(e.constant), not_a_number=bool(e.not_a_number))
