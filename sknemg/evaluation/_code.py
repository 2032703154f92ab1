"""The code of a user's functions and classes that a fit depends on."""

from __future__ import annotations

import dis
import hashlib
import importlib
import importlib.util
import io
import pickle
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import joblib

from sknemg.muap.features import MuapFeatures, registered_features

_WRAPPED = ("__func__", "fget", "fset", "func", "__wrapped__")  # of methods, properties, wrappers


def users_code(thing: Any) -> str:
    """Hash the code of a user's functions and classes that an object refers to.

    joblib hashes a function by its name, so that another function of that name has the same hash.
    Here its instructions count, its defaults, and all that it calls by name, unless that belongs to
    Python or to an installed package, whose version stands for it. Comments, and where a function
    stands in its file, do not count.

    Parameters
    ----------
    thing : object
        One that can be pickled, such as an estimator.

    Returns
    -------
    str

    Examples
    --------
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> users_code(FunctionTransformer(abs)) == users_code(FunctionTransformer(sum))
    True
    """
    finder = _Finder(io.BytesIO())
    finder.dump(thing)
    named = registered_features() if MuapFeatures in finder.found else []  # by text, in no pickle
    while True:
        loaded = len(sys.modules)
        seen: dict[int, Any] = {}
        digest = hashlib.sha256()
        for one in (*finder.found, *named):
            for part in _parts(one, seen):
                digest.update(part)
        if len(sys.modules) == loaded:  # or else packages hold more than when they were hashed
            return digest.hexdigest()


class _Finder(pickle.Pickler):
    """Collects the functions and classes that a pickle would name."""

    by_value = False  # whether functions are left out of the pickle, which may not know them

    def __init__(self, file: io.BytesIO):
        super().__init__(file)
        self.found: list[Any] = []

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, (FunctionType, type)):
            self.found.append(thing)
            if self.by_value and isinstance(thing, FunctionType):
                return str, (thing.__qualname__,)
        return NotImplemented


def _parts(thing: Any, seen: dict[int, Any]) -> Iterator[bytes]:
    """Give the bytes that tell one piece of a user's code from another."""
    if not isinstance(thing, (ModuleType, type, FunctionType)):
        yield from _parts_of_value(thing, seen)
        return
    if id(thing) in seen:  # which of them it is tells, too
        yield str(list(seen).index(id(thing))).encode()
        return
    seen[id(thing)] = thing
    if isinstance(thing, ModuleType):
        file = getattr(thing, "__file__", None)
        if _is_users(thing.__name__) and (file or _folders(thing)):
            if file:
                yield Path(file).read_bytes()
            for _, value in sorted(vars(thing).items()):
                if isinstance(value, (ModuleType, type, FunctionType)):
                    yield from _parts(value, seen)
    elif not _is_users(thing.__module__):
        top = str(thing.__module__).partition(".")[0]
        yield f"{top} {getattr(sys.modules.get(top), '__version__', '')}".encode()
    elif isinstance(thing, type):
        for own in thing.__mro__:
            for name, value in vars(own).items() if _is_users(own.__module__) else ():
                if not name.startswith("__") or callable(value):
                    yield name.encode()
                    yield from _parts(value, seen)
    else:
        yield from _parts_of_function(thing, seen)


def _parts_of_value(thing: Any, seen: dict[int, Any]) -> Iterator[bytes]:
    """Give what tells a value from another, and the code of what it holds."""
    inner = [getattr(thing, name, None) for name in _WRAPPED]
    for function in (one for one in inner if isinstance(one, FunctionType)):
        yield from _parts(function, seen)
    finder = _Finder(content := io.BytesIO())
    finder.by_value = True
    try:
        finder.dump(thing)
    except Exception:  # what cannot be pickled is told by its kind alone
        yield type(thing).__name__.encode()
    try:
        yield joblib.hash(thing).encode()
    except Exception:  # it holds functions that have no name
        yield content.getvalue()
    for one in finder.found:
        yield from _parts(one, seen)


