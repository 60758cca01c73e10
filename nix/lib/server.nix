# The programs that start the server and ask whether it lives. The server's own words come from the lock.
{
  lock,
  base,
  derive,
  environment,
  fill,
  image_base,
  trees,
  ...
}:
derive.builder "serve" [ "problem" ] {
  name = "server-${lock.server.name}";
  plan = {
    inherit base environment;
    image = image_base.config;
    port = lock.server.port or null;
    job = lock.server.job or false;
    title = "${lock.name} ${lock.package_version}";
    folder = if trees ? code then "${trees.code.path}" else "/";
    command = map fill lock.server.command;
    liveness = lock.server.routes.liveness or lock.server.routes.readiness or null;
    variables = builtins.mapAttrs (_: fill) (lock.server.environment // lock.environment_variables);
  };
}
