"""The JSON Schema of a model whose defaults are no JSON: durations, shares, multiples."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from nps.durations import Multiple, in_percent, in_times, in_words


class AsWritten(GenerateJsonSchema):
    """Defaults as a person would write them: editors put them into the file."""

    def encode_default(self, dft: Any) -> Any:
        match dft:
            case timedelta():
                return in_words(dft)
            case Decimal():
                return in_percent(dft)
            case Multiple():
                return in_times(dft)
            case _:
                return super().encode_default(dft)
