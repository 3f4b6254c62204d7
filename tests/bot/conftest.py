"""How the bot's tests run."""

from __future__ import annotations

from hypothesis import settings

# A machine that is busy with other tests is slow at times; that is no fault of the example that was tried just then.
settings.register_profile("no hurry", deadline=None)
settings.load_profile("no hurry")
