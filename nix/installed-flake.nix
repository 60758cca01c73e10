# The flake of a modelpack that was installed from a wheel; `modelpack init` puts it, as flake.nix, and the library
# into the store, so that `nix build .#modelpkg` of a project needs no checkout and no network.
{
  description = "The Nix library of modelpack";
  outputs = _: { lib = import ./nix/flake.nix; };
}
