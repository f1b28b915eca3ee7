"""Record pages: of every system that has them, in a colour of its own, and of the right object."""

import re
from pathlib import Path

import pytest
from toy_caller import UNTIL

import sandbox
from sandbox.faces import Faced, labelled, score
from sandbox.server import Options, Sandbox

CSS = (Path(sandbox.__file__).parent / "templates" / "sandbox.css").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def faces():
    toys = Sandbox(Options(customers=30, responses=0, until=UNTIL)).toys
    return [(toy, face) for toy in toys.values() if isinstance(toy, Faced) for face in toy.faces]


def test_every_system_has_a_colour_by_day_and_by_night(faces):
    for vendor in {face.vendor for _, face in faces}:
        assert len(re.findall(rf"--{vendor}: #[0-9a-f]{{6}};", CSS)) == 2
        assert f".{vendor} {{ --mine: var(--{vendor}); }}" in CSS


def test_a_card_can_be_made_of_every_record_the_world_brings(faces):
    for toy, face in faces:
        rows = list(toy.rows(face.object))
        assert rows, face.object
        for row in rows:
            card = face.card(toy, row)
            assert card.id in (row["id"], row.get("Id"))
            assert card.name
            assert card.id.lower() in face.hay(row)
            face.related(toy, row)


@pytest.mark.parametrize(
    ("held", "band"),
    [(9, "promoter"), ("7", "passive"), ("0.0", "detractor"), ("nine", "none"), (None, "none")],
)
def test_a_score_is_read_however_the_system_keeps_it(held, band):
    names = tuple(labelled("s", "g", "l", "c", "t"))
    assert score({"s": held}, *names).band == band
