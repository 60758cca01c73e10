# How builders are called: by the pinned Python, with a plan as JSON, from a folder that holds only the modules they
# need, so that a change of one builder does not rebuild what the others made.
{
  lock,
  sources,
  tools,
  ...
}:
{
  # Give the function that makes derivations run modelpack/builders/${module}.py, which imports `imports` of there.
  # It takes name (of the store path), plan (any value) and attrs (further attributes of the derivation).
  builder =
    module: imports:
    let
      package = "${toString sources}/modelpack";
      wanted = [
        package
        "${package}/builders"
      ]
      ++ map (name: "${package}/builders/${name}.py") ([ module ] ++ imports);
      modules = builtins.path {
        name = "builder-${module}";
        path = sources;
        filter = path: _: builtins.elem path wanted;
      };
    in
    {
      name,
      plan,
      attrs ? { },
    }:
    derivation (
      {
        inherit name;
        system = lock.build_system;
        builder = "${tools}/bin/python3";
        # -S: no site-packages exist here. Not -I or -E: they would drop PYTHONHASHSEED, and bytecode depends on it.
        args = [
          "-s"
          "-S"
          "-P"
          "${modules}/modelpack/builders/${module}.py"
        ];
        PYTHONPATH = modules;
        PYTHONHASHSEED = "0";
        PYTHONDONTWRITEBYTECODE = "1";
        # Nix starts a builder by its bare name, and Python looks for its home along PATH then.
        PATH = "${tools}/bin";
        plan = builtins.toJSON plan;
        passAsFile = [ "plan" ];
        LC_ALL = "C.UTF-8";
        TZ = "UTC";
      }
      // attrs
    );
}
