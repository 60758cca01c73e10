# The proof: the real server answers the sample requests in the sandbox, or there is no package. A job is run on the
# samples instead.
{
  lock,
  derive,
  foreign,
  links,
  server,
  trees,
  weights,
  ...
}:
let
  viewers = [ "layer" "links" "root" "streams" "tarstream" "view" "within" ];
  shared = [ "attempts" "compare" "launcher" "listening" "nameserver" "problem" "watch" ] ++ (if links.view == null then [ ] else viewers);
  job = lock.server.job or false;
  build = if job then derive.builder "job" ([ "check" ] ++ shared) else derive.builder "check" shared;
in
build {
  name = "check-${lock.name}";
  plan = {
    inherit (lock.server) stop_signal;
    inherit (lock.check) timeout;
    inherit (links) view;
    emulated = foreign;
    serve = "${server}/bin/serve";
    code = if trees ? code then trees.code.path else null;
    samples = if trees ? samples then trees.samples.path else null;
  }
  // (
    if job then
      { inherit (lock.check) runs; }
    else
      {
        inherit (lock.server) port routes;
        inherit (lock.check) requests;
      }
  );
  # A module that a model lacks is said better there than by the server's log.
  attrs = if weights == null then { } else { inherit weights; };
}
