# Every part by name; each file is given all the others. `args`: lock (parsed), sources (the folder that holds modelpack/builders), hermetic, checked.
args:
let
  self =
    args
    // builtins.mapAttrs (_: file: import file self) {
      base = ./base.nix;
      check = ./check.nix;
      derive = ./derive.nix;
      environment = ./environment.nix;
      fetch = ./fetch.nix;
      image = ./image.nix;
      layers = ./layers.nix;
      package = ./package.nix;
      platform = ./platform.nix;
      seed = ./seed.nix;
      server = ./server.nix;
      tools = ./tools.nix;
      trees = ./trees.nix;
      wheels = ./wheels.nix;
    };
in
self
