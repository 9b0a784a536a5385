"""Finds, parses, indexes, searches and writes documents. Knows nothing of MCP."""
