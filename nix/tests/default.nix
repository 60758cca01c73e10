# Tests of the Nix library by evaluation alone: nothing is built. Evaluates to the number of tests, or throws with
# every test that failed. A part of the library without a test is a failure too.
#
#   nix-instantiate --eval --expr "import ./nix/tests { }"
{ lib ? import ../flake.nix }:
let
  parts = lib.library ./lock.json;
  unchecked = import ../default.nix { lock = ./lock.json; checked = false; };
  arm = foreignParts null;
  emulated = foreignParts true;
  # The same lock, for the other kind of machine.
  foreignParts =
    checked:
    let
      lock = builtins.fromJSON (builtins.readFile ./lock.json);
    in
    import ../lib {
      inherit checked;
      hermetic = true;
      sources = ../..;
      lock = lock // {
        platform = "linux/arm64";
        base = lock.base // { target = lock.base.target // { architecture = "arm64"; }; };
      };
    };
  # The same lock, with more in some of its parts.
  libraryOf =
    changes:
    let
      lock = builtins.fromJSON (builtins.readFile ./lock.json);
    in
    import ../lib {
      checked = null;
      hermetic = true;
      sources = ../..;
      lock = lock // builtins.mapAttrs (name: value: lock.${name} // value) changes;
    };
  marked = import ../default.nix { lock = ./lock.json; hermetic = false; };
  plan = drv: builtins.fromJSON (builtins.unsafeDiscardStringContext drv.plan);
  description = parts: (plan parts.package).description;
  sorted = builtins.sort builtins.lessThan;

  tests = {
    # By part; a name may stand in several tests.
    fetch = {
      "a byte that a store name may not have becomes a dash" = {
        expr = map parts.fetch.storeName [ "a~b" "1!2" "a%3ab" ".hidden" "a+b-c_d.e" ];
        expected = [ "a-b" "1-2" "a-3ab" "-.hidden" "a+b-c_d.e" ];
      };
      "a file's store path follows from its name and hash alone, as modelpack computes it" = {
        expr = map (wheel: (parts.fetch.file wheel).outPath) parts.lock.python.wheels;
        expected = [
          "/nix/store/f5ph86gzhdsnxr7hvyji7iy8vw8h4ppf-big-1.0+cpu-py3-none-any.whl"
          "/nix/store/lbi0lp0m41rqv77x2dz7qlf0iqz0d9fg-small-1-2.0-py3-none-any.whl"
        ];
      };
      "an artifact that the store lacks names the command that brings it" = {
        expr = builtins.match ".*run-modelpack-fetch/code" (parts.fetch.folder "code" parts.lock.trees.code.nar_sha256).url;
        expected = [ ];
      };
    };
    seed."is the folder of the lock" = {
      expr = { inherit (parts.seed) outputHash outputHashMode name; };
      expected = { outputHash = parts.lock.base.seed_nar_sha256; outputHashMode = "recursive"; name = "seed"; };
    };
    platform."knows the architectures that packages are for" = {
      expr = builtins.attrNames parts.platform;
      expected = [ "amd64" "arm64" ];
    };
    tools."run from the seed on the machine that builds" = {
      expr = { inherit (parts.tools) system python triplet; seed = parts.tools.builder == "${parts.seed}/bin/busybox"; };
      expected = { system = "x86_64-linux"; python = "3.11"; triplet = "x86_64-linux-gnu"; seed = true; };
    };
    derive."calls builders with the hash seed that bytecode needs, and without options that would drop it" = {
      expr = {
        inherit (parts.package) PYTHONHASHSEED;
        flags = builtins.filter (arg: builtins.elem arg [ "-I" "-E" ]) parts.package.args;
      };
      expected = { PYTHONHASHSEED = "0"; flags = [ ]; };
    };
    base."unpacks the target's packages in the lock's order" = {
      expr = map (deb: deb.name) (plan parts.base).debs;
      expected = [ "python3.11" ];
    };
    interpreter = {
      "is the base's Python, for which tools of its version compile" = {
        expr = { inherit (parts.interpreter) compiler; own = parts.interpreter.program == "${parts.base}/usr/bin/python3.11"; };
        expected = { compiler = null; own = true; };
      };
      "is unpacked from a tarball, on the base, and compiles by itself" = {
        expr =
          let
            own = libraryOf {
              python = {
                version = "3.12";
                interpreter = {
                  version = "3.12.1";
                  tarball = { filename = "cpython.tar.gz"; sha256 = parts.lock.base.seed_nar_sha256; size = 1; source = "interpreters"; };
                };
              };
              base.tools_python = "3.11";
            };
          in
          {
            inherit (own.interpreter.path) name;
            program = own.interpreter.program == "${own.interpreter.path}/bin/python3.12";
            inherit (plan own.interpreter.path) patched;
            base = (plan own.base).python;
            wheels = map (wheel: (plan wheel).compiler == own.interpreter.program) own.wheels;
            layer = builtins.elem "Python 3.12.1" (map (layer: (plan layer).name or "") own.layers);
          };
        expected = { name = "python-3.12.1"; program = true; patched = false; base = null; wheels = [ true true ]; layer = true; };
      };
      "is linked out of packages of conda, whose distributions are seen" = {
        expr =
          let
            own = libraryOf {
              python = {
                interpreter = {
                  version = "3.11.9";
                  conda = [ { name = "python"; filename = "python-3.11.9-0.conda"; sha256 = parts.lock.base.seed_nar_sha256; } ];
                };
              };
            };
          in
          {
            inherit (own.interpreter.path) name;
            packages = map (package: package.filename) (plan own.interpreter.path).packages;
            inherit ((plan own.environment).interpreter) shared;
          };
        expected = { name = "conda-python-3.11.9"; packages = [ "python-3.11.9-0.conda" ]; shared = true; };
      };
      "compiles by itself where the tools have another version" = {
        expr =
          let
            older = libraryOf { base = { tools_python = "3.13"; tools_suite = "trixie"; }; };
          in
          {
            inherit (older.tools) name python;
            compiler = older.interpreter.compiler == older.interpreter.program;
            wheels = map (wheel: (plan wheel).compiler == older.interpreter.program) older.wheels;
          };
        expected = { name = "tools-trixie"; python = "3.13"; compiler = true; wheels = [ true true ]; };
      };
    };
    wheels."are one derivation each, named as people name them" = {
      expr = map (wheel: wheel.name) parts.wheels;
      expected = [ "big-1.0+cpu" "small-1-2.0" ];
    };
    environment."joins every wheel on the base" = {
      expr = map (wheel: wheel.path) (plan parts.environment).wheels == map (wheel: wheel.outPath) parts.wheels;
      expected = true;
    };
    trees = {
      "without a large file a tree is the folder itself" = {
        expr = parts.trees.code.path == parts.trees.code.small;
        expected = true;
      };
      "a large file has a store path of its own" = {
        expr = map (file: file.path) parts.trees.model.files;
        expected = [ "model/weights.bin" ];
      };
    };
    server = {
      "placeholders in words become store paths" = {
        expr = (plan parts.server).command;
        expected = [
          "${builtins.unsafeDiscardStringContext parts.environment.outPath}/bin/python3"
          "${builtins.unsafeDiscardStringContext parts.trees.code.path.outPath}/app.py"
          "--port"
          "@port@"
        ];
      };
      "the user's variables win over the server's" = {
        expr = (plan parts.server).variables.LABELS;
        expected = "${builtins.unsafeDiscardStringContext parts.trees.input-labels.path.outPath}/labels.json";
      };
    };
    check."asks the lock's requests" = {
      expr = map (request: request.route) (plan parts.check).requests;
      expected = [ "/score" ];
    };
    foreign = {
      "is a package for another kind of machine than builds it" = {
        expr = [ parts.foreign arm.foreign ];
        expected = [ false true ];
      };
      "is not checked unless told to, and says that it was emulated then" = {
        expr = map (parts: {
          inherit (description parts) checked emulated;
          check = parts.package ? check;
          label = (plan parts.image).config.labels."modelpack.emulated";
        }) [ arm emulated ];
        expected = [
          { checked = false; emulated = false; check = false; label = "false"; }
          { checked = true; emulated = true; check = true; label = "true"; }
        ];
      };
      "is built by tools of the machine that builds, for the loader of the other" = {
        expr = { inherit (arm.base) system; inherit (plan arm.base) triplet; tools = arm.tools.triplet; };
        expected = { system = "x86_64-linux"; triplet = "aarch64-linux-gnu"; tools = "x86_64-linux-gnu"; };
      };
    };
    package = {
      "depends on the check" = {
        expr = parts.package.check.outPath == parts.check.outPath;
        expected = true;
      };
      "unchecked, it does not, and says so" = {
        expr = { check = unchecked.package ? check; inherit (description unchecked) checked; };
        expected = { check = false; checked = false; };
      };
      "outside the sandbox it says so, and is another package" = {
        expr = {
          inherit (description marked) hermetic;
          other = marked.package.outPath != parts.package.outPath;
        };
        expected = { hermetic = false; other = true; };
      };
    };
    weights =
      let
        file = { tree = "model"; path = "a.pkl"; kinds = [ "pickle" ]; imports = [ "sklearn.svm:SVC" ]; };
        weighed = import ../lib {
          checked = null;
          hermetic = true;
          sources = ../..;
          lock = parts.lock // { weights = { inspector = 1; files = [ file ]; }; };
        };
      in
      {
        "without pickles nothing looks for what they import" = {
          expr = parts.weights;
          expected = null;
        };
        "what pickles import is looked for before the check, and the package and the image say what there is" = {
          expr = {
            files = map (found: found.path) (plan weighed.weights).files;
            before = weighed.check.weights.outPath == weighed.weights.outPath;
            described = (description weighed).weights;
            label = (plan weighed.image).config.labels."modelpack.weights";
          };
          expected = { files = [ "a.pkl" ]; before = true; described = [ file ]; label = "pickle"; };
        };
      };
    flake."the outputs of a user's flake are the same package" = {
      expr =
        let
          outputs = lib.mkFlake { lock = ./lock.json; };
        in
        {
          names = builtins.attrNames outputs.packages.x86_64-linux;
          same = outputs.packages.x86_64-linux.modelpkg.outPath == parts.package.outPath;
          program = outputs.apps.x86_64-linux.default.program == "${parts.package}/bin/serve";
        };
      expected = { names = [ "check" "default" "image" "modelpkg" ]; same = true; program = true; };
    };
    lock."of another version is refused" = {
      expr = (builtins.tryEval (import ../default.nix { lock = ./other-version.json; })).success;
      expected = false;
    };
  }
  // import ./base.nix { inherit parts plan; }
  // import ./image.nix { inherit parts plan; }
  // import ./sources.nix { inherit libraryOf plan; };

  # What callers pass in is not the library's.
  given = [ "checked" "hermetic" "lock" "sources" ];
  untested = builtins.filter (name: !(tests ? ${name}) && !(builtins.elem name given)) (builtins.attrNames parts);
  failed = builtins.concatLists (
    map (
      part:
      builtins.concatMap (
        name:
        let
          test = tests.${part}.${name};
        in
        if test.expr == test.expected then
          [ ]
        else
          [ "${part}: ${name}: found ${builtins.toJSON test.expr}, expected ${builtins.toJSON test.expected}" ]
      ) (builtins.attrNames tests.${part})
    ) (builtins.attrNames tests)
  )
  ++ map (name: "${name}: has no test") untested;
  count = builtins.foldl' (sum: part: sum + builtins.length (builtins.attrNames tests.${part})) 0 (builtins.attrNames tests);
in
if failed == [ ] then count else throw ("\n" + builtins.concatStringsSep "\n" (sorted failed))
