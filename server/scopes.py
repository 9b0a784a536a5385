"""Which scope of a token a message needs."""

from collections.abc import Mapping
from typing import Final, cast

READ: Final = "docs:read"
WRITE: Final = "docs:write"
ADMIN: Final = "docs:admin"
SCOPES: Final = (READ, WRITE, ADMIN)

TOOLS: Final = {
    "search_documents": READ,
    "read_document": READ,
    "list_documents": READ,
    "get_user_documents": READ,
    "update_document": WRITE,
    "move_document": WRITE,
    "delete_document": WRITE,
    "restore_document": WRITE,
    "reindex": ADMIN,
}


def needed(message: Mapping[str, object]) -> str:
    """Whatever is no tool that changes something needs to read: so do the lists, which say
    what is here, and what is unknown, so that refusals do not tell one from the other."""
    params = message.get("params")
    if message.get("method") == "tools/call" and isinstance(params, dict):
        return TOOLS.get(str(cast("dict[str, object]", params).get("name")), READ)
    return READ
