"""The LangChain tools of one question, for the conversation with a chat model, or for any other LangChain agent.

Each tool is a function `use` of a module here; its docstring is what the model reads. Only this module and `conversation` import
LangChain, which takes two seconds, so that an answer without a chat model does not wait for it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel, ValidationError
from pydantic.v1 import ValidationError as ValidationErrorV1  # LangChain still declares both

from kenpin.tools import ask, classify, compare, describe, history, locate, propose, read_label, reason
from kenpin.tools.context import Context
from kenpin.tools.errors import ToolError

TOOLS = (compare, locate, classify, describe, ask, reason, read_label, history, propose)  # all that a chat model can reach


def tools_for(context: Context) -> tuple[BaseTool, ...]:
    """Every tool, bound to this question. Each returns JSON to the model and its typed result as the artifact."""
    return tuple(_tool(context, module.NAME, module.use, module.Arguments) for module in TOOLS)


def _tool(context: Context, name: str, use: Callable[..., tuple[str, Any]], arguments: type[BaseModel]) -> BaseTool:
    def call(**given: Any) -> tuple[str, Any]:
        try:
            return use(context, **given)
        except ToolError as refused:
            raise ToolException(str(refused)) from refused

    return StructuredTool(
        name=name,
        description=inspect.cleandoc(use.__doc__ or ""),
        func=call,
        args_schema=arguments,
        response_format="content_and_artifact",
        handle_tool_error=True,  # the model reads the sentence and goes on
        handle_validation_error=_wrong_arguments,
    )


def _wrong_arguments(error: ValidationError | ValidationErrorV1) -> str:
    """What the model is told, so that it can try again: which argument, and what is wrong with it."""
    wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    return f"These arguments are wrong. {wrong}."
