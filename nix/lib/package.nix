# The model package. It depends on the check, and keeps nothing of it: its bytes follow from the lock alone.
{
  lock,
  base,
  check,
  checked,
  derive,
  environment,
  foreign,
  hermetic,
  packed,
  server,
  weights,
  ...
}:
derive.builder "package" [ "problem" ] {
  name = "${lock.name}-${lock.package_version}";
  plan = {
    inherit server;
    parts = {
      inherit base environment;
    }
    // builtins.mapAttrs (_: tree: tree.path) packed;
    description = {
      inherit checked hermetic;
      # Samples that the check has seen answered as expected; with none, the server only became ready.
      answers = if checked then builtins.length (lock.check.requests ++ lock.check.runs or [ ]) else 0;
      # An emulator is not the processor that will run it.
      emulated = checked && foreign;
      inherit (lock) name platform;
      version = lock.package_version;
      description = lock.description or null;
      server = {
        inherit (lock.server) name routes;
        port = lock.server.port or null;
      };
      # What the weights are by their content, and what loading them imports.
      weights = (lock.weights or { files = [ ]; }).files;
    };
  };
  attrs = (if checked then { inherit check; } else { }) // (if weights == null then { } else { inherit weights; });
}