def _parts_of_function(function: FunctionType, seen: dict[int, Any]) -> Iterator[bytes]:
    names: set[str] = set()
    yield from _instructions(function.__code__, names)
    given = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    for cell in function.__closure__ or ():
        given += [cell.cell_contents] if _is_filled(cell) else []
    given += [function.__globals__[n] for n in sorted(names) if n in function.__globals__]
    given += _imported(function)
    for value in given:
        yield from _parts(value, seen)


def _instructions(code: CodeType, names: set[str]) -> Iterator[bytes]:
    """Give what code does, without the lines on which it stands; note the names that it uses."""
    names.update(code.co_names)
    yield code.co_code
    yield code.co_exceptiontable
    yield repr((code.co_argcount, code.co_kwonlyargcount, code.co_flags)).encode()
    yield repr((code.co_names, code.co_varnames, code.co_freevars)).encode()
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _instructions(constant, names)
        elif isinstance(constant, frozenset):  # whose order differs from process to process
            yield repr(sorted(map(repr, constant))).encode()
        else:
            yield repr(constant).encode()


def _imported(function: FunctionType) -> list[ModuleType]:
    """Give the user's modules that a function imports when it runs."""
    scope = function.__globals__
    package = scope.get("__package__") or getattr(scope.get("__spec__"), "parent", None) or ""
    found = []
    for name, members in dict.fromkeys(_imports(function.__code__, package)):
        module = _users_module(name)
        if module is None:
            continue
        found.append(module)
        for member in members:  # which may be modules: imported as the statement does it
            if not hasattr(module, member):
                _users_module(f"{name}.{member}")
            inner = getattr(module, member, None)
            if isinstance(inner, ModuleType):
                found.append(inner)
    return found


def _imports(code: CodeType, package: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Give the names of modules that code imports, and those of what it imports from them.

    They are read from the instructions, which are what runs: a lambda or a function of a session
    has no source of its own, and the source of another may have changed since it was loaded.
    """
    steps = [step for step in dis.get_instructions(code) if step.opname != "EXTENDED_ARG"]
    for at, step in enumerate(steps):
        if step.opname == "IMPORT_NAME":  # after 0 or the dots, and after the names or None
            level, members = steps[at - 2].argval, steps[at - 1].argval
            with suppress(ImportError):  # beyond the top package: nothing that could be imported
                name = importlib.util.resolve_name("." * level + str(step.argval), package)
                yield name, tuple(members or ())
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _imports(constant, package)


def _users_module(name: str) -> ModuleType | None:
    """Import a module if it is a user's; None if it is not, or cannot be imported."""
    with suppress(Exception):  # what cannot be imported does nothing in the function either
        spec = importlib.util.find_spec(name.partition(".")[0])
        if spec is None:
            return None
        # A namespace package has folders, but no file of its own.
        places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())
        if any(map(_is_users_file, places)):
            return importlib.import_module(name)
    return None


def _folders(module: ModuleType | None) -> list[str]:
    """List the folders of a package, which may be a namespace without a file of its own."""
    return list(getattr(module, "__path__", ()))


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


@cache
def _is_users(module: str | None) -> bool:
    """Whether a module is neither of Python, nor of an installed package, nor of sknemg."""
    top = str(module).partition(".")[0]
    if top == "sknemg" or top in sys.stdlib_module_names - {"__main__"}:
        return False
    loaded = sys.modules.get(str(module))
    file = getattr(loaded, "__file__", None)
    if file is None and (folders := _folders(loaded)):
        return any(map(_is_users_file, folders))
    if file is None:  # a session, or a module that is compiled in
        return top == "__main__" or top not in sys.modules
    return _is_users_file(file)


def _is_users_file(file: str) -> bool:
    if file in ("built-in", "frozen") or {"site-packages", "dist-packages"} & set(Path(file).parts):
        return False
    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return not any(Path(file).is_relative_to(path) for path in paths)
