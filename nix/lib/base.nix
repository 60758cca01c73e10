# The base environment of the target: pinned .debs unpacked, and what their maintainer scripts would have made.
{
  lock,
  derive,
  fetch,
  tools,
  interpreter,
  platform,
  ...
}:
let
  machine = platform.${lock.base.target.architecture};
in
derive.builder "base" [ "bytecode" "deb" "elf" "linker_cache" "problem" "programs" ] {
  name = "base-${lock.base.suite}";
  plan = {
    inherit tools;
    inherit (machine) triplet loader;
    # null: the package's Python comes from elsewhere.
    python = if interpreter.ofBase then lock.python.version else null;
    # Whether the tools compile its standard library; else it does so itself.
    compiled_by_tools = interpreter.ofTools;
    debs = map (deb: {
      inherit (deb) name;
      path = fetch.file deb;
    }) lock.base.target.packages;
  };
}
