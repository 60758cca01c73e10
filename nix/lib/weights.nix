# What pickles import is looked for before the server is started; null: there are none, or the spec sets PYTHONPATH,
# and modules may lie anywhere.
{
  lock,
  derive,
  environment,
  trees,
  ...
}:
let
  weights = lock.weights or { files = [ ]; };
  pickles = builtins.filter (file: file.imports != [ ]) weights.files;
in
if pickles == [ ] || lock.environment_variables ? PYTHONPATH then
  null
else
  derive.builder "weights" [ "problem" ] {
    name = "weights-${lock.name}";
    plan = {
      inherit environment;
      folders = map (name: trees.${name}.path) (builtins.filter (name: trees ? ${name}) [ "code" "model" ]);
      files = map (file: { inherit (file) tree path imports; }) pickles;
    };
  }
