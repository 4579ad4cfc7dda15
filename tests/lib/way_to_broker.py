"""A way to the broker on which the frames are counted, and confirms may be lost: what RabbitMQ 3.10 does to a publisher whose queue
lost the majority of its nodes."""
import io
import socket
import struct
import threading

METHOD, BASIC, ACK = 1, 60, 80


class Pieces(io.RawIOBase):
    """A socket to read from, which tells of each read that has brought something."""

    def __init__(self, source, on_read):
        super().__init__()
        self._source, self._on_read = source, on_read

    def readable(self):
        return True

    def readinto(self, buffer):
        size = self._source.recv_into(buffer)
        if size > 0:
            self._on_read()
        return size


class WayToBroker:
    """A proxy before the broker. Counts `connections`, the client's `acknowledgements` (frames), and the `bursts` in which it sends. While `forgets` is true, the basic.ack frames
    that the broker sends do not arrive (`forgotten`); all else does."""

    def __init__(self, port):
        self._broker = port
        self._sockets = []
        self.forgets = False
        self.forgotten = self.connections = self.acknowledgements = self.bursts = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        for one in [self._server, *self._sockets]:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()

    def _serve(self):
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            broker = socket.create_connection(("127.0.0.1", self._broker))
            self._sockets += [client, broker]
            self.connections += 1
            threading.Thread(target=self._copy, args=(client, broker, self._acknowledged, self._sent), daemon=True).start()
            threading.Thread(target=self._copy, args=(broker, client, self._confirmed, lambda: None), daemon=True).start()

    def _acknowledged(self):
        self.acknowledgements += 1
        return True

    def _sent(self):
        self.bursts += 1

    def _confirmed(self):
        self.forgotten += self.forgets
        return not self.forgets

    @staticmethod
    def _copy(source, target, on_ack, on_read):
        """Frames of AMQP 0-9-1, 2.3.5: type, channel, size, payload, end; a client begins with its version. `on_ack`: whether it goes on;
        `on_read`: at each piece that comes."""
        reader = io.BufferedReader(Pieces(source, on_read), 1 << 20)
        try:
            while head := reader.read(1):
                head += reader.read(7 if head == b"A" else 6)
                rest = b""
                if head[:4] != b"AMQP":
                    kind, _, size = struct.unpack(">BHI", head)
                    rest = reader.read(size + 1)
                    if kind == METHOD and struct.unpack(">HH", rest[:4]) == (BASIC, ACK) and not on_ack():
                        continue
                target.sendall(head + rest)
            target.shutdown(socket.SHUT_WR)
        except (OSError, struct.error, ValueError):
            pass
