"""Who stands before a page, and the form they sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qs

from fastapi import HTTPException, Request

from npsync.sign_in.roles import May
from npsync.web.problems import Problem

MOST_FIELDS = 500  # of one form: a page of ticked boxes
_UNKEPT = "\0"  # PostgreSQL takes it in no text
_FORM = "application/x-www-form-urlencoded"


class Kind(StrEnum):
    TOKEN = "token"
    USER = "user"


@dataclass(frozen=True)
class Told:
    """What became of what somebody did: shown once, on the next page they see."""

    text: str
    failed: bool = False


@dataclass(frozen=True)
class Visitor:
    """Who is signed in."""

    name: str
    kind: Kind
    may: frozenset[May]
    csrf: str = field(repr=False)  # proves that a form is from a page of this session
    session: str = field(repr=False)  # the name the store keeps it under
    told: Told | None = None

    @property
    def who(self) -> str:
        """As the audit names them: token:ann."""
        return f"{self.kind}:{self.name}"

    def can(self, right: str) -> bool:
        return right in self.may


class Form(Mapping[str, str]):
    """The fields of a form; of several of one name the first. `form.all(name)` has them all."""

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        self._fields = fields

    def __getitem__(self, name: str) -> str:
        return self._fields[name][0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def all(self, name: str) -> Sequence[str]:
        return self._fields.get(name, ())


async def reading(request: Request) -> None:
    """A dependency of every page: a POST's form is there before its handler, which may then be a plain function. What
    no database keeps stands nowhere in a request. Raises Problem."""
    if _UNKEPT in request.scope["path"]:
        raise HTTPException(404)
    if any(_UNKEPT in text for text in request.query_params.values()):
        raise _unkept()
    if request.method != "POST":
        return
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = (await request.body()).decode("utf-8", "replace") if kind == _FORM else ""
    try:
        request.state.form = Form(parse_qs(body, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        raise Problem(400, f"a form has at most {MOST_FIELDS} fields", code="bad_form") from None
    form: Form = request.state.form
    if any(_UNKEPT in text for name in form for text in (name, *form.all(name))):
        raise _unkept()


def _unkept() -> Problem:
    return Problem(400, "there is a NUL in it, which is no letter", code="bad_text")


def form_of(request: Request) -> Form:
    """What a POST brought; a form without fields where it brought none."""
    found = getattr(request.state, "form", None)
    return found if isinstance(found, Form) else Form({})
