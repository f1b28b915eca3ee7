"""What a connection of `type: http` says: a description, inline or in a file of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, cast

from pydantic import ConfigDict, Field, ValidationError, create_model, model_validator

from connectors.contract import Settings
from connectors.declared.description import Description
from connectors.declared.files import description_in
from connectors.declared.preset import faults_of
from nps.faults import Faults
from nps.values import Json


class Described(Settings):
    """An API that you describe: here, or in a file of its own."""

    model_config = ConfigDict(populate_by_name=True)

    description: str | None = Field(
        None,
        description="A file with the description, relative to this one; then the keys below stand there.",
    )
    with_: Mapping[str, str | int | float | bool | list[str] | Mapping[str, str]] = Field(
        default={}, alias="with", description="The parameters of that file: name → value."
    )

    @model_validator(mode="after")
    def _one_description(self) -> Self:
        own = self._own()
        if self.description is not None:
            if own:
                raise ValueError(f"{min(own)} belongs into {self.description}: the description is there")
            return self
        if self.with_:
            raise ValueError(
                "with is for the parameters of a description in a file; name it in `description`"
            )
        missing = [
            name for name, each in Description.model_fields.items() if each.is_required() and name not in own
        ]
        if missing:
            raise ValueError(
                f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing "
                "(or `description`, a file that holds them)"
            )
        try:
            self._inline()
        except ValidationError as error:
            raise Faults(faults_of(error)) from None
        return self

    def described(self, folder: Path) -> Description:
        """`folder` is the one paths are relative to. ConfigError when the file cannot be used."""
        if self.description is None:
            return self._inline()
        return description_in(
            folder / Path(self.description).expanduser(), cast(Mapping[str, Json], self.with_)
        )

    def _inline(self) -> Description:
        return Description.model_validate(self._own())

    def _own(self) -> dict[str, Any]:
        return {
            name: getattr(self, name) for name in Description.model_fields if name in self.model_fields_set
        }


def _optional() -> dict[str, Any]:
    """The keys of a description, none of which has to be there."""
    return {
        name: (
            (each.annotation | None, Field(None, description=each.description))  # type: ignore[operator]
            if each.is_required()
            else (each.rebuild_annotation(), each)
        )
        for name, each in Description.model_fields.items()
    }


HttpSettings: type[Described] = create_model(
    "HttpSettings", __base__=Described, __doc__=Described.__doc__, **_optional()
)
