"""What a hub's headers mean."""

from __future__ import annotations

import pytest

from autoglm_lite.store.hub.answers import MOST_SECONDS, seconds_to_wait


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "999999"}, MOST_SECONDS),
        ({"Retry-After": "Thu, 01 Jan 1970 00:01:10 GMT"}, 10.0),
        ({"Retry-After": "Thu, 01 Jan 1970 00:00:10 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "²"}, None),
        ({"RateLimit": '"api";r=0;t=55'}, 55.0),
        ({"RateLimit": '"api"; r = 0; t = 55'}, 55.0),
        ({"RateLimit": '"api";r=12;t=55'}, None),
        ({"RateLimit": '"api";r=0;t=99999999999999'}, MOST_SECONDS),
        ({"Retry-After": "3", "RateLimit": '"api";r=0;t=55'}, 3.0),
    ],
)
def test_how_long_a_hub_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert seconds_to_wait(headers, 60.0) == seconds
