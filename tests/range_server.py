"""A local HTTP server that answers range requests, as object stores do; a process of its own, as a real one is."""

import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@contextmanager
def serve(folder: Path, with_tags: bool = True) -> Iterator[str]:
    """Serve a folder; yield its address. The names of the files that were sent are in `.sent` in the folder.

    Args:
        folder: folder of the files; they are found whatever folder is asked for, such as the bucket of an object store.
        with_tags: whether answers have an ETag.
    """
    command = [sys.executable, __file__, str(folder), *(["tags"] if with_tags else [])]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        server.kill()
        server.communicate()


class Handler(BaseHTTPRequestHandler):
    folder = Path()
    with_tags = True

    def do_GET(self) -> None:  # the name that the base class calls
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, with_body: bool) -> None:
        file = self.folder / Path(self.path.partition("?")[0]).name
        if not file.is_file():
            self.send_error(404)
            return
        content = file.read_bytes()
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first, last = (int(asked[1]), int(asked[2] or len(content))) if asked else (0, len(content))
        last = min(last, len(content) - 1)
        self.send_response(206 if asked else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(last + 1 - first))
        if self.with_tags:
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.end_headers()
        if with_body:
            self.wfile.write(content[first : last + 1])
            with (self.folder / ".sent").open("a") as sent:
                sent.write(f"{file.name}\n")

    def log_message(self, *arguments: object) -> None:
        pass


if __name__ == "__main__":
    Handler.folder, Handler.with_tags = Path(sys.argv[1]), "tags" in sys.argv[2:]
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()
