"""Certificates that a test makes for itself with openssl(1)."""
import os
import ssl
import subprocess


def run(*arguments):
    subprocess.run(["openssl", *arguments], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


class Authority:
    """A root of its own: root.pem in the folder, and certificates below it."""

    def __init__(self, folder):
        self.folder, self.count = folder, 0
        self.key, self.root = os.path.join(folder, "root.key"), os.path.join(folder, "root.pem")
        run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
            "-subj", "/CN=Test root", "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", self.key, "-out", self.root)

    def context(self, *names, days=10):
        """What a server with a certificate for those names needs (DNS names, or addresses)."""
        self.count += 1
        stem = os.path.join(self.folder, "server%d" % self.count)
        with open(stem + ".ext", "w", encoding="ascii") as file:
            file.write("subjectAltName=" + ",".join(
                ("IP:" if name.replace(".", "").isdigit() else "DNS:") + name for name in names) + "\n")
        run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=" + names[0],
            "-keyout", stem + ".key", "-out", stem + ".csr")
        run("x509", "-req", "-in", stem + ".csr", "-CA", self.root, "-CAkey", self.key, "-CAcreateserial",
            "-days", str(days), "-extfile", stem + ".ext", "-out", stem + ".pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(stem + ".pem", stem + ".key")
        return context
