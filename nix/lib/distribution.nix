# A function: a wheel of the lock to the file, or the folder of sources, that it names.
{
  lock,
  fetch,
  trees,
  ...
}:
wheel:
if wheel ? tree then
  # A tree holds the file by its name, or is the folder itself.
  if builtins.any (file: file.path == wheel.filename) lock.trees.${wheel.tree}.files then
    "${trees.${wheel.tree}.path}/${wheel.filename}"
  else
    trees.${wheel.tree}.path
else
  fetch.file wheel
