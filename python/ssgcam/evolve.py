"""Differential evolution: reproducible, resumable, ask and tell."""
from __future__ import annotations

from ctypes import POINTER, byref, c_double, c_int, c_size_t, c_ubyte, c_void_p, create_string_buffer
from typing import Any, Callable, Optional, Sequence

import numpy as np

from . import _structs as structs
from ._library import Error, Handle, check, lib, set_number

_NAMED = {
    "strategy": ("current-to-pbest/1", "rand/1", "best/1"),
    "bounds": ("midpoint", "reflect", "resample", "clip"),
    "init": ("latin-hypercube", "random"),
}
_PLAIN = ("population", "f", "cr", "islands", "migration_interval", "migration_count", "max_generations", "stagnation_generations",
          "spread_absolute", "spread_relative", "tag")


def _adaptation(name: str) -> int:
    number = c_int()
    check(lib.ssgcam_evolve_adaptation_parse(name.encode(), byref(number)))
    return number.value


class Evolve(Handle):
    """Looks for the genes within lower..upper whose fitness is highest, or with minimise lowest. The same seed gives the same search everywhere.

        search = ssgcam.Evolve([-5, -5], [5, 5], max_evaluations=2000, minimise=True)
        while len(genes := search.ask()):
            search.tell([objective(row) for row in genes])
        genes, fitness = search.best()

    integer: which genes take whole values. Settings are those of ssgcam/evolve.h: adaptation="lshade", population=..., target=..., and so on.
    """

    def __init__(self, lower: Sequence[float], upper: Sequence[float], max_evaluations: int, *, minimise: bool = False, seed: int = 0,
                 integer: Optional[Sequence[bool]] = None, target: Optional[float] = None, **settings: Any) -> None:
        low, high = (np.array(bound, dtype=np.float64).ravel() for bound in (lower, upper))
        if len(low) != len(high) or (integer is not None and len(integer) != len(low)):
            raise Error("lower, upper and integer must have one entry for each gene")
        whole = None if integer is None else (c_ubyte * len(low))(*(bool(one) for one in integer))
        config = structs.EvolveConfig(dimensions=len(low), lower=_reals(low), upper=_reals(high), integer=whole,
                                      minimise=minimise, use_target=target is not None, target=target or 0)
        set_number(config, "max_evaluations", max_evaluations)
        set_number(config, "seed", seed)
        for name, value in settings.items():
            if name == "adaptation":
                config.adaptation = _adaptation(value)
            elif name in _NAMED:
                if value not in _NAMED[name]:
                    raise Error(f"{name} '{value}'; it must be one of {', '.join(_NAMED[name])}")
                setattr(config, name, _NAMED[name].index(value))
            elif name in _PLAIN:
                set_number(config, name, value)
            else:
                raise TypeError(f"no setting '{name}'; there are {', '.join(('adaptation', *_NAMED, *_PLAIN))}")
        pointer = c_void_p()
        check(lib.ssgcam_evolve_create(byref(pointer), byref(config)))
        super().__init__(pointer, lib.ssgcam_evolve_destroy)
        self.dimensions = len(low)

    def ask(self) -> np.ndarray:
        """The next candidates, count x dimensions; none when the search has ended. Asking again gives the same."""
        count = c_size_t()
        with self.lock:
            genes = np.empty((lib.ssgcam_evolve_batch_max(self.pointer), self.dimensions))
            check(lib.ssgcam_evolve_ask(self.pointer, _reals(genes), byref(count)))
        return genes[:count.value]

    def tell(self, fitness: Sequence[float]) -> None:
        """The fitness of what was last asked for, in its order; NaN is worse than every number."""
        values = np.ascontiguousarray(fitness, dtype=np.float64).ravel()
        with self.lock:
            check(lib.ssgcam_evolve_tell(self.pointer, _reals(values), len(values)))

    def run(self, objective: Callable[[np.ndarray], Sequence[float]]) -> tuple[np.ndarray, float]:
        """Asks and tells until the search ends: objective(genes, count x dimensions) gives count values. Returns the best."""
        while len(genes := self.ask()):
            self.tell(objective(genes))
        return self.best()

    def best(self) -> tuple[np.ndarray, float]:
        """The best genes so far and their fitness."""
        genes, fitness = np.empty(self.dimensions), c_double()
        with self.lock:
            check(lib.ssgcam_evolve_best(self.pointer, _reals(genes), byref(fitness)))
        return genes, fitness.value

    def save(self) -> bytes:
        """The state after the last tell."""
        with self.lock:
            content = create_string_buffer(lib.ssgcam_evolve_save_size(self.pointer))
            check(lib.ssgcam_evolve_save(self.pointer, content, len(content)))
        return content.raw

    def load(self, content: bytes) -> None:
        """Continues from a state that a search of the same settings saved."""
        with self.lock:
            check(lib.ssgcam_evolve_load(self.pointer, content, len(content)))


def _reals(values: np.ndarray) -> Any:
    return values.ctypes.data_as(POINTER(c_double))
