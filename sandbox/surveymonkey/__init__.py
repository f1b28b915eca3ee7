"""A toy SurveyMonkey, written from its vendor file: bulk pages of responses on 500 calls a day."""

from sandbox.surveymonkey.tool import SurveyMonkey
from sandbox.toy import Room


def toy(room: Room) -> SurveyMonkey:
    return SurveyMonkey(room)
