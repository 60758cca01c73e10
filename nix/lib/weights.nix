# What pickles import is looked for before the server is started; null: there are none, or modules may lie where the
# package cannot know: in a base image, or on the spec's PYTHONPATH.
{
  lock,
  derive,
  environment,
  interpreter,
  trees,
  ...
}:
let
  weights = lock.weights or { files = [ ]; };
  pickles = builtins.filter (file: file.imports != [ ]) weights.files;
in
if pickles == [ ] || lock ? image_base || lock.environment_variables ? PYTHONPATH then
  null
else
  derive.builder "weights" [ "problem" ] {
    name = "weights-${lock.name}";
    plan = {
      prefixes = [ environment ] ++ (if interpreter.ofBase then [ ] else [ interpreter.path ]);
      folders = map (name: trees.${name}.path) (builtins.filter (name: trees ? ${name}) [ "code" "model" ]);
      files = map (file: { inherit (file) tree path imports; }) pickles;
    };
  }
