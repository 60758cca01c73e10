{
  description = "modelpack: a model and a short spec go in, a checked, reproducible model package comes out";

  # No inputs: the library is written in builtins alone, and the toolchain is the package's own pinned base.
  outputs =
    { self }:
    let
      lib = import ./nix/flake.nix;
      lock = ./templates/sklearn-azureml/modelpack.lock.json;
      example = lib.mkFlake { inherit lock; };
      inherit (lib.library lock) seed;
      starters = builtins.filter (name: (builtins.readDir ./templates).${name} == "directory") (
        builtins.attrNames (builtins.readDir ./templates)
      );
    in
    {
      inherit lib;
      inherit (example) apps packages;
      checks = builtins.mapAttrs (_: packages: {
        inherit (packages) image modelpkg;
        # The tests have passed when this can be evaluated at all.
        library = derivation {
          name = "library-tests";
          inherit (packages.modelpkg) system;
          builder = "${seed}/bin/busybox";
          args = [
            "sh"
            "-c"
            "echo $tests tests passed >$out"
          ];
          tests = import ./nix/tests { inherit lib; };
        };
      }) example.packages;
      templates = builtins.listToAttrs (
        map (name: {
          inherit name;
          value = {
            path = ./templates + "/${name}";
            description = builtins.head (builtins.match "# ([^\n]*)\n.*" (builtins.readFile (./templates + "/${name}/README.md")));
          };
        }) starters
      );
    };
}
