"""Changes in how heavy libraries are imported, which takes most of the time of a short command."""

import atexit
import gc
import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

_HEAVY = ("torch", "fairseq", "numba", "gradio", "nltk")
# Where Gradio has what writes stubs for editors.
_STUBS = "gradio.component_meta"
# What a library imports functions from that few need, parents first.
_FOR_FEW = {
    "fairseq": ("sklearn", "sklearn.metrics", "scipy.stats"),
    "nltk": ("sklearn", "sklearn.feature_extraction", "sklearn.preprocessing", "scipy.stats"),
}


def import_lightly(registered: Mapping[str, Collection[str]]) -> None:
    """Have the imports of torch, fairseq, numba, Gradio and NLTK take less time, when they come.

    - fairseq imports every module in its folders of models, tasks and criterions, to register what
      they hold. Those that are not needed are left out. They can still be imported by name.
    - One measure of one of its criterions needs scikit-learn and ``scipy.stats``, which take longer
      to import than all of fairseq. They are imported when it is computed. NLTK, of which ROUGE
      needs the stemmer, imports them for a classifier and a measure.
    - Gradio parses the source of each of its components, and compares it with a stub for editors
      that lies beside it. That is half of the time that its import takes, and is left out.
    - The modules make several hundred thousand objects, none of which is garbage. The collector of
      cycles, which looks through them again and again, is off meanwhile.

    It has no effect on a library that is imported already.

    Args:
        registered: the modules to keep of each folder of fairseq, such as ``models``.
    """
    import_fully()
    sys.meta_path.insert(0, _Finder(registered))


def import_fully() -> None:
    """Take back `import_lightly`, for code of a user who may need all that fairseq registers."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Finder)]


class _Finder(MetaPathFinder):
    """Finds libraries as they are found otherwise, and changes how they are executed."""

    def __init__(self, registered: Mapping[str, Collection[str]]) -> None:
        self._registered = registered
        self._searching = False

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name not in (*_HEAVY, _STUBS) or self._searching:
            return None
        self._searching = True
        try:
            spec = find_spec(name)
        finally:
            self._searching = False
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_lightly(module: ModuleType) -> None:
                if name == _STUBS:
                    execute(module)
                    module.create_or_modify_pyi = lambda *given: None  # type: ignore[attr-defined]
                    return
                with without_collecting(), _imported_later(_FOR_FEW.get(name, ())):
                    if name != "fairseq":
                        execute(module)
                        return
                    with _registering(Path(module.__path__[0]), self._registered):
                        execute(module)

            spec.loader.exec_module = execute_lightly  # type: ignore[method-assign]
        return spec


@contextmanager
def collecting_later() -> Iterator[None]:
    """Keep the collector of cycles off in the block."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


@contextmanager
def without_collecting() -> Iterator[None]:
    """The same, for imports: what is there at the end is no garbage, and never looked at again."""
    with collecting_later():
        try:
            yield
        finally:
            gc.freeze()
            atexit.register(gc.unfreeze)  # at the end, libraries report what was not collected


@contextmanager
def _registering(fairseq: Path, registered: Mapping[str, Collection[str]]) -> Iterator[None]:
    """Have fairseq see only some of the files in its folders. It imports what it sees."""
    everything = os.listdir

    def listed(path: Any = ".") -> list[Any]:
        names: list[Any] = everything(path)
        folder = Path(os.fsdecode(path)) if isinstance(path, (str, bytes, Path)) else Path()
        if folder.parent != fairseq or folder.name not in registered:
            return names
        return [name for name in names if Path(name).stem in registered[folder.name]]

    with mock.patch.object(os, "listdir", listed):
        yield


@contextmanager
def _imported_later(names: Collection[str]) -> Iterator[None]:
    missing = [name for name in names if name not in sys.modules]
    for name in missing:
        module = sys.modules[name] = _Later(name)
        parent, _, last = name.rpartition(".")
        if isinstance(sys.modules.get(parent), _Later):
            setattr(sys.modules[parent], last, module)
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]


class _Later(ModuleType):
    """Stands for a module. Its functions import the module when they are called."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *given, **named: getattr(import_module(self.__name__), name)(*given, **named)
