# Artifacts of the lock as fixed-output derivations. Their store paths depend on name and hash alone, so whatever put
# the bytes into the store satisfies them: `modelpack fetch`, a binary cache, a restored bundle, a hashed mirror.
_:
let
  # Nothing is downloaded from here by itself; curl names this address when the artifact is not in the store.
  absent = name: "file:///artifact-not-in-the-store/run-modelpack-fetch/${name}";

  # The same rule as modelpack/store/storepath.py: every byte that a store name may not have becomes "-".
  storeName =
    filename:
    let
      parts = builtins.split "[^a-zA-Z0-9+._?=-]" filename;
      joined = builtins.concatStringsSep "-" (builtins.filter builtins.isString parts);
      undotted = if builtins.substring 0 1 joined == "." then "-" + joined else joined;
    in
    builtins.substring 0 200 undotted;

  fixed =
    mode: name: sha256:
    derivation {
      inherit name;
      system = "builtin";
      builder = "builtin:fetchurl";
      url = absent name;
      outputHashMode = mode;
      outputHashAlgo = "sha256";
      outputHash = sha256;
      preferLocalBuild = true;
    };
in
{
  inherit storeName;

  # One file: { filename, sha256, ... } as wheels and .debs stand in the lock.
  file = { filename, sha256, ... }: fixed "flat" (storeName filename) sha256;

  # A folder, by the sha256 of its NAR.
  folder = name: sha256: fixed "recursive" name sha256;
}
