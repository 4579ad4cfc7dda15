"""A way to the broker on which confirms are lost: what RabbitMQ 3.10 does to a publisher whose queue lost the majority of its nodes."""
import socket
import struct
import threading

METHOD, BASIC, ACK = 1, 60, 80


class ForgetfulWay:
    """A proxy before the broker. While `forgets` is true, the basic.ack frames that the broker sends do not arrive; all else does."""

    def __init__(self, port):
        self._broker = port
        self._sockets = []
        self.forgets = False
        self.forgotten = self.connections = 0
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
            threading.Thread(target=self._copy, args=(client, broker), daemon=True).start()
            threading.Thread(target=self._copy_frames, args=(broker, client), daemon=True).start()

    @staticmethod
    def _copy(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _copy_frames(self, source, target):
        """Frames of AMQP 0-9-1, 2.3.5: type, channel, size, payload, end."""
        reader = source.makefile("rb")
        try:
            while head := reader.read(7):
                kind, _, size = struct.unpack(">BHI", head)
                rest = reader.read(size + 1)
                if self.forgets and kind == METHOD and struct.unpack(">HH", rest[:4]) == (BASIC, ACK):
                    self.forgotten += 1
                    continue
                target.sendall(head + rest)
            target.shutdown(socket.SHUT_WR)
        except (OSError, struct.error, ValueError):
            pass
