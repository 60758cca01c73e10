{
  description = "modelpack: a model and a short spec go in, a checked, reproducible model package comes out";

  # No inputs: the library is written in builtins alone, and the toolchain is the package's own pinned base.
  outputs =
    { self }:
    let
      lib = import ./nix/flake.nix;
      example = lib.mkFlake { lock = ./templates/sklearn-azureml/modelpack.lock.json; };
      starters = builtins.filter (name: (builtins.readDir ./templates).${name} == "directory") (
        builtins.attrNames (builtins.readDir ./templates)
      );
    in
    {
      inherit lib;
      inherit (example) apps packages;
      checks = builtins.mapAttrs (_: packages: {
        inherit (packages) image modelpkg;
        library = import ./nix/tests { inherit lib; };
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
