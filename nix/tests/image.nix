# Tests of what makes the image: the plan of the layers and the configuration.
{ parts, plan }:
let
  # The same parts with changes to the lock.
  withLock =
    changes:
    import ../lib {
      lock = parts.lock // changes;
      inherit (parts) sources hermetic checked;
    };
  names = layers: map (layer: (plan layer).name or "root file system") layers;
  paths = layers: builtins.concatMap (layer: (plan layer).paths or [ ]) layers;
  text = path: builtins.unsafeDiscardStringContext "${path}";

  file = number: {
    path = "model/part-${toString number}";
    size = 5000000;
    sha256 = builtins.hashString "sha256" (toString number);
    executable = false;
  };
  many = count: {
    trees = parts.lock.trees // {
      model = {
        files = builtins.genList file count;
        nar_sha256 = builtins.hashString "sha256" "";
      };
    };
  };
  wheel = number: {
    name = "big-${toString number}";
    version = "1";
    filename = "big_${toString number}-1-py3-none-any.whl";
    sha256 = builtins.hashString "sha256" (toString number);
    size = 9000000 + number;
    source = "pypi";
    required_by = [ ];
  };
  wheels = count: { python = parts.lock.python // { wheels = builtins.genList wheel count; }; };

  code = parts.lock.trees.code // {
    nar_sha256 = builtins.hashString "sha256" "other code";
  };
  otherCode = withLock { trees = parts.lock.trees // { inherit code; }; };
  same = a: b: builtins.length (builtins.filter (layer: builtins.elem (text layer) (map text b)) a);
  config = parts: (plan parts.image).config;
in
{
  layers = {
    "go from what seldom changes to what often does, large things alone" = {
      expr = names parts.layers;
      expected = [
        "base bookworm"
        "root file system"
        "big 1.0+cpu"
        "small wheels"
        "environment"
        "model/weights.bin"
        "data"
        "package"
      ];
    };
    "hold large files as they are" = {
      expr = map (layer: (plan layer).compression) parts.layers;
      expected = [ "zstd" "zstd" "zstd" "zstd" "zstd" "none" "zstd" "zstd" ];
    };
    "hold everything but the samples" = {
      expr = builtins.elem (text parts.trees.samples.path) (paths parts.layers);
      expected = false;
    };
    "hold a joined tree, which has copies of its small files" = {
      expr = map (path: builtins.elem (text path) (paths parts.layers)) [
        parts.trees.model.path
        parts.trees.model.small
      ];
      expected = [ true false ];
    };
    "hold a file that two trees share once" = {
      expr = builtins.length (
        paths (withLock { trees = parts.lock.trees // { input-again = parts.lock.trees.model; }; }).layers
      );
      # A joined tree more.
      expected = builtins.length (paths parts.layers) + 1;
    };
    "stay far below 127, whatever the number of files and wheels" = {
      expr = map (changes: builtins.length (withLock changes).layers) [
        (many 50)
        (many 51)
        (many 1000)
        (wheels 40)
        (wheels 41)
        (wheels 500)
      ];
      expected = [ 57 33 57 46 47 47 ];
    };
    "differ in one when the code differs" = {
      expr = builtins.length parts.layers - same parts.layers otherCode.layers;
      expected = 1;
    };
  };
  image = {
    "says what the lock says" = {
      expr = {
        inherit (config parts) os architecture user ports labels stop_signal;
      };
      expected = {
        os = "linux";
        architecture = "amd64";
        user = "65532:65532";
        ports = [ "8080/tcp" ];
        stop_signal = "SIGTERM";
        labels = {
          "a" = "b";
          "modelpack.checked" = "true";
          "modelpack.emulated" = "false";
          "modelpack.hermetic" = "true";
          "modelpack.server" = "custom";
          "org.opencontainers.image.title" = "tiny";
          "org.opencontainers.image.version" = "2";
        };
      };
    };
    "has the user's variables, but for those with placeholders" = {
      expr = builtins.attrNames (config (withLock { environment_variables = { A = "1"; B = "@model@/x"; }; })).env;
      expected = [ "A" "PATH" "SSL_CERT_FILE" ];
    };
    "is named so that a registry takes it" = {
      expr = (plan (withLock { package_version = "1.0+cpu"; }).image).reference;
      expected = "tiny:1.0-cpu";
    };
  };
}
