# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Types of the compiled engine.
from collections.abc import Sequence
from typing import Any, Protocol

from typing_extensions import Buffer

class SupportsDLPack(Protocol):
    def __dlpack__(self, *, max_version: tuple[int, int] | None = ...) -> Any: ...

class Array(Buffer, Protocol):
    """One that owns its memory."""

    def __dlpack__(
        self,
        *,
        stream: Any = ...,
        max_version: tuple[int, int] | None = ...,
        dl_device: tuple[int, int] | None = ...,
        copy: bool | None = ...,
    ) -> Any: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...

class Engine:
    def __init__(self, text: str, flags: Sequence[tuple[str, str]], name: str, threads: int, cache: bool) -> None: ...
    @property
    def arguments(self) -> list[tuple[str, tuple[int, ...]]]: ...
    @property
    def results(self) -> list[tuple[str, tuple[int, ...]]]: ...
    # A DLPack capsule, of which no type speaks, is an argument too.
    def call(self, arguments: Sequence[SupportsDLPack | Buffer | Any], step: int = 0) -> list[Array]: ...
