from __future__ import annotations

from collections.abc import Iterator

import pytest
from played_wootric import Vendor, playing_vendor


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with playing_vendor() as played:
        yield played
