import hashlib
import hmac

import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from schemas.ids import alias, partition_of

JAVA_MURMUR2 = [
    ("21", -973932308),
    ("foobar", -790332482),
    ("a-little-bit-long-string", -985981536),
    ("a-little-bit-longer-string", -1486304829),
    ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
    ("abc", 479470107),
]
"""`UtilsTest.testMurmur2` of Apache Kafka's Java client: what every other producer computes."""


@pytest.mark.parametrize(("patient", "hashed"), JAVA_MURMUR2)
def test_a_patient_lives_where_kafkas_java_client_would_put_it(patient: str, hashed: int) -> None:
    positive = hashed & 0x7FFFFFFF
    assert partition_of(patient, 2**31) == positive
    assert partition_of(patient, 12) == positive % 12


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.integers(1, 1000))
def test_a_patient_lives_where_a_plain_aiokafka_producer_would_put_it(patient: str, partitions: int) -> None:
    everywhere = list(range(partitions))
    assert partition_of(patient, partitions) == DefaultPartitioner()(patient.encode(), everywhere, everywhere)


def test_an_alias_is_a_keyed_hash_that_says_nothing_without_the_key() -> None:
    said = alias("p-0042", b"secret")
    assert said == hmac.new(b"secret", b"p-0042", hashlib.sha256).hexdigest()[:16]
    assert said != alias("p-0042", b"another")
    assert said != alias("p-0043", b"secret")
