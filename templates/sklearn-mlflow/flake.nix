# `nix build .#modelpkg` builds what `modelpack build` builds: the same store path, from the same lock.
{
  inputs.modelpack.url = "flake:modelpack"; # init: inputs.modelpack.url = {{ modelpack_url | nix_string }};

  outputs = { modelpack, ... }: modelpack.lib.mkFlake { lock = ./modelpack.lock.json; };
}
