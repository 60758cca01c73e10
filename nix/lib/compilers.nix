# Compilers for extension modules, for the machine that builds. Only made when a distribution that is built from source
# may need them; no package refers to them.
{
  lock,
  derive,
  fetch,
  platform,
  seed,
  tools,
  ...
}:
let
  set = lock.python.build.compilers;
  machine = platform.${set.architecture};
in
derive.builder "compilers" [ "base" "bytecode" "deb" "elf" "linker_cache" "problem" "programs" ] {
  name = "compilers-${lock.base.suite}";
  plan = {
    inherit seed tools;
    inherit (machine) triplet loader;
    python = lock.python.version;
    debs = map (deb: {
      inherit (deb) name;
      path = fetch.file deb;
    }) set.packages;
  };
}
