"""Messages of the library in the words of the command line: options instead of parameters."""

from __future__ import annotations

import ast
import errno
import re
import shlex
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

#: How a parameter is said: by the text of its value as Python writes it, or None without a value.
Words = Callable[[str | None], str]

_VALUE = (
    r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\{[^{}]*\}|\([^()]*\)|-?\w+(?:\.\w+)*(?:[+-]\d+)?"""
)
_REFERENCE = re.compile(
    rf"`(?P<name>[A-Za-z_][\w.]*)`(?:=(?P<value>{_VALUE}))?"
    rf"|(?<![\w.'\"`-])(?P<set>[A-Za-z_]\w*)=(?P<to>{_VALUE})"
)

_NO_SPACE = "free some space and rerun the same command"
_FORBIDDEN = "change its permissions, or give another folder"
_REMEDIES = {
    "ENOSPC": _NO_SPACE,
    "EDQUOT": _NO_SPACE,
    "EFBIG": _NO_SPACE,
    "EACCES": _FORBIDDEN,
    "EPERM": _FORBIDDEN,
    "EROFS": _FORBIDDEN,
    "ENAMETOOLONG": "give a shorter name",
}


class Refusal(Exception):
    """What the user gave does not do; the message says why and what to do."""


def option(flag: str) -> Words:
    """Say a parameter as an option.

    Examples
    --------
    >>> say = option("--delimiter")
    >>> say(None), say("';'"), say("True")
    ('--delimiter', "--delimiter ';'", '--delimiter')
    """

    def say(value: str | None) -> str:
        return flag if value in (None, "True") else f"{flag} {_typed(str(value))}"

    return say


def column(name: str) -> Words:
    """Say a parameter as a column of the cohort's table.

    Examples
    --------
    >>> say = column("channel")
    >>> say(None), say("'EMG 1'")
    ("the column 'channel'", "'EMG 1' in the column 'channel'")
    """
    place = f"the column {name!r}"
    return lambda value: place if value is None else f"{value} in {place}"


def text(words: str) -> Words:
    """Say the same, whatever the value."""
    return lambda value: words


def _typed(value: str) -> str:
    """Write a value as it is typed into a shell."""
    try:
        read = ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return value
    if isinstance(read, tuple):  # of an option that takes words or numbers with commas
        return shlex.quote(",".join(map(str, read)))
    if not isinstance(read, str):
        return value
    return shlex.quote(read.encode("unicode_escape").decode("ascii") if "\t" in read else read)


def in_words_of(options: Mapping[str, Words], message: str) -> str:
    """Replace the parameters in a message.

    The library writes a parameter in backticks or with its value, ``name=value``; nothing else is
    taken for one, so that the column 'sfreq' of a table stays a column. Names that are not among
    the options stay as they are.

    Parameters
    ----------
    options : mapping of parameter to `Words`
    message : str

    Returns
    -------
    str

    Examples
    --------
    >>> options = {"sfreq": option("--file-sfreq"), "short": option("--short")}
    >>> in_words_of(options, "no column 'sfreq': give `sfreq`, or set short='drop'.")
    "no column 'sfreq': give --file-sfreq, or set --short drop."
    """

    def say(match: re.Match[str]) -> str:
        name = match["name"] or match["set"]
        value = match["value"] if match["name"] else match["to"]
        return options[name](value) if name in options else match[0]

    return _REFERENCE.sub(say, message)


@contextmanager
def speaking(options: Mapping[str, Words]) -> Iterator[None]:
    """Turn the library's errors into a `Refusal`, and print its warnings, in these words.

    Parameters
    ----------
    options : mapping of parameter to `Words`
        What the functions called within have as parameters.

    Raises
    ------
    Refusal
        For what a user can mend: wrong values and files, missing packages, no memory or space. All
        other errors are faults of the program and pass, with their traceback.
    """

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        print(f"sknemg: warning: {in_words_of(options, str(message))}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show
        try:
            yield
        except BrokenPipeError:  # whoever read the output has gone
            raise
        except (ValueError, ImportError) as error:
            raise Refusal(in_words_of(options, str(error))) from error
        except OSError as error:
            raise Refusal(in_words_of(options, _reason(error))) from error
        except (MemoryError, BrokenProcessPool) as error:
            remedy = "give fewer --jobs, or fewer or shorter recordings"
            raise Refusal(f"The memory is used up: {remedy}.") from error


def _reason(error: OSError) -> str:
    """Say what the system refused, and of which file."""
    if error.errno is None:  # a message of the library
        return str(error)
    what = "A file" if error.filename is None else repr(str(error.filename))
    remedy = _REMEDIES.get(errno.errorcode.get(error.errno, ""), "correct the path")
    return f"{what} cannot be read or written ({error.strerror or error}): {remedy}."
