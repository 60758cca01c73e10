# The programs that start the server and ask whether it lives. The server's own words come from the lock.
{
  lock,
  base,
  derive,
  environment,
  trees,
  ...
}:
let
  # Placeholders in words and variables: the parts of the package, and every tree by its name.
  known = {
    "@python@" = "${environment}/bin/python3";
    "@env@" = "${environment}";
    "@base@" = "${base}";
  }
  // builtins.listToAttrs (
    map (name: {
      name = "@${name}@";
      value = "${trees.${name}.path}";
    }) (builtins.attrNames trees)
  );
  fill = builtins.replaceStrings (builtins.attrNames known) (builtins.attrValues known);
in
derive.builder "serve" [ ] {
  name = "server-${lock.server.name}";
  plan = {
    inherit base environment;
    inherit (lock.server) port;
    title = "${lock.name} ${lock.package_version}";
    folder = known."@code@" or "/";
    command = map fill lock.server.command;
    liveness = lock.server.routes.liveness or lock.server.routes.readiness;
    variables = builtins.mapAttrs (_: fill) (lock.server.environment // lock.environment_variables);
  };
}
