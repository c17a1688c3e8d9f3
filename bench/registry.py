"""The names that methods, problems, layers, networks, image sources and callbacks are known by.

A name is given to a dataclass with `@register_method("name")` (above `@dataclass`); its fields are
the parameters, and it is its own configuration schema. `bench.plugins` loads what registers them.
"""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from bench.errors import RegistrationError, UserError, first_line, unknown_name

T = TypeVar("T")

BUILTIN_ROOTS = ("methods", "problems", "bench")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED = ("all", "libraries")  # they stand for several names on the command line
_loading_from: list[str] = []  # innermost last: the distribution or plug-in being loaded


@dataclasses.dataclass(frozen=True)
class Entry:
    """One registered class: its name, where it came from and the first line of its docstring."""

    name: str
    cls: type[Any]
    source: str
    summary: str


class Registry:
    """The registered classes of one kind, such as "method" or "problem"."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Entry] = {}

    def register(self, name: str) -> Callable[[type[T]], type[T]]:
        """Register the dataclass below as `name`; its fields are the parameters."""
        if not isinstance(name, str):
            raise RegistrationError(f'write @register_{self.kind}("NAME"), with a name')

        def decorate(cls: type[T]) -> type[T]:
            self.add(name, cls)
            return cls

        return decorate

    def add(self, name: str, cls: type[Any]) -> None:
        """Register `cls` as `name`; raises RegistrationError that says what to mend."""
        self.require_free(name)
        try:
            _check_class(cls, self.kind)
        except RegistrationError as error:
            raise RegistrationError(f"{self.kind} {name!r}: {error}") from error
        self._entries[name] = Entry(name, cls, _source_of(cls), _summary(cls))

    def require_free(self, name: str) -> None:
        """Raise RegistrationError for a name that is badly formed, reserved or taken."""
        subject = f"{self.kind} {name!r}:"
        if not _NAME.fullmatch(name):
            raise RegistrationError(
                f"{subject} a name starts with a lower-case letter and contains only lower-case "
                "letters, digits and underscores"
            )
        if name in _RESERVED:
            raise RegistrationError(
                f"{subject} the name is reserved: on the command line it means several names"
            )
        if name in self._entries:
            raise RegistrationError(f"{subject} already registered by {self._entries[name].source}")

    def entry(self, name: str) -> Entry:
        """The entry called `name`; raises UserError with the nearest name."""
        if name not in self._entries:
            raise unknown_name(self.kind, name, self._entries)
        return self._entries[name]

    def get(self, name: str) -> type[Any]:
        """The class called `name`; raises UserError with the nearest name."""
        return self.entry(name).cls

    def name_of(self, instance: object) -> str:
        """The name under which the class of `instance` is registered."""
        for name, cls in self.items():
            if cls is type(instance):
                return name
        raise UserError(f"{type(instance).__name__} is not a registered {self.kind}")

    def names(self) -> tuple[str, ...]:
        """All names, in the order of registration."""
        return tuple(self._entries)

    def items(self) -> Iterator[tuple[str, type[Any]]]:
        """Pairs of name and class, in the order of registration."""
        return ((name, entry.cls) for name, entry in self._entries.items())

    def entries(self) -> tuple[Entry, ...]:
        """All entries, in the order of registration."""
        return tuple(self._entries.values())


METHODS = Registry("method")
PROBLEMS = Registry("problem")
LAYERS = Registry("layer")
NETWORKS = Registry("network")
IMAGES = Registry("images")
CALLBACKS = Registry("callback")
REGISTRIES = (METHODS, PROBLEMS, LAYERS, NETWORKS, IMAGES, CALLBACKS)


register_method, register_problem = METHODS.register, PROBLEMS.register
register_layer, register_network = LAYERS.register, NETWORKS.register
register_images, register_callback = IMAGES.register, CALLBACKS.register


def _check_class(cls: type[Any], kind: str) -> None:
    # A subclass of a dataclass passes `is_dataclass` although its own annotations are no fields.
    if not isinstance(cls, type) or "__dataclass_params__" not in vars(cls):
        raise RegistrationError(f"put @register_{kind} above @dataclass, on the class")
    if not _summary(cls) and sys.flags.optimize < 2:  # python -OO leaves out every docstring
        raise RegistrationError("a docstring is required (`bench list` shows its first line)")
    for name in ("family", "library"):
        if not isinstance(getattr(cls, name, ""), str):
            raise RegistrationError(f"{name!r} must be a text")
    if missing := sorted(getattr(cls, "__abstractmethods__", ())):
        raise RegistrationError(f"{', '.join(missing)} must be defined")
    for field in dataclasses.fields(cls):
        if field.default is field.default_factory is dataclasses.MISSING:
            raise RegistrationError(f"parameter {field.name!r} needs a default")
        if not field.init:
            raise RegistrationError(f"parameter {field.name!r} cannot be set: it has init=False")
    for name, value in _without_type(cls):
        written = f"{name}: {type(value).__name__} = {value!r}"
        raise RegistrationError(f"parameter {name!r} needs a type, such as {written}")
    _check_schema(cls)


def _summary(cls: type[Any]) -> str:
    """The first line of a class's own docstring; a dataclass without one makes its signature it."""
    written = vars(cls).get("__doc__")
    if not isinstance(written, str) or written.startswith(f"{cls.__name__}("):
        return ""
    return written.strip().partition("\n")[0]


def _without_type(cls: type[Any]) -> Iterator[tuple[str, Any]]:
    """What looks like a parameter, but without a type is none, or keeps the base's default."""
    fields = {field.name for field in dataclasses.fields(cls)}
    inherited = {name for base in cls.__mro__[1:] for name in vars(base)} - fields
    typed = vars(cls).get("__annotations__", {})
    for name, value in vars(cls).items():
        constant = name.startswith("_") or name.isupper()
        method = callable(value) or hasattr(value, "__get__")
        if not (constant or method or name in inherited or name in typed):
            yield name, value


def _check_schema(cls: type[Any]) -> None:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        OmegaConf.structured(cls)
    except OmegaConfBaseException as error:
        parameter = f"parameter {error.full_key!r}: " if error.full_key else ""
        raise RegistrationError(parameter + first_line(error)) from error
    except (NameError, TypeError, SyntaxError) as error:
        raise RegistrationError(f"unsupported type of a parameter: {first_line(error)}") from error


def _source_of(cls: type[Any]) -> str:
    if cls.__module__.split(".")[0] in BUILTIN_ROOTS:
        return "built-in"
    return _loading_from[-1] if _loading_from else cls.__module__


@contextmanager
def registering(source: str) -> Iterator[None]:
    """Name the source of what is registered inside, and take it all back if that raises."""
    before = [dict(registry._entries) for registry in REGISTRIES]
    _loading_from.append(source)
    try:
        yield
    except BaseException:
        for registry, entries in zip(REGISTRIES, before, strict=True):
            registry._entries = entries
        raise
    finally:
        _loading_from.pop()
