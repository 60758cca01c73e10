# The OCI image: its configuration, and the proof that its layers are the package's closure, no more and no less.
{
  lock,
  base,
  checked,
  derive,
  environment,
  foreign,
  hermetic,
  image_base,
  layers,
  package,
  tools,
  ...
}:
let
  inherit (builtins) elemAt match replaceStrings;
  platform = match "([^/]+)/([^/]+)" lock.platform;
  # What the weights are, as policies name it: "pickle", "safetensors".
  formats = builtins.attrNames (
    builtins.listToAttrs (
      builtins.concatMap (file: map (name: { inherit name; value = null; }) file.kinds) (lock.weights.files or [ ])
    )
  );
  job = lock.server.job or false;
  yes = value: if value then "true" else "false";
  # Tags have no "+", which versions may have.
  tag = replaceStrings [ "+" ] [ "-" ] lock.package_version;
  # Values with placeholders are for bin/serve to fill in; it sets all of them that the engine does not.
  plain = builtins.removeAttrs lock.environment_variables (
    builtins.filter (name: match ".*@.*" lock.environment_variables.${name} != null) (
      builtins.attrNames lock.environment_variables
    )
  );
in
derive.builder "image" [ "problem" ] {
  name = "image-${lock.name}-${lock.package_version}";
  plan = {
    inherit layers;
    base = image_base.plan;
    graph = "graph";
    reference = "${lock.name}:${tag}";
    zstd = "${tools}/bin/zstd";
    config = {
      os = elemAt platform 0;
      architecture = elemAt platform 1;
      inherit (lock.image) user;
      env = {
        PATH = "${environment}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        SSL_CERT_FILE = "${base}/etc/ssl/certs/ca-certificates.crt";
      }
      // plain;
      entrypoint = [ "${package}/bin/serve" ];
      cmd = [ ];
      ports = if job then [ ] else [ "${toString lock.server.port}/tcp" ];
      inherit (lock.server) stop_signal;
      working_dir = "/";
      healthcheck = if job then null else {
        test = [ "CMD" "${package}/bin/healthcheck" ];
        interval = 30;
        timeout = 6;
        # Until the server is up; the check waits as long.
        start_period = lock.check.timeout or 120;
        retries = 3;
      };
      labels = {
        "org.opencontainers.image.title" = lock.name;
        "org.opencontainers.image.version" = lock.package_version;
        "modelpack.checked" = if checked && lock.check.requests == [ ] && !job then "readiness" else yes checked;
        "modelpack.emulated" = yes (checked && foreign);
        "modelpack.hermetic" = yes hermetic;
        "modelpack.server" = lock.server.name;
      }
      // (if formats == [ ] then { } else { "modelpack.weights" = builtins.concatStringsSep "," formats; })
      // (if lock ? description then { "org.opencontainers.image.description" = lock.description; } else { })
      // lock.image.labels;
    };
  };
  attrs.exportReferencesGraph = [ "graph" package ];
}
