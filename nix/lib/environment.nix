# The Python environment: a virtual environment of links over the wheels, with the base's interpreter.
{
  lock,
  base,
  interpreter,
  join,
  wheels,
  ...
}:
join {
  name = "environment";
  inherit base;
  inherit (interpreter) program;
  # null: the base holds it.
  interpreter = if interpreter.ofBase then null else { inherit (interpreter) name path shared; };
  inherit (lock.base.target) architecture;
  fileConflicts = lock.file_conflicts or { };
  wheels = builtins.genList (index: {
    inherit (builtins.elemAt lock.python.wheels index) name;
    path = builtins.elemAt wheels index;
  }) (builtins.length wheels);
}
