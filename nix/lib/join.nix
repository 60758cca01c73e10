# A function: wheels ({ name, path }) to a virtual environment of links over them. Its interpreter is `program`, with
# the libraries of `base`.
{
  lock,
  derive,
  platform,
  ...
}:
let
  build = derive.builder "environment" [ "elf" "merge" "problem" ];
in
{
  name,
  base,
  program,
  wheels,
  # Debian architecture of the base.
  architecture,
  # { name, path, shared } of an interpreter that lies outside the base; shared: its distributions are seen too.
  interpreter ? null,
  # Path to the distribution whose file wins there.
  fileConflicts ? { },
}:
build {
  inherit name;
  plan = {
    inherit base interpreter program wheels;
    inherit (platform.${architecture}) triplet;
    python = lock.python.version;
    file_conflicts = fileConflicts;
  };
}
