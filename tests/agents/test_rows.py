import pytest

from agents.rows import set_below

COLUMNS = ("id", "reason", "detail")
ID = "sequencing.events/1/9"
DETAIL = "the file is at a path outside the allowed folders; put it in an allowed folder"


def test_an_id_stays_whole_and_a_long_last_cell_stands_below_it() -> None:
    assert set_below(COLUMNS, [(ID, "file-not-allowed", DETAIL)], 60) == [
        "id                     reason",
        "    detail",
        "sequencing.events/1/9  file-not-allowed",
        "    the file is at a path outside the allowed folders; put",
        "    it in an allowed folder",
    ]


@pytest.mark.parametrize(
    ("detail", "width"),
    [
        pytest.param(DETAIL, 200, id="there-is-room"),
        pytest.param(DETAIL, 81, id="room-enough-to-read"),
        pytest.param("short", 47, id="all-is-short"),
        pytest.param(DETAIL, 38, id="no-room-for-the-others"),
    ],
)
def test_rows_stand_in_columns_where_they_can_be_read_there(detail: str, width: int) -> None:
    assert set_below(COLUMNS, [(ID, "file-not-allowed", detail)], width) == []
