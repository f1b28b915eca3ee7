"""What a Pretectum administrator grants the application client."""

from __future__ import annotations

from connectors.contract import Needs
from connectors.rest_master.settings import RestMasterSettings


def grants(settings: RestMasterSettings, needs: Needs) -> list[str]:
    found = [
        "an application client (client id and secret), issued by the tenant's administrator, for npsync alone"
    ]
    for object in sorted({*needs.read, *needs.write}) or sorted(settings.objects):
        own = settings.objects[object].scope if object in settings.objects else {}
        scope = {**settings.scope, **own}
        area, schema = scope.get("business_area", "?"), scope.get("schema", "?")
        found.append(
            f'business area "{area}": see the area, the schema "{schema}" and the dataset "{object}"'
        )
        found.append(f'dataset "{object}": list and search its data objects')
        if object in needs.write:
            found.append(f'dataset "{object}": update data objects; neither create nor delete')
    return found
