# The trees that are in the package: the samples are the check's, and projects are in it as wheels.
{ trees, ... }:
builtins.removeAttrs trees (
  builtins.filter (name: name == "samples" || builtins.match "project-.*" name != null) (builtins.attrNames trees)
)
