# The proof: the real server answers the sample requests in the sandbox, or there is no package.
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
  viewers = [ "launcher" "layer" "links" "root" "streams" "tarstream" "view" "within" ];
in
derive.builder "check" ([ "compare" "problem" ] ++ (if links.view == null then [ ] else viewers)) {
  name = "check-${lock.name}";
  plan = {
    inherit (lock.server) port routes stop_signal;
    inherit (lock.check) requests timeout;
    inherit (links) view;
    emulated = foreign;
    serve = "${server}/bin/serve";
    samples = if trees ? samples then trees.samples.path else null;
  };
  # A module that a model lacks is said better there than by the server's log.
  attrs = if weights == null then { } else { inherit weights; };
}
