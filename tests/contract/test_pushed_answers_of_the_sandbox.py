"""What the toy survey tools push, signed as the real ones sign: taken, and the same answer as the list's."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from contract_place import Place
from fake_clock import FakeClock, MemoryInMemory, fake_tools
from post_box import PostBox, Received, post_box
from pushing_tools import formbricks, intercom, surveymonkey, typeform, wootric

from connectors import registry
from connectors.contract import Inbound, Posted, ReadsAgain, Refused
from nps.events import Answered
from nps.responses import SurveyResponse

TOOLS: dict[str, Callable[[], dict[str, Any]]] = {
    "wootric": wootric,
    "typeform": typeform,
    "surveymonkey": surveymonkey,
    "formbricks": formbricks,
    "intercom": intercom,
}
WITH_COMMENT = {"wootric": "text"}


@dataclass
class Tool:
    """One toy, a source of ours that reads it, and a door it knocks at."""

    name: str
    place: Place
    inbound: Inbound
    source: Any
    box: PostBox
    clock: FakeClock
    told: list[Answered] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def answer(self, received: Received) -> tuple[int, bytes]:
        if received.method == "HEAD":
            return 200, b""
        posted = Posted("POST", f"{self.box.url}{received.path}", received.headers, received.body, self.now())
        try:
            taken = self.inbound.receive(posted)
        except Refused as refused:
            self.refused.append(refused.code)
            return refused.status, b""
        self.told += [one for one in taken.arrivals if isinstance(one, Answered)]
        return taken.reply.status, taken.reply.body

    def now(self) -> datetime:
        return datetime.fromisoformat(self.place.sandbox.control("GET", "/")["now"])

    def do(self, knob: str, **given: Any) -> Any:
        return self.place.sandbox.control("POST", f"/{self.name}/do/{knob}", given)

    def pushes(self, **how: Any) -> None:
        self.do("webhook", url=f"{self.box.url}/hooks/{self.name}", **how)
        self.delivered()

    def answered(self, **given: Any) -> str:
        words = WITH_COMMENT.get(self.name, "comment")
        row = self.do("answer", email="pushed@acme.example", score=4, **{words: "Œuf"}, **given)
        self.delivered()
        return str(row["id"])

    def delivered(self) -> None:
        self.place.sandbox.control("POST", "/deliveries/settle", {"early": True})

    def listed(self, id: str) -> SurveyResponse | None:
        """As a poll from the beginning shows it."""
        self.place.sandbox.control("POST", "/clock", {"advance": 61})
        found = [one for page in self.source.read(None, since=None) for one in page.responses if one.id == id]
        return found[-1] if found else None

    def again(self, told: Answered) -> SurveyResponse | None:
        assert isinstance(self.source, ReadsAgain)
        [found] = self.source.again([told])
        return found


@pytest.fixture
def tool(name: str, place: Place) -> Iterator[Tool]:
    if name == "typeform":
        place.sandbox.control("POST", "/typeform/do/set", {"per_second": 1_000})
    if name == "surveymonkey":
        place.sandbox.control("POST", "/surveymonkey/do/set", {"per_day": 0})
    env = place.sandbox.env
    given = json.loads(re.sub(r"\$\{(\w+)\}", lambda found: env[found[1]], json.dumps(TOOLS[name]())))
    connector = registry.load(given.pop("type"))
    settings = connector.settings.model_validate(given)
    assert connector.inbound is not None
    inbound = connector.inbound(settings, Path())
    assert inbound is not None
    assert connector.source is not None
    clock = FakeClock(datetime.fromisoformat(place.sandbox.control("GET", "/")["now"]))
    with post_box() as box:
        source = connector.source(settings, fake_tools("tool", clock=clock, memory=MemoryInMemory()))
        made = Tool(name, place, inbound, source, box, clock)
        box.usual = made.answer
        yield made
        source.close()
        place.sandbox.control("DELETE", "/deliveries")
        made.do("webhook", url=None)


def as_ours(response: SurveyResponse | None) -> SurveyResponse | None:
    from msgspec.structs import replace

    return None if response is None else replace(response, source="tool")


@pytest.mark.parametrize("name", ["typeform", "formbricks"])
def test_a_signed_whole_answer_is_exactly_the_lists(tool: Tool) -> None:
    tool.pushes()
    id = tool.answered()
    assert tool.refused == []
    [*_, told] = tool.told
    assert (told.id, told.response is not None) == (id, True)
    assert as_ours(told.response) == tool.listed(id)


@pytest.mark.parametrize("name", ["wootric"])
@pytest.mark.parametrize("format", ["json", "form"])
def test_an_answer_wootric_names_reads_again_as_the_list_tells_it(tool: Tool, format: str) -> None:
    tool.pushes(format=format)
    id = tool.answered()
    assert tool.refused == []
    [told] = tool.told
    assert (told.id, told.response) == (id, None)
    assert tool.again(told) == tool.listed(id)


@pytest.mark.parametrize("name", ["wootric"])
def test_an_answer_of_wootric_that_is_gone_is_left_to_the_list(tool: Tool) -> None:
    tool.pushes()
    id = tool.answered()
    tool.place.sandbox.control("DELETE", f"/wootric/responses/{id}")
    assert tool.again(tool.told[0]) is None


@pytest.mark.parametrize("name", ["surveymonkey"])
def test_ids_alone_are_left_to_the_list_which_has_the_answer(tool: Tool) -> None:
    tool.pushes()
    id = tool.answered()
    assert tool.refused == []
    [told] = tool.told
    assert (told.id, told.response) == (id, None)
    assert tool.again(told) is None
    listed = tool.listed(id)
    assert listed is not None
    assert listed.score == 4


@pytest.mark.parametrize("name", ["surveymonkey"])
def test_a_signed_deletion_is_told_as_one(tool: Tool) -> None:
    tool.pushes(events=["response_deleted"])
    id = tool.answered()
    tool.place.sandbox.control("DELETE", f"/surveymonkey/responses/{id}")
    tool.delivered()
    [told] = tool.told
    assert (told.id, told.deleted) == (id, True)
    assert tool.listed(id) is None


@pytest.mark.parametrize("name", ["formbricks"])
def test_of_an_answer_that_goes_on_the_pushes_tell_every_version_with_its_time(tool: Tool) -> None:
    tool.pushes()
    id = tool.answered()
    tool.place.sandbox.control("POST", "/clock", {"advance": 5})
    tool.clock.advance(5)
    tool.do("edit", id=id, score=8)
    tool.delivered()
    versions = [one.response for one in tool.told if one.id == id and one.response is not None]
    assert {one.score for one in versions} == {4, 8}
    latest = max(versions, key=lambda one: one.updated_at or one.answered_at)
    assert as_ours(latest) == tool.listed(id)


@pytest.mark.parametrize("name", ["intercom"])
@pytest.mark.parametrize("keys", ["inside", "beside"])
@pytest.mark.parametrize("contact", ["whole", "id"])
def test_an_answer_to_intercoms_own_survey_is_completed_with_who_gave_it(
    tool: Tool, keys: str, contact: str
) -> None:
    tool.do("set", survey_keys=keys, survey_contact=contact)
    tool.pushes()
    [person, *_] = [one for one in tool.place.sandbox.rows("intercom", "contacts") if one["email"]]
    tool.do("touch_survey", id=person["id"], stat="dismissal")
    tool.do("answer_survey", id=person["id"], score=8, comment="Œuf")
    tool.delivered()
    assert tool.refused == []
    answers = [answer for one in tool.told if (answer := tool.again(one)) is not None]
    first, whole = sorted(answers, key=lambda one: one.updated_at or one.answered_at)
    assert (first.id, first.score, first.comment) == (whole.id, 8, None)
    assert (whole.comment, whole.email, whole.survey) == ("Œuf", person["email"], "29001")


@pytest.mark.parametrize("name", ["intercom"])
def test_the_rating_of_a_conversation_is_no_answer(tool: Tool) -> None:
    tool.pushes(topics=["conversation.rating.added"])
    [conversation, *_] = tool.place.sandbox.rows("intercom", "conversations")
    tool.do("rate_conversation", id=conversation["id"], rating=5)
    tool.delivered()
    assert (tool.refused, tool.told) == ([], [])


@pytest.mark.parametrize("name", ["wootric", "typeform", "surveymonkey", "formbricks"])
def test_another_secret_is_refused(tool: Tool) -> None:
    wrong = "whsec_d3JvbmctMDEyMzQ1Njc4OQ==" if tool.name == "formbricks" else "wrong-0123456789"
    tool.pushes(secret=wrong)
    tool.answered()
    assert set(tool.refused) <= {"unsigned", "bad_signature"}
    assert tool.refused
    assert tool.told == []


@pytest.mark.parametrize("name", ["formbricks"])
def test_while_a_secret_is_being_changed_either_signature_counts(tool: Tool) -> None:
    now = tool.place.sandbox.env["FORMBRICKS_WEBHOOK_SECRET"]
    tool.pushes(secret="whsec_bmV3LXNlY3JldC0wMTIzNDU2Nzg5", old_secrets=[now])
    tool.answered()
    assert tool.refused == []
    assert tool.told
