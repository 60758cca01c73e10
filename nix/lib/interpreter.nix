# The Python that serves: which program it is, and who compiles bytecode for it.
{
  lock,
  base,
  derive,
  fetch,
  foreign,
  platform,
  tools,
  ...
}:
let
  wanted = lock.python.interpreter or null;
  ofBase = wanted == null;
  # Tools of the same version do, without one program of the target being started.
  ofTools = (lock.base.tools_python or lock.python.version) == lock.python.version;
  compiler = if foreign || (ofBase && ofTools) then null else program;
  program = if ofBase then "${base}/usr/bin/python${lock.python.version}" else "${path}/bin/python${lock.python.version}";
  builder = [ "bytecode" "elf" "problem" "programs" ];
  plan = {
    inherit base tools;
    inherit (platform.${lock.base.target.architecture}) triplet loader;
    inherit (lock.base) glibc;
    python = lock.python.version;
    # null: the interpreter itself.
    compiler = if foreign then "${tools}/bin/python3" else null;
  };
  ofConda = !ofBase && wanted.conda or [ ] != [ ];
  path =
    if ofBase then
      null
    else if ofConda then
      derive.builder "conda" (builder ++ [ "interpreter" ]) {
        name = "conda-python-${wanted.version}";
        plan = plan // {
          zstd = "${tools}/bin/zstd";
          packages = map (package: {
            inherit (package) name filename;
            path = fetch.file package;
          }) wanted.conda;
        };
      }
    else
      derive.builder "interpreter" builder {
        name = "python-${wanted.version}";
        plan = plan // {
          tarball = fetch.file wanted.tarball;
          # nixpkgs changes how ctypes looks libraries up.
          patched = wanted.tarball.source == "flake";
        };
      };
in
{
  inherit
    compiler
    ofBase
    ofTools
    path
    program
    ;
  # As environments name it in messages.
  name = if ofBase then null else "Python ${wanted.version}" + (if ofConda then " of conda" else "");
  # Whether distributions beside its library are the environment's too.
  shared = ofConda;
}
