# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Calls a function in a child process: foreign code may crash, hang, or keep its memory."""
from __future__ import annotations

import gc
import os
import pickle
import select
import signal
import time
import warnings
from collections.abc import Callable
from typing import Any, BinaryIO, NoReturn, TypeVar

from prec.frontend import FrontendError


Result = TypeVar("Result")


class ChildFailed(FrontendError):
    """The child crashed or took too long."""


def call(function: Callable[..., Result], *arguments: Any, who: str, seconds: float | None = None) -> Result:
    """function's result, or its exception of this project's own class; `who` is for messages."""
    read, write = os.pipe()
    with warnings.catch_warnings():  # of threads, which such a child makes no use of
        warnings.simplefilter("ignore")
        child = os.fork()
    if child == 0:
        os.close(read)
        _answer(write, function, arguments)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        data = _read(pipe, seconds)
        if data is None:
            os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if data is None:
        raise ChildFailed(f"{who} took longer than {seconds} s")
    if not data:
        raise ChildFailed(f"{who} crashed (status {status})")
    good, answer = pickle.loads(data)
    if good:
        return answer
    if isinstance(answer, FrontendError):
        raise answer
    raise ChildFailed(f"{who}: {answer.splitlines()[0][:300]}")


def _answer(write: int, function: Callable[..., Any], arguments: tuple[Any, ...]) -> NoReturn:
    """Never returns: the child must not go on with what the parent was doing."""
    gc.freeze()  # a collection would write to, and so copy, all that the parent has
    try:
        try:
            answer = (True, function(*arguments))
        except FrontendError as error:
            answer = (False, error)
        except BaseException as error:  # everything goes back to the parent
            answer = (False, str(error).strip() or type(error).__name__)
        with os.fdopen(write, "wb") as pipe:
            pickle.dump(answer, pipe, protocol=pickle.HIGHEST_PROTOCOL)
    finally:
        os._exit(0)


def _read(pipe: BinaryIO, seconds: float | None) -> bytes | None:
    """All that comes, or None if it is not complete in time."""
    end, parts = None if seconds is None else time.monotonic() + seconds, []
    while True:
        left = None if end is None else end - time.monotonic()
        if left is not None and (left <= 0 or not select.select([pipe], [], [], left)[0]):
            return None
        part = os.read(pipe.fileno(), 1 << 20)
        if not part:
            return b"".join(parts)
        parts.append(part)
