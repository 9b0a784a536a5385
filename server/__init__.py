"""Offers a library of documents over MCP and on the command line. Knows nothing of Whoosh."""
