"""Replies that no decent server gives: bombs, floods, drips, bad framing. Behaviours for feedserver.py."""
import ctypes
import gzip
import io
import zlib

from feedserver import document

MIB = 1 << 20


class NoBrotli(Exception):
    """This machine cannot make it; the text says why."""


def head(*fields, line="200 OK"):
    return ("HTTP/1.1 %s\r\n" % line + "".join(field + "\r\n" for field in fields) + "\r\n").encode("latin-1")


# ---- codings --------------------------------------------------------------------

def coded(body, coding, headers=()):
    """A whole reply whose body is in that Content-Encoding already."""
    return document(body, headers=[("Content-Encoding", coding), *headers])


def deflate(body, raw=False):
    """As RFC 9110 has it, in the zlib format; raw: as some servers understood it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15 if raw else 15)
    return packer.compress(body) + packer.flush()


def brotli(body):
    """By the encoder that libcurl's decoder comes with, if it is here."""
    try:
        library = ctypes.CDLL("libbrotlienc.so.1")
    except OSError as error:
        raise NoBrotli(str(error)) from error
    size = ctypes.c_size_t(len(body) + 1024)
    out = ctypes.create_string_buffer(size.value)
    if not library.BrotliEncoderCompress(5, 24, 0, ctypes.c_size_t(len(body)), body, ctypes.byref(size), out):
        raise NoBrotli("the encoder failed")
    return out.raw[:size.value]


def gzip_of(size, beginning=b""):
    """Spaces of that size, packed without ever being in memory as a whole."""
    out, chunk = io.BytesIO(), b" " * MIB
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9) as packer:
        packer.write(beginning)
        for _ in range(size // MIB):
            packer.write(chunk)
    return out.getvalue()


def nested(size, times):
    """gzip of gzip of ... spaces."""
    body = gzip_of(size)
    for _ in range(times - 1):
        body = gzip.compress(body, 9)
    return body


# ---- too much ---------------------------------------------------------------------

def endless_body(size, server, beginning=b"<rss><channel><title>", filler=b"x" * 65536):
    """A body of that size, announced; what the other side takes of it is sent."""
    def behave(connection, request):
        connection.sendall(head("Content-Type: application/xml", "Content-Length: %d" % size) + beginning)
        sent = len(beginning)
        while sent < size and not server.stopping.is_set():
            request.sent = sent
            connection.sendall(filler[:size - sent])
            sent += min(len(filler), size - sent)
        raise ConnectionAbortedError
    return behave


def endless_chunks(size, server, filler=b"y" * 65536):
    """The same in chunks, so that nothing is announced."""
    def behave(connection, request):
        connection.sendall(head("Content-Type: application/xml", "Transfer-Encoding: chunked"))
        sent = 0
        while sent < size and not server.stopping.is_set():
            request.sent = sent
            connection.sendall(b"%x\r\n%s\r\n" % (len(filler), filler))
            sent += len(filler)
        raise ConnectionAbortedError
    return behave


def many_headers(size, body=b"", width=100):
    """Header lines of that size together."""
    def behave(connection, _request):
        lines = b"".join(b"X-Line-%06d: %s\r\n" % (n, b"h" * width) for n in range(size // (width + 17) + 1))
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + lines + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    return behave


def long_header(size):
    """One header line of that size."""
    def behave(connection, _request):
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: " + b"h" * size + b"\r\nContent-Length: 0\r\n\r\n")
    return behave


def informational(server, count):
    """100 Continue again and again instead of a reply."""
    def behave(connection, _request):
        for _ in range(count):
            if server.stopping.is_set():
                break
            connection.sendall(b"HTTP/1.1 100 Continue\r\nX-Filler: %s\r\n\r\n" % (b"f" * 1000))
        raise ConnectionAbortedError
    return behave


# ---- too slow, or broken --------------------------------------------------------------

def slow(pause, reply, server):
    """That reply, after a while."""
    def behave(connection, request):
        if server.stopping.wait(pause):
            raise ConnectionAbortedError
        reply(connection, request)
    return behave


def drip_header(server, pause=0.05):
    """A header that comes byte by byte and never ends."""
    def behave(connection, _request):
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: ")
        while not server.stopping.wait(pause):
            connection.sendall(b"d")
        raise ConnectionAbortedError
    return behave


def bad_chunks(body):
    """A chunk whose length is no number."""
    def behave(connection, _request):
        connection.sendall(head("Content-Type: application/xml", "Transfer-Encoding: chunked"))
        connection.sendall(b"%x\r\n%s\r\nzz\r\n" % (len(body), body))
        raise ConnectionAbortedError
    return behave


def chunks(body, size=100):
    """A good reply in chunks."""
    def behave(connection, _request):
        pieces = [body[at:at + size] for at in range(0, len(body), size)]
        connection.sendall(head("Content-Type: application/xml", "Transfer-Encoding: chunked") +
                           b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n")
    return behave


def cut_chunks(body):
    """Chunks that end without the last one."""
    def behave(connection, _request):
        connection.sendall(head("Content-Type: application/xml", "Transfer-Encoding: chunked"))
        connection.sendall(b"%x\r\n%s\r\n" % (len(body), body))
        raise ConnectionAbortedError
    return behave


def two_lengths(body):
    """Content-Length twice, not the same."""
    def behave(connection, _request):
        connection.sendall(head("Content-Type: application/xml", "Content-Length: %d" % len(body),
                                "Content-Length: %d" % (len(body) + 5)) + body)
        raise ConnectionAbortedError
    return behave
