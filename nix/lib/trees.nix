# The user's files. Small ones arrive together as one folder; large ones lie in the store once each and are linked to
# from a tree that has copies of the small ones, so that a changed label map copies no weights.
{
  lock,
  derive,
  fetch,
  ...
}:
let
  large = 4194304; # bytes; modelpack/lock.py has the same number
  basename = path: builtins.elemAt (builtins.match "(.*/)?([^/]*)" path) 1;
  isLarge = file: file ? sha256 && file.size >= large;
in
builtins.mapAttrs (
  name: tree:
  let
    small = fetch.folder name tree.nar_sha256;
    files = map (file: {
      inherit (file) path;
      source = fetch.file {
        filename = basename file.path;
        inherit (file) sha256;
      };
    }) (builtins.filter isLarge tree.files);
  in
  {
    inherit small files;
    path =
      if files == [ ] then
        small
      else
        derive.builder "tree" [ ] {
          inherit name;
          plan = {
            inherit small files;
          };
        };
  }
) lock.trees
