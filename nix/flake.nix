# What flakes use: `modelpack.lib.mkFlake { lock = ./modelpack.lock.json; }` is all of a user's outputs.
let
  library = lock: import ./default.nix { inherit lock; };

  # The outputs of one package, for the system that its lock is built on. A package for another kind of machine is
  # checked only where that one emulates it, which has to be said: checked = true.
  mkFlake =
    {
      lock,
      checked ? null,
    }:
    let
      parts = import ./default.nix { inherit checked lock; };
    in
    {
      packages.${parts.lock.build_system} = {
        default = parts.package;
        modelpkg = parts.package;
        inherit (parts) image;
      }
      // (if parts.checked then { inherit (parts) check; } else { });
      apps.${parts.lock.build_system}.default = {
        type = "app";
        program = "${parts.package}/bin/serve";
      };
    };
in
{
  inherit library mkFlake;
}
