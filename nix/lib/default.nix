# Every part by name; each file is given all the others. `args`: lock (parsed), sources (the folder that holds
# modelpack/builders), hermetic, checked (null: where the package is for the machine that builds).
args:
let
  inherit (args) lock;
  self =
    args
    // {
      # Whether the package is for another kind of machine than the one that builds it.
      foreign = self.platform.${lock.base.target.architecture}.system != lock.build_system;
      checked = lock ? check && (if args.checked == null then !self.foreign else args.checked);
    }
    // builtins.mapAttrs (_: file: import file self) {
      base = ./base.nix;
      built = ./built.nix;
      check = ./check.nix;
      compilers = ./compilers.nix;
      derive = ./derive.nix;
      distribution = ./distribution.nix;
      environment = ./environment.nix;
      fetch = ./fetch.nix;
      fill = ./fill.nix;
      image = ./image.nix;
      interpreter = ./interpreter.nix;
      image_base = ./image_base.nix;
      join = ./join.nix;
      layers = ./layers.nix;
      links = ./links.nix;
      package = ./package.nix;
      packed = ./packed.nix;
      platform = ./platform.nix;
      seed = ./seed.nix;
      server = ./server.nix;
      tools = ./tools.nix;
      trees = ./trees.nix;
      weights = ./weights.nix;
      unpack = ./unpack.nix;
      wheels = ./wheels.nix;
    };
in
self
