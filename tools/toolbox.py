"""The LangChain tools of one question, for the chain, or for any LangChain agent."""

from __future__ import annotations

from langchain_core.tools import BaseTool

from kenpin.tools import compare, history, locate, propose
from kenpin.tools.context import Context


def tools_for(context: Context) -> tuple[BaseTool, ...]:
    """compare, locate, history and propose, bound to this question. Each returns JSON to the model and its typed result as the artifact."""
    return tuple(module.tool(context) for module in (compare, locate, history, propose))
