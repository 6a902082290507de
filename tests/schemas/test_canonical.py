import json
import uuid
from datetime import datetime
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.canonical import NAMESPACE, canonical_json, content_hash, derived_id
from schemas.evidence import Modality
from schemas.record import Instant, Record

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
FLOAT = st.floats(allow_nan=False, allow_infinity=False) | st.floats(-1e-3, 1e-3)  # where exponents differ
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | FLOAT | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)

RFC_8785 = [
    pytest.param(
        '{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],'
        ' "string": "\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/", "literals": [null, true, false]}',
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
        id="section-3.2.2",
    ),
    pytest.param(
        '{"\\u20ac": "Euro Sign", "\\r": "Carriage Return", "1": "One",'
        ' "\\u00f6": "o", "\\ud83d\\ude00": "Emoji", "\\ufb33": "Dalet"}',
        '{"\\r":"Carriage Return","1":"One","ö":"o","€":"Euro Sign","😀":"Emoji","\ufb33":"Dalet"}',
        id="section-3.2.3-order-of-utf-16",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), RFC_8785)
def test_the_examples_of_rfc_8785_come_out_as_printed_there(text: str, expected: str) -> None:
    assert canonical_json(json.loads(text)).decode() == expected


@given(JSON)
def test_canonical_json_says_the_same_and_says_it_once(value: Any) -> None:
    written = canonical_json(value)
    read = json.loads(written, parse_int=float)  # as JavaScript reads it: RFC 8785 knows one kind of number
    assert read == value
    assert canonical_json(read) == written


@given(JSON)
def test_both_encoders_write_the_same_bytes(value: Any) -> None:
    assert canonical_json(value) == rfc8785.dumps(value)


class Part(Record):
    kind: Modality
    at: Instant
    share: float


class Whole(Record):
    z: tuple[Part, ...]
    by_kind: dict[Modality, Part]
    known: bool
    none: str | None = None
    count: int = 3


TIMES = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=st.timezones())
PARTS = st.builds(Part, kind=st.sampled_from(Modality), at=TIMES, share=FLOAT)


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_that_has_no_year_in_utc_is_a_wrong_value_and_no_bug(at: str) -> None:
    with pytest.raises(ValidationError, match="of the years 1 to 9999"):
        Part.model_validate({"kind": "clinical", "at": at, "share": 0.5})


@given(st.builds(Whole, z=st.lists(PARTS, max_size=2), by_kind=st.dictionaries(st.sampled_from(Modality), PARTS),
                 known=st.booleans(), none=st.none() | TEXT))  # fmt: skip
def test_a_record_is_written_as_the_json_values_that_pydantic_makes_of_it(record: Whole) -> None:
    assert canonical_json(record) == rfc8785.dumps(record.model_dump(mode="json"))


def test_a_content_hash_does_not_see_the_order_of_keys() -> None:
    assert content_hash({"a": 1, "b": [1.0, "x"]}) == content_hash({"b": [1, "x"], "a": 1})
    assert content_hash({"a": 1}) != content_hash({"a": 2})


def test_a_derived_id_is_a_uuid_5_in_our_namespace() -> None:
    assert derived_id("p-1", "abc") == str(uuid.uuid5(NAMESPACE, '["p-1","abc"]'))


@pytest.mark.parametrize(
    ("one", "other"),
    [(("ab", "c"), ("a", "bc")), (("a", ""), ("a",)), (('a","b',), ("a", "b")), (("a", "b"), ("b", "a"))],
)
def test_no_two_lists_of_parts_share_an_id(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert derived_id(*one) != derived_id(*other)
