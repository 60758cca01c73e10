# The Nix library of modelpack: a lock in, derivations out, in `builtins` alone.
#
#   nix-build nix -A package --arg lock ./modelpack.lock.json
{
  # Path of the lock.
  lock,
  # Whether the build runs in Nix's sandbox; a package that does not is marked so.
  hermetic ? true,
  # Whether the server has to answer before there is a package; one that need not is marked so. By default where the
  # package is for the machine that builds: Nix cannot see whether that one starts programs of another kind.
  checked ? null,
}:
let
  # The folder that holds the Python package: a wheel carries this one as modelpack/share/nix, a checkout has it beside.
  sources = if builtins.pathExists ../modelpack/builders then ../. else ../../../.;
  parsed = builtins.fromJSON (builtins.readFile lock);
  supported = 1;
in
if parsed.version or null != supported then
  throw "modelpack: ${toString lock} is not a lock of version ${toString supported}; run: modelpack lock"
else
  import ./lib {
    lock = parsed;
    inherit checked hermetic sources;
  }
