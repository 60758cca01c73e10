"""The lock: every byte of a package by sha256, and why it is there. It names sources, never hosts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Parent:
    """A distribution that requires another, and how."""

    name: str
    specifier: str
    """PEP 440 specifier set as its metadata writes it; empty when any version will do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """How a wheel is built from source (PEP 517)."""

    requires: tuple[str, ...]
    """Requirements of the build: the project's, and those that its backend adds."""
    wheels: tuple[str, ...]
    """File names of what meets them, among ``BuildTools.wheels``."""
    compilers: bool
    """Whether the compilers are there, since the source may have parts to compile."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wheel:
    """One pinned wheel, or with ``build`` the source that one is built from."""

    name: str
    """PEP 503 normalized."""
    version: str
    filename: str
    """Of the file that is had: the wheel, or the source archive; ``NAME/`` for a folder of sources."""
    sha256: str
    """Of that file; of the user's own, of what its tree lists."""
    size: int
    """Bytes."""
    source: str
    """``pypi``: whatever Python package indexes the machine is configured for; ``local``: the user's own."""
    required_by: tuple[Parent, ...] = ()
    build: Build | None = None
    tree: str | None = None
    """The lock's tree that holds it, when it is the user's own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedRequirement:
    """A requirement of the user or of the server, and where it was written."""

    requirement: str
    origin: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FlakePin:
    """Which state of the flake that the spec names an interpreter is of; where that is, the machine knows."""

    attribute: str
    rev: str | None
    """Commit; None when the flake is of no repository."""
    nar_hash: str | None
    """``sha256-...`` of the flake's files; None when they are of a work tree with changes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InterpreterTarball:
    """The archive that an interpreter is unpacked from."""

    filename: str
    sha256: str
    size: int
    source: str
    """``interpreters``: the spec's own file, and the machine's folders of interpreters; ``flake``: the spec's flake."""
    flake: FlakePin | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaPackage:
    """One pinned package of a conda channel."""

    name: str
    version: str
    filename: str
    """``numpy-1.26.4-py312heda63a1_0.conda``: with the build."""
    channel: str
    """Name of the channel, never its address."""
    subdir: str
    """Folder of the channel: ``linux-64``, ``noarch``."""
    sha256: str
    size: int
    source: str
    """``conda``: whatever conda channels the machine is configured for."""
    distributions: Mapping[str, str] | None = None
    """Python distributions that it brings: normalized name -> version."""
    scripts: bool | None = None
    """It has scripts for its installation, which are not run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Interpreter:
    """A Python that is no package of the base's suite: out of a tarball, or in a prefix of conda's packages."""

    version: str
    """``3.12.1``."""
    tarball: InterpreterTarball | None = None
    conda: tuple[CondaPackage, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Deb:
    """One pinned Debian binary package."""

    name: str
    version: str
    architecture: str
    filename: str
    """File name alone, as in the index without its folders."""
    path: str
    """``pool/main/z/zlib/zlib1g_1_amd64.deb``: below an archive's root, on any mirror or snapshot of it."""
    sha256: str
    size: int
    source: str
    """``debian``: whatever Debian archives the machine is configured for; else the name of another signed archive."""
    depends: tuple[str, ...] = ()
    """Names of the locked packages that meet its Depends and Pre-Depends."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What was verified about a release of an archive before anything was taken from it."""

    suite: str
    """``bookworm``, ``bookworm-security``."""
    sha256: str
    """Digest of the InRelease file."""
    date: str
    """Its Date, as ISO 8601 in UTC."""
    valid_until: str | None
    fingerprint: str
    """Primary key fingerprint of the key that made the good signature."""
    source: str | None = None
    """As ``Deb.source``, of an archive that is not Debian's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DebSet:
    """A dependency closure of Debian packages of one architecture."""

    architecture: str
    """``amd64``, ``arm64``."""
    requested: tuple[str, ...]
    packages: tuple[Deb, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildTools:
    """What wheels are built with, on the machine that builds; none of it is in the package."""

    wheels: tuple[Wheel, ...]
    evidence: tuple[Evidence, ...] = ()
    """Of the compilers."""
    compilers: DebSet | None = None
    """None when no source needs any."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Python:
    """The Python environment."""

    version: str
    """``3.11``."""
    requirements: tuple[LockedRequirement, ...]
    wheels: tuple[Wheel, ...]
    build: BuildTools | None = None
    """None when nothing is built from source."""
    interpreter: Interpreter | None = None
    """None: the package pythonX.Y of the base."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DebianBase:
    """The base environment, and the tools that build the package, from one Debian suite."""

    suite: str
    glibc: str
    """``2.36``: what wheels may ask for."""
    evidence: tuple[Evidence, ...]
    target: DebSet
    tools: DebSet
    """For the machine that builds: a Python that builders run on, patchelf, the pinned codec."""
    seed: Deb
    """busybox-static of the machine that builds."""
    seed_nar_sha256: str
    """Of the folder holding only ``bin/busybox``."""
    tools_suite: str | None = None
    """Where the tools are from; None: the suite."""
    tools_python: str | None = None
    """Version of their Python; None: the package's own, whose bytecode they compile then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageBlob:
    """A blob of a base image."""

    filename: str
    """Follows from the digest."""
    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageLayer(ImageBlob):
    """A layer of a base image, which is a layer of the package's image with the same bytes."""

    media_type: str
    """In OCI's words."""
    diff_id: str
    """``sha256:HEX`` of the tar; held against it when the package is built."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageBase:
    """The image below the package, from whatever places of images the machine is configured for."""

    name: str
    """Without host."""
    digest: str
    """What the spec asks for, or what its tag was when the lock was made."""
    manifest: str
    """Digest of the manifest for the package's platform."""
    config: ImageBlob
    layers: tuple[ImageLayer, ...]
    """Lowest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileEntry:
    """A file or symlink of the user's."""

    path: str
    """Below the tree's root, with ``/``."""
    size: int = 0
    sha256: str | None = None
    executable: bool = False
    link: str | None = None
    """Target of a symlink, which stays inside the tree."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tree:
    """Files that arrive together: a model, the code, an input, the samples of the check.

    Files of at least ``LARGE`` bytes are fixed-output paths of their own; all others form one recursive one.
    """

    files: tuple[FileEntry, ...]
    nar_sha256: str
    """Of the folder holding the small files and the symlinks."""
    made_of: str | None = None
    """Digest of the downloads that all of it comes from; None when files of the user's are among it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """What is known of a file of weights by its content."""

    tree: str
    path: str
    """Below the tree's root."""
    format: str
    """``pickle``, ``torch``, ``onnx``."""
    kinds: tuple[str, ...]
    """What a policy has to allow, of ``modelpack.weights.kinds``."""
    imports: tuple[str, ...] = ()
    """``module:name`` for all that its pickles name."""
    versions: Mapping[str, str]
    """Versions of distributions that are stamped into it."""
    details: Mapping[str, str]
    """What else people want to know."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedWeights:
    """The weights in models and inputs."""

    inspector: int
    """Version of what looked into them."""
    files: tuple[Weights, ...]


LARGE = 4 << 20
"""Bytes from which a file of the user's gets a store path and a layer of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """The inference server, with everything the catalogue says of it, so that the lock alone is enough."""

    name: str
    command: tuple[str, ...]
    """Words; ``@python@``, ``@env@``, ``@code@``, ``@model@``, ``@port@`` stand for what is known later."""
    environment: Mapping[str, str]
    port: int | None
    """None for a job."""
    routes: Mapping[str, str]
    """``liveness``, ``readiness``, ``scoring``, ``openapi``: paths on that port."""
    stop_signal: str
    job: bool | None = None
    """It answers no requests: it is given an input folder and an output folder, and ends."""
    programs: bool | None = None
    """Wheels bring programs that it starts: check and run show it the root file system, which loads them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedRequest:
    """A sample request of the check; file names are below the tree ``samples``."""

    name: str
    method: str
    route: str
    content_type: str
    request: str | None
    status: int
    response: str | None
    tolerance: str
    """A decimal number, as text: versions of Nix write floating-point numbers differently."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedRun:
    """A sample run of a job; names are below the tree ``samples``."""

    name: str
    input: str
    output: str | None
    """The file that has to come out, or a folder of all that has to; None: it only has to end well."""
    tolerance: str
    """As ``LockedRequest.tolerance``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedCheck:
    """What the server must do before there is a package."""

    timeout: str
    """Seconds, a decimal number as text, as ``LockedRequest.tolerance``."""
    requests: tuple[LockedRequest, ...]
    """None: the server only has to become ready."""
    runs: tuple[LockedRun, ...] | None = None
    """Of a job, which is asked nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedImage:
    """The parts of the OCI image configuration that are the spec's to say."""

    user: str
    labels: Mapping[str, str]
    compression: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Digests:
    """sha256 of what each resolved section was made from; a section whose digest differs is stale."""

    python: str
    base: str
    interpreter: str | None = None
    image: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """Everything that a package is made from."""

    version: int
    name: str
    package_version: str
    description: str | None
    platform: str
    """``linux/amd64``."""
    build_system: str
    """Nix system of the machine that builds: ``x86_64-linux``."""
    digests: Digests
    environment_variables: Mapping[str, str]
    server: Server
    check: LockedCheck | None
    image: LockedImage
    trees: Mapping[str, Tree]
    """``model``, ``code``, ``samples``, ``server`` for its own files, and ``input-NAME`` for every input."""
    python: Python
    base: DebianBase
    image_base: ImageBase | None = None
    links: Mapping[str, str] | None = None
    """Absolute path in the image -> what it leads to, with placeholders as in ``Server.command``."""
    weights: LockedWeights | None = None
    file_conflicts: Mapping[str, str] | None = None
    """By path in the environment, the distribution whose files alone are taken there."""
