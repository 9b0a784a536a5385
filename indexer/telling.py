"""What an indexer lets servers know: its status, and the replies to their requests."""

from docindex.indexer.letterbox import Letterbox, Reply, Request
from docindex.indexer.standing import Standing
from docindex.indexer.works import Works


class Teller:
    def __init__(self, standing: Standing, letterbox: Letterbox, works: Works) -> None:
        self._standing = standing
        self._letterbox = letterbox
        self._works = works

    def tell(self) -> None:
        """Writes the status."""
        self._standing.tell(self._works.store, self._works.run)

    def keep_up(self) -> None:
        """Writes it when it tells of an older generation."""
        if not self._standing.told(self._works.store.generation):
            self.tell()

    def answer(
        self,
        request_id: str,
        *,
        ok: bool = True,
        error: str = "",
        indexed: int = 0,
        removed: int = 0,
    ) -> None:
        """Replies to a request, if there is one: "" is none."""
        if request_id:
            self.keep_up()
            reply = Reply(self._works.store.generation, ok, error, indexed, removed)
            self._letterbox.answer(Request("index", id=request_id), reply)
