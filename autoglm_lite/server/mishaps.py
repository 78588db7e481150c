"""What goes wrong once an answer has begun, in the words of its protocol."""

from __future__ import annotations

import sys
import traceback
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TypeVar

from autoglm_lite.errors import AutoglmError
from autoglm_lite.server.endpoint import INTERNAL
from autoglm_lite.server.failures import Failure, failure_of

T = TypeVar("T")


async def with_mishaps(pieces: AsyncGenerator[T, None], tell: Callable[[Failure], T]) -> AsyncGenerator[T, None]:
    """The same pieces, and where they break off what `tell` makes of the failure: the status was sent long before."""
    async with aclosing(pieces):
        try:
            async for piece in pieces:
                yield piece
        except AutoglmError as error:
            yield tell(failure_of(error))
        except Exception:
            traceback.print_exc(file=sys.stderr)
            yield tell(INTERNAL)
