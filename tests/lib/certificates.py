"""Certificates of a test: an authority, and what it signs (openssl)."""
import pathlib
import subprocess


class Authority:
    """ca.pem in a folder of its own; issue() makes NAME.pem and NAME.key beside it."""

    def __init__(self, folder, name="Test authority"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file = self.folder / "ca.pem"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "ca.key",
                      "-out", "ca.pem", "-days", "2", "-subj", f"/CN={name}")

    def _openssl(self, *words):
        subprocess.run(["openssl", *map(str, words)], cwd=self.folder, check=True, capture_output=True, timeout=60)

    def issue(self, name, host="localhost", days=2):
        """A server's (and client's) certificate for `host`; `days` below 0: expired. Its path, the key's beside it."""
        (self.folder / f"{name}.ext").write_text(f"subjectAltName=DNS:{host}\n")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key",
                      "-out", f"{name}.csr", "-subj", f"/CN={name}")
        self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                      "-out", f"{name}.pem", "-days", days, "-extfile", f"{name}.ext")
        return self.folder / f"{name}.pem"

    def self_signed(self, name, host="localhost"):
        """One that no authority has signed."""
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key",
                      "-out", f"{name}.pem", "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{host}")
        return self.folder / f"{name}.pem"
