"""The package spec: what a person writes in ``modelpack.yaml``, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from modelpack.errors import Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class Remote:
    """Where a file is to be downloaded from, and what it must be."""

    url: str = field(repr=False)
    sha256: str
    """Hexadecimal."""
    unpack: bool = False
    """The file is an archive, and the folder of what it holds is meant."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A file or folder of the user's that goes into the package."""

    path: Path
    """Absolute; exists; below the spec's folder or named by an absolute path on purpose. Of what has an address only
    the name, until ``store.remote`` says where it lies."""
    key: str
    """Key path in the spec (``model``, ``inputs.labels``), for messages."""
    remote: Remote | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """A PEP 508 requirement and the place it was written."""

    text: str
    """Without an address or a path; where ``source`` is given, name, extras and marker of what that holds."""
    origin: str
    """``modelpack.yaml:7`` or ``requirements.txt:3``, relative to the spec's folder."""
    hashes: tuple[str, ...] = ()
    """``sha256:HEX`` of the files that will do; empty when any will."""
    source: Source | None = None
    """Project folder, source archive or wheel that is itself required, whatever the indexes have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaRequirement:
    """A package of conda's that a ``conda.yaml`` asks for (its match specification, taken apart)."""

    name: str
    """Lower case."""
    version: str
    """In conda's words, ``=1.2``, ``==1.2.3``, ``>=1,<2|2.5.*``; empty when any will do."""
    build: str = ""
    """Pattern of the build string, such as ``*mkl*``; empty when any will do."""
    channel: str | None = None
    """Written before ``::``."""
    text: str
    """As it was written."""
    origin: str
    """``conda.yaml:5``, relative to the spec's folder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexAddress:
    """Where a file of the user's says that Python packages are."""

    written: str
    """Without credentials, and with variables such as ``${HOST}`` in it."""
    url: str = field(repr=False)
    """Address or absolute path to ask; may hold credentials, so it is shown to nobody."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Indexes:
    """What dependency files say of package indexes; it adds to what the machine is configured for."""

    default: IndexAddress | None = None
    """``--index-url``: takes the place of the machine's default index."""
    extra: tuple[IndexAddress, ...] = ()
    """``--extra-index-url``."""
    links: tuple[IndexAddress, ...] = ()
    """``--find-links``: folders, or pages with links."""
    none: bool = False
    """``--no-index``: only ``links``, and what the machine adds to them."""
    prereleases: bool = False
    """``--pre``."""
    pins: tuple[tuple[str, IndexAddress], ...] = ()
    """Distributions, by normalized name, that are taken from one index alone: ``tool.uv.sources``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """The user's own code."""

    source: Source
    scoring_script: str | None
    """Path below the code folder, of a module with ``init()`` and ``run()``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """Where a server answers one kind of request."""

    path: str
    port: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """The inference server asked for."""

    name: str
    """A folder of the server catalogue: ``azureml``, ``custom``; or the name of ``folder``."""
    folder: Path | None = None
    """A folder with ``server.yaml`` of the user's own, absolute."""
    version: str | None = None
    """PEP 440 specifier set that narrows the catalogue's requirement, such as ``==1.5.1``."""
    version_origin: str = "server.version"
    """Where that was written: ``modelpack.yaml:7: server.version``."""
    command: tuple[str, ...] | None = None
    """``custom``: the words of the command, with placeholders such as ``@python@`` (see the catalogue).

    None with a base image: what the image itself starts.
    """
    options: Mapping[str, str] = field(default_factory=dict)
    """What the spec chooses of the catalogue's options: ``{"runtime": "sklearn"}``."""
    port: int | None = None
    routes: Mapping[str, str] | None = None
    """``custom``: paths by kind: ``liveness``, ``readiness``, ``scoring``, ``openapi``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BaseImage:
    """An image to build on."""

    name: str
    """Without host: ``team/base:1``; of a file its own name."""
    path: Path | None = None
    """An OCI layout, or an archive of an image; absolute."""
    host: str | None = None
    """Of the registry, with its port, when the spec names it."""
    digest: str | None = None
    """``sha256:HEX`` of its manifest or index; of what docker saved, of its configuration."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """The base environment."""

    distribution: str
    suite: str
    packages: tuple[str, ...] = ()
    """Debian packages beside the defaults."""
    sources: tuple[str, ...] = ()
    """Names of signed archives, beside Debian's, that the machine knows and ``packages`` may be from."""
    build_packages: tuple[str, ...] = ()
    """Debian packages that building from source needs beside the compilers; they are not in the package."""
    image: BaseImage | None = None
    """What lies below the package in its image, and at the root of its server."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckRequest:
    """One sample request and what must come back."""

    name: str
    request: Source | None
    """File with the body; None sends no body, or the one in ``body``."""
    response: Source | None
    """File with the expected body; None accepts any body."""
    route: str | None = None
    """Path; None means the server's scoring route."""
    method: str = "POST"
    content_type: str = "application/json"
    status: int = 200
    tolerance: float = 1e-6
    """Numbers ``a`` (got) and ``b`` (expected) agree when ``|a - b| <= tolerance * max(1, |b|)``."""
    body: str | None = None
    """A body that lies in no file of the user's: the reader made it of other things. Not beside ``request``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """What the server must do before there is a package."""

    requests: tuple[CheckRequest, ...]
    """None: the server only has to become ready, and the package says so."""
    timeout: float = 120.0
    """Seconds until the server must be ready, and for each answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """What goes into the OCI image configuration beside the server's own settings."""

    user: str = "65532:65532"
    """Numeric ``uid:gid``."""
    labels: Mapping[str, str]
    compression: str = "zstd"
    """``zstd`` or ``gzip``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TarballInterpreter:
    """A Python of the user's: a tarball in the shape that python-build-standalone calls ``install_only``."""

    source: Source
    sha256: str | None = None
    """What the file has to have; None takes it as it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FlakeInterpreter:
    """A Python that a Nix flake has, such as nixpkgs."""

    reference: str = field(repr=False)
    """What Nix is asked for, without the attribute; a local one is absolute."""
    attribute: str
    """``python312``; empty for the flake's default."""
    folder: Path | None
    """Of a local one, absolute."""
    written: str
    """The reference as messages have it, without credentials."""
    origin: str
    """Where it is written: ``modelpack.yaml:7:3: python.flake``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """One model package, as its author describes it."""

    path: Path
    """The file that was read, absolute; relative paths in it are relative to its folder."""
    lock_path: Path
    """Where its lock lies, absolute: never inside what is packaged."""
    name: str
    version: str
    description: str | None
    models: Mapping[str, Source]
    """By name; the usual single model has the name of its file or folder."""
    python: str
    """``3.11``: major and minor."""
    interpreter: TarballInterpreter | FlakeInterpreter | None = None
    """None: of the base's suite, or of what the machine has."""
    requirements: tuple[Requirement, ...]
    constraints: tuple[Requirement, ...] = ()
    """Versions that hold for what is needed, and ask for nothing: constraint files, pins of another tool's lock."""
    conda: tuple[CondaRequirement, ...] = ()
    """Packages of conda channels, as far as they have not been replaced by ``requirements`` and Debian packages."""
    channels: tuple[str, ...] = ()
    """Names of the channels that ``conda`` comes from, the first before the others."""
    indexes: Indexes = Indexes()
    code: Code | None
    server: Server
    inputs: Mapping[str, Source]
    environment_variables: Mapping[str, str]
    base: Base
    formats: tuple[str, ...] | None = None
    """Kinds of weights that may be in the package (``modelpack.weights.kinds``); None: all but unsafe pickles."""
    file_conflicts: Mapping[str, str] = field(default_factory=dict)
    """Where wheels install different files at one path: by path, the distribution that alone is taken there."""
    check: Check | None
    """None: the spec says ``check: false``; the package is marked unchecked."""
    image: Image
    platform: str
    """``linux/amd64`` or ``linux/arm64``, in OCI's words."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Absolute path in the image -> what it leads to, such as ``@input-labels@/labels.json``, in image, check and run.

    Targets begin with ``@model@``, ``@code@`` or ``@input-NAME@``; ``places.judge`` says which paths there can be.
    """
    ignored: Mapping[str, str] = field(default_factory=dict)
    """Kinds of findings that are meant, by their code, and why."""
    notices: tuple[Problem, ...] = ()
    """Warnings and notes of the reader, which stop nothing."""
