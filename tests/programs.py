"""Stand-ins for programs that are in no package index, and a signed archive of Debian packages to take one from.

They take the command line and the settings of the real programs, look for the models where these say, and answer over
HTTP with what they found: enough to tell that everything arrives where the real program looks for it, and no more.
"""

from __future__ import annotations

import gzip
import hashlib
import subprocess
from pathlib import Path

TFSERVING = """#!/usr/bin/python3.11
import http.server, json, re, sys
from pathlib import Path

FLAGS = {"--port", "--rest_api_port", "--model_config_file"}
flags = dict(word.split("=", 1) for word in sys.argv[1:])
assert set(flags) == FLAGS, flags
text = Path(flags["--model_config_file"]).read_text()
models = {}
model = r'config \\{\\s*name: "([^"]*)"\\s*base_path: "([^"]*)"\\s*model_platform: "tensorflow"'
for name, path in re.findall(model, text):
    versions = [item for item in Path(path).iterdir() if item.name.isdigit() and (item / "saved_model.pb").is_file()]
    if "model_version_policy { all {} }" not in text:
        versions = [max(versions, key=lambda item: int(item.name))]
    models[name] = {int(item.name): item for item in versions}
assert models, text

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        match = re.fullmatch(r"/v1/models/([^/:]+)(/metadata)?", self.path)
        self.answer(200 if match and match[1] in models else 404, {"versions": sorted(models.get(match[1], {}))})
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        match = re.fullmatch(r"/v1/models/([^/:]+)(?:/versions/([0-9]+))?:predict", self.path)
        versions = models[match[1]]
        folder = versions[int(match[2]) if match[2] else max(versions)]
        files = sorted(str(item.relative_to(folder)) for item in folder.rglob("*") if item.is_file())
        self.answer(200, {"predictions": body["instances"], "folder": str(folder), "files": files})
    def answer(self, status, value):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

http.server.ThreadingHTTPServer(("0.0.0.0", int(flags["--rest_api_port"])), Handler).serve_forever()
"""

TRITON = r"""
#include <arpa/inet.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    const char *repository = NULL;
    int port = 0, one = 1;
    for (int index = 1; index < argc; index++) {
        if (!strncmp(argv[index], "--model-repository=", 19)) repository = argv[index] + 19;
        else if (!strncmp(argv[index], "--http-port=", 12)) port = atoi(argv[index] + 12);
        else if (strncmp(argv[index], "--grpc-port=", 12) && strncmp(argv[index], "--metrics-port=", 15)) return 3;
    }
    if (!repository || !port) return 2;
    char found[4096] = "";
    struct dirent **names;
    int count = scandir(repository, &names, NULL, alphasort);
    for (int index = 0; index < count; index++) {
        char path[1024], config[512] = "";
        if (names[index]->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s/config.pbtxt", repository, names[index]->d_name);
        FILE *stream = fopen(path, "r");
        if (!stream) return 4;
        config[fread(config, 1, sizeof config - 1, stream)] = 0;
        fclose(stream);
        snprintf(path, sizeof path, "%s/%s/1/model.onnx", repository, names[index]->d_name);
        if (access(path, R_OK)) return 5;
        strcat(strcat(strcat(strcat(found, names[index]->d_name), " "), config), ";");
    }
    for (char *letter = found; *letter; letter++) if (*letter == '\n' || *letter == '"') *letter = ' ';
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons(port)};
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listening, (struct sockaddr *)&place, sizeof place) || listen(listening, 8)) return 6;
    for (;;) {
        char request[4096] = "", answer[8192];
        int client = accept(listening, NULL, NULL);
        if (read(client, request, sizeof request - 1) < 0) continue;
        if (!strncmp(request, "POST", 4) && !strstr(request, "}")) (void)!read(client, request, sizeof request - 1);
        int known = strstr(request, "/v2/models/first/") || strstr(request, "}") || strstr(request, "/v2/health/live");
        snprintf(answer, sizeof answer, "HTTP/1.0 %s\r\nContent-Length: %zu\r\n\r\n\"%s\"", known ? "200 OK" : "404 No",
                 strlen(found) + 2, found);
        (void)!write(client, answer, strlen(answer));
        close(client);
    }
}
"""


def compile_program(text: str, path: Path) -> Path:
    """Compile C into a program."""
    command = ["cc", "-x", "c", "-O1", "-w", "-o", path, "-"]
    subprocess.run(command, input=text.encode(), check=True)
    return path


def make_archive(folder: Path, packages: dict[str, dict[str, str]], *, suite: str = "stable") -> Path:
    """Make a signed archive of packages of text files by path; gives the keyring, which lies in the folder too."""
    pool = folder / "pool"
    pool.mkdir(parents=True)
    stanzas = [_package(folder, name, files) for name, files in packages.items()]
    index = gzip.compress("\n".join(stanzas).encode(), mtime=0)
    place = folder / f"dists/{suite}/main/binary-amd64/Packages.gz"
    place.parent.mkdir(parents=True)
    place.write_bytes(index)
    release = f"Origin: Vendor\nSuite: {suite}\nCodename: {suite}\nDate: Thu, 01 Jan 2026 00:00:00 UTC\n"
    release += "Architectures: amd64\nComponents: main\nSHA256:\n"
    release += f" {hashlib.sha256(index).hexdigest()} {len(index)} main/binary-amd64/Packages.gz\n"
    return _sign(folder, release, suite)


def _package(folder: Path, name: str, files: dict[str, str]) -> str:
    """Make one package; gives its paragraph of the index."""
    tree = folder / "work" / name
    control = f"Package: {name}\nVersion: 1.0\nArchitecture: amd64\nMaintainer: Nobody <nobody@example.com>\n"
    control += "Depends: python3.11\nDescription: a stand-in\n"
    for path, text in {"DEBIAN/control": control, **files}.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
        (tree / path).chmod(0o755 if "bin/" in path else 0o644)
    path = folder / f"pool/{name}_1.0_amd64.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, path], check=True, capture_output=True)
    data = path.read_bytes()
    place = f"Filename: pool/{path.name}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n"
    return control + place


def _sign(folder: Path, release: str, suite: str) -> Path:
    home = folder / "gpg"
    home.mkdir(mode=0o700)
    options = ["gpg", "--homedir", home, "--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase", ""]
    options += ["--faked-system-time", "20250201T000000"]
    make = ["--quick-generate-key", "Vendor <vendor@example.com>", "rsa2048", "sign", "never"]
    subprocess.run([*options, *make], check=True, capture_output=True)
    signed = subprocess.run([*options, "--clearsign"], input=release.encode(), check=True, capture_output=True)
    (folder / f"dists/{suite}/InRelease").write_bytes(signed.stdout)
    keyring = folder / "vendor.gpg"
    exported = subprocess.run([*options, "--export"], check=True, capture_output=True)
    keyring.write_bytes(exported.stdout)
    subprocess.run(["gpgconf", "--homedir", home, "--kill", "gpg-agent"], check=False, capture_output=True)
    return keyring
