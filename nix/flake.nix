# What flakes use: `modelpack.lib.mkFlake { lock = ./modelpack.lock.json; }` is all of a user's outputs.
let
  library = lock: import ./default.nix { inherit lock; };

  # The outputs of one package, for the system that its lock is built on.
  mkFlake =
    { lock }:
    let
      parts = library lock;
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
