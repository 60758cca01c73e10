# The base environment of the target: pinned .debs unpacked, and what their maintainer scripts would have made.
{
  lock,
  derive,
  fetch,
  tools,
  platform,
  ...
}:
let
  machine = platform.${lock.base.target.architecture};
in
derive.builder "base" [ "bytecode" "deb" "elf" "linker_cache" "problem" ] {
  name = "base-${lock.base.suite}";
  plan = {
    inherit tools;
    inherit (machine) triplet loader;
    python = lock.python.version;
    debs = map (deb: {
      inherit (deb) name;
      path = fetch.file deb;
    }) lock.base.target.packages;
  };
}
