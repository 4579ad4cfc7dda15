"""What stands between a program and the broker's port: a network that falls silent, or cuts a connection, and TLS."""
import socket
import ssl
import threading


class Relay:
    """A TCP relay before the broker that can fall silent (no FIN, no RST), as a dead network does, or cut its first connection
    after so many bytes from the broker."""

    def __init__(self, port, cut_after=None):
        self.target = port
        self.cut_after = cut_after
        self.silent = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pairs = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            self.pairs.append((client, server))
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    def _copy(self, source, sink):
        try:
            passed = 0
            while data := source.recv(65536):
                passed += len(data)
                if not self.silent.is_set():
                    sink.sendall(data)
                if self.cut_after and passed > self.cut_after:
                    self.cut_after = None
                    source.shutdown(socket.SHUT_RDWR)
                    break
            sink.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self):
        self.listener.close()
        for pair in self.pairs:
            for end in pair:
                end.close()


class Tls(Relay):
    """TLS in front of the broker, by openssl's own server side in Python."""

    def __init__(self, port, certificate, key):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        super().__init__(port)

    def _accept(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            try:
                client = self.context.wrap_socket(plain, server_side=True)
            except OSError:
                continue
            server = socket.create_connection(("127.0.0.1", self.target))
            self.pairs.append((client, server))
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()
