# The image below the package, if the lock has one: its files as an engine would show them, and its layers as they are.
{
  lock,
  derive,
  fetch,
  tools,
  ...
}:
let
  zstd = "${tools}/bin/zstd";
  layers = map (layer: {
    inherit (layer) diff_id media_type size;
    digest = "sha256:${layer.sha256}";
    path = fetch.file layer;
  }) lock.image_base.layers;
  unpacked = derive.builder "image_tree" [ "blob" "problem" "streams" "within" ] {
    name = "image-files";
    plan = {
      inherit layers zstd;
    };
  };
in
if lock ? image_base then
  {
    tree = "${unpacked}/root";
    config = "${fetch.file lock.image_base.config}";
    # For the builder of the image.
    plan = {
      inherit layers unpacked;
      inherit (lock.image_base) name digest;
      config = fetch.file lock.image_base.config;
    };
  }
else
  {
    tree = null;
    config = null;
    plan = null;
  }
