# Tests of what is built from source, and of the user's own distributions.
{ libraryOf, plan }:
let
  hash = letter: builtins.concatStringsSep "" (builtins.genList (_: letter) 64);
  wheel = name: filename: more: {
    inherit filename name;
    version = "1.0";
    sha256 = hash "a";
    size = 10;
    source = "pypi";
    required_by = [ ];
  } // more;
  build = {
    requires = [ "setuptools" ];
    wheels = [ "setuptools-84-py3-none-any.whl" ];
    compilers = false;
  };
  debs = {
    architecture = "amd64";
    requested = [ "gcc" ];
    packages = [ { name = "gcc"; filename = "gcc_12_amd64.deb"; sha256 = hash "b"; } ];
  };
  changed = base: libraryOf {
    inherit base;
    trees = {
      project-own = { files = [ { path = "setup.py"; size = 1; } ]; nar_sha256 = hash "c"; };
      project-file = { files = [ { path = "file-1.0-py3-none-any.whl"; size = 1; } ]; nar_sha256 = hash "d"; };
    };
    python = {
      wheels = [
        (wheel "fast" "fast-1.0.tar.gz" { build = build // { compilers = true; }; })
        (wheel "file" "file-1.0-py3-none-any.whl" { tree = "project-file"; })
        (wheel "own" "own/" { inherit build; tree = "project-own"; })
      ];
      build = {
        wheels = [ (wheel "setuptools" "setuptools-84-py3-none-any.whl" { }) ];
        compilers = debs;
      };
    };
  };
  parts = changed { };
  fast = plan parts.built.fast;
  plain = builtins.unsafeDiscardStringContext;
in
{
  built = {
    "is what the lock has a source of" = {
      expr = builtins.attrNames parts.built;
      expected = [ "fast" "own" ];
    };
    "takes the locked file, or the folder of a tree" = {
      expr = map (name: (plan parts.built.${name}).source) [ "fast" "own" ];
      expected = [
        (plain (parts.fetch.file (builtins.elemAt parts.lock.python.wheels 0)).outPath)
        (plain parts.trees.project-own.path.outPath)
      ];
    };
    "has compilers where the lock says so" = {
      expr = map (name: (plan parts.built.${name}).compilers) [ "fast" "own" ];
      expected = [ (plain parts.compilers.outPath) null ];
    };
    "does not change with the base as long as the tools have its Python" = {
      expr =
        let
          target = parts.lock.base.target // { packages = [ ]; };
          same = more: (changed ({ inherit target; } // more)).built.fast.outPath == parts.built.fast.outPath;
        in
        [ (same { }) (same { tools_python = "3.13"; }) ];
      expected = [ true false ];
    };
    "says whether it is for another kind of machine" = {
      expr = fast.foreign;
      expected = false;
    };
  };
  join."makes an environment of what it is given" = {
    expr = map (wheel: wheel.name) (plan (
      parts.join {
        name = "some";
        base = parts.tools;
        program = "python3";
        architecture = "amd64";
        wheels = [ { name = "setuptools"; path = "/"; } ];
      }
    )).wheels;
    expected = [ "setuptools" ];
  };
  compilers."are made of their own Debian packages" = {
    expr = map (deb: deb.name) (plan parts.compilers).debs;
    expected = [ "gcc" ];
  };
  distribution."of the user's own is a file in its tree" = {
    expr = plain (parts.distribution (builtins.elemAt parts.lock.python.wheels 1));
    expected = plain "${parts.trees.project-file.path}/file-1.0-py3-none-any.whl";
  };
  packed."has neither the samples nor the projects" = {
    expr = builtins.filter (name: builtins.match "(samples|project-.*)" name != null) (builtins.attrNames parts.packed);
    expected = [ ];
  };
  unpack."takes what was built as it takes what an index has" = {
    expr = map (wheel: (plan wheel).wheel) [ (builtins.head parts.wheels) ];
    expected = [ (plain "${parts.built.fast}/wheel") ];
  };
}
