# Parts of the package at absolute paths of the root file system, and the root file system that the server is shown.
{
  lock,
  base,
  fill,
  image_base,
  ...
}:
let
  links = builtins.mapAttrs (_: fill) (lock.links or { });
  inherit (image_base) tree;
in
{
  inherit links tree;
  # What builders/view.py makes the root file system of; null: the server needs none, and sees what the sandbox has.
  view =
    if links == { } && tree == null && !(lock.server.programs or false) then
      null
    else
      {
        inherit tree;
        skeleton = {
          inherit base tree;
          inherit (lock.base) suite;
          inherit (lock.image) user;
        };
        links = {
          inherit links tree;
        };
      };
}
