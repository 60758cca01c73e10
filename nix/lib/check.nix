# The proof: the real server answers the sample requests in the sandbox, or there is no package.
{
  lock,
  derive,
  foreign,
  server,
  trees,
  ...
}:
derive.builder "check" [ "compare" "problem" ] {
  name = "check-${lock.name}";
  plan = {
    inherit (lock.server) port routes stop_signal;
    inherit (lock.check) requests timeout;
    emulated = foreign;
    serve = "${server}/bin/serve";
    samples = if trees ? samples then trees.samples.path else null;
  };
}
