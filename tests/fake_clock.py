"""A clock that only moves when somebody sleeps, and the tools a connector is given, for tests without
waiting: those that connectors of others are tested with."""

from npsync.connect.testing import NOON as NOON
from npsync.connect.testing import Calls as Calls
from npsync.connect.testing import FakeClock as FakeClock
from npsync.connect.testing import MemoryInMemory as MemoryInMemory
from npsync.connect.testing import Notices as Notices
from npsync.connect.testing import fake_tools as fake_tools
