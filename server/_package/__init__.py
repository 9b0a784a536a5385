"""docindex: an MCP server that knows a folder of Markdown."""

__version__ = "0.1.0"
