"""The `docindex` command, which is `python -m docindex` too."""

from docindex.server import collector


def main() -> None:
    collector.pause()  # before anything large is imported
    from docindex.server.cli import main

    main()


if __name__ == "__main__":
    main()
