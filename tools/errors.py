"""What a tool says when it cannot do what it was asked; the sentence goes to the language model that called it.

ToolError
├── WrongArgumentsError   try again with other arguments
└── CannotBeDoneError     go on without this tool
"""

from __future__ import annotations


class ToolError(Exception):
    """The root of what a tool refuses. The chain itself never runs into one: it calls a tool only when it can answer."""


class WrongArgumentsError(ToolError):
    """The arguments were wrong; the message says which would be right."""


class CannotBeDoneError(ToolError):
    """Nothing the caller changes can make this work now."""
