# What the builders run on: Python, patchelf and the codec of one Debian suite, for the machine that builds. It does
# not change with the package's own base, so adding a library to the base rebuilds no wheel.
{
  lock,
  fetch,
  seed,
  sources,
  platform,
  ...
}:
let
  machine = platform.${lock.base.tools.architecture};
in
derivation {
  name = "tools-${lock.base.tools_suite or lock.base.suite}";
  system = lock.build_system;
  builder = "${seed}/bin/busybox";
  args = [
    "sh"
    (builtins.path {
      name = "tools.sh";
      path = sources + "/modelpack/builders/tools.sh";
    })
  ];
  inherit seed;
  inherit (machine) triplet loader;
  python = lock.base.tools_python or lock.python.version;
  debs = map fetch.file lock.base.tools.packages;
  bytecode = builtins.path {
    name = "bytecode.py";
    path = sources + "/modelpack/builders/bytecode.py";
  };
}
