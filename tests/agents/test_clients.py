"""Addresses as commands show them."""

import pytest

from agents.clients import shown


@pytest.mark.parametrize(
    ("url", "told"),
    [
        pytest.param("redis://cache:6379/0", "redis://cache:6379/0", id="plain"),
        pytest.param("rediss://us:s%40cret@cache/1", "rediss://cache/1", id="behind-a-user"),
        pytest.param("unix:///run/s.sock?db=0&password=secret", "unix:///run/s.sock", id="among-the-options"),
        pytest.param("redis://cache/0?username=us&password=se://cr@t", "redis://cache/0", id="odd-among-the-options"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, told: str) -> None:
    assert shown(url) == told
