# Wheels built from source archives and from the user's own projects, by distribution: $out/wheel is the file. Each is
# built in an environment of its locked build requirements.
{
  lock,
  base,
  compilers,
  derive,
  distribution,
  fetch,
  foreign,
  interpreter,
  join,
  seed,
  tools,
  unpack,
  ...
}:
let
  required = builtins.listToAttrs (
    map (wheel: {
      name = wheel.filename;
      value = {
        inherit (wheel) name;
        path = unpack wheel (fetch.file wheel);
      };
    }) lock.python.build.wheels
  );
  # With the Python of the tools no change of the base builds anything again.
  place =
    if interpreter.ofTools then
      {
        base = tools;
        program = "${tools}/usr/bin/python${lock.python.version}";
      }
    else
      {
        inherit base;
        inherit (interpreter) program;
        interpreter = if interpreter.ofBase then null else { inherit (interpreter) name path; shared = false; };
      };
  environment =
    wheels:
    join (
      place
      // {
        name = "build-environment";
        inherit (lock.base.tools) architecture;
        wheels = map (filename: required.${filename}) wheels;
      }
    );
in
builtins.listToAttrs (
  map (wheel: {
    inherit (wheel) name;
    value = derive.builder "sdist" [ "build_root" "hook" "launcher" "problem" ] {
      # Without the version, which of a project is only known when it is built.
      name = "built-${wheel.name}";
      plan = {
        inherit foreign seed tools;
        inherit (wheel) name;
        inherit (wheel.build) requires;
        source = distribution wheel;
        environment = environment wheel.build.wheels;
        compilers = if wheel.build.compilers then compilers else null;
      };
    };
  }) (builtins.filter (wheel: wheel ? build) lock.python.wheels)
)
