# The Python that serves: which program it is, and who compiles bytecode for it.
{
  lock,
  base,
  ...
}:
let
  ofBase = true;
  # Tools of the same version do, without one program of the target being started.
  ofTools = (lock.base.tools_python or lock.python.version) == lock.python.version;
  program = "${base}/usr/bin/python${lock.python.version}";
in
{
  inherit ofBase ofTools program;
  compiler = if ofTools then null else program;
}
