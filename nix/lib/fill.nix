# Puts parts of the package in place of words such as @model@: every tree by its name, and what the server runs on.
{
  base,
  environment,
  trees,
  ...
}:
let
  known = {
    "@python@" = "${environment}/bin/python3";
    "@env@" = "${environment}";
    "@base@" = "${base}";
  }
  // builtins.listToAttrs (
    map (name: {
      name = "@${name}@";
      value = "${trees.${name}.path}";
    }) (builtins.attrNames trees)
  );
in
builtins.replaceStrings (builtins.attrNames known) (builtins.attrValues known)
