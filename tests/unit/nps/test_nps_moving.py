from __future__ import annotations

from decimal import Decimal

from nps.moving import Movement
from nps.score import Segment

PROMOTER, PASSIVE, DETRACTOR = Segment

MOVED = Movement(
    {
        (DETRACTOR, PROMOTER): 2,
        (DETRACTOR, PASSIVE): 1,
        (DETRACTOR, DETRACTOR): 5,
        (PROMOTER, PROMOTER): 10,
        (PROMOTER, DETRACTOR): 3,
        (PASSIVE, PROMOTER): 4,
    },
    came=7,
    left=9,
)


def test_everybody_who_answered_twice_moved_up_or_down_or_stayed():
    assert MOVED.people == 25
    assert (MOVED.improved, MOVED.worsened, MOVED.stayed) == (7, 3, 15)


def test_how_many_detractors_became_promoters():
    assert MOVED.count(DETRACTOR, PROMOTER) == 2
    assert MOVED.share(DETRACTOR, PROMOTER) == Decimal(25)
    assert MOVED.share(PASSIVE, DETRACTOR) == 0


def test_of_a_segment_in_which_nobody_was_there_is_no_share():
    assert Movement().share(DETRACTOR, PROMOTER) is None
    assert Movement().people == 0
