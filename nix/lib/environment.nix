# The Python environment: a virtual environment of links over the wheels, with the base's interpreter.
{
  lock,
  base,
  derive,
  interpreter,
  platform,
  wheels,
  ...
}:
derive.builder "environment" [ "elf" "merge" "problem" ] {
  name = "environment";
  plan = {
    inherit base;
    inherit (interpreter) program;
    # null: the base holds it.
    interpreter = if interpreter.ofBase then null else { inherit (interpreter) name path; };
    inherit (platform.${lock.base.target.architecture}) triplet;
    python = lock.python.version;
    file_conflicts = lock.file_conflicts or { };
    wheels = builtins.genList (index: {
      inherit (builtins.elemAt lock.python.wheels index) name;
      path = builtins.elemAt wheels index;
    }) (builtins.length wheels);
  };
}
