"""`python -m docindex` is the `docindex` command."""

from docindex.server.cli import main

if __name__ == "__main__":
    main()
