# Tests of what puts files of a base image, and parts of the package at paths of their own, into the root file system.
{ parts, plan }:
let
  withLock =
    changes:
    import ../lib {
      lock = parts.lock // changes;
      inherit (parts) sources hermetic checked;
    };
  text = value: builtins.unsafeDiscardStringContext "${value}";
  linked = withLock { links = { "/mnt/labels" = "@input-labels@/labels.json"; }; };
  blob = name: {
    filename = "oci-${name}";
    sha256 = builtins.hashString "sha256" name;
    size = 5;
  };
  image = count: {
    image_base = {
      name = "base:1";
      digest = "sha256:d";
      manifest = "sha256:d";
      config = blob "config";
      layers = builtins.genList (
        number:
        blob (toString number)
        // {
          media_type = "application/vnd.oci.image.layer.v1.tar";
          diff_id = "sha256:${toString number}";
        }
      ) count;
    };
  };
  based = withLock (image 2);
  names = layers: map (layer: (plan layer).name or "root file system") layers;
in
{
  fill."puts the store path of a part in its place" = {
    expr = linked.fill "@input-labels@/x";
    expected = "${linked.trees.input-labels.path}/x";
  };
  links = {
    "are a layer below the package's, and what the check sees" = {
      expr = {
        names = builtins.elem "layer-links" (map (layer: layer.name) linked.layers);
        view = (plan linked.check).view.links.links."/mnt/labels" == "${text linked.trees.input-labels.path}/labels.json";
      };
      expected = { names = true; view = true; };
    };
    "without any, and without a base image, the check sees the sandbox" = {
      expr = (plan parts.check).view;
      expected = null;
    };
  };
  image_base = {
    "its layers come below ours, and its files are the server's root" = {
      expr = {
        digests = map (layer: layer.digest) (plan based.image).base.layers;
        tree = text based.image_base.tree == (plan based.check).view.tree;
        same = names based.layers == names parts.layers;
        config = (plan based.server).image == text based.image_base.config;
      };
      expected = {
        digests = map (name: "sha256:${builtins.hashString "sha256" name}") [ "0" "1" ];
        tree = true;
        same = true;
        config = true;
      };
    };
    "leaves fewer layers to wheels and files the more it has itself" = {
      expr =
        let
          many = image 100 // {
            python = parts.lock.python // {
              wheels = builtins.genList (number: {
                name = "big-${toString number}";
                version = "1";
                filename = "big_${toString number}-1-py3-none-any.whl";
                sha256 = builtins.hashString "sha256" (toString number);
                size = 9000000;
                source = "pypi";
                required_by = [ ];
              }) 60;
            };
          };
        in
        builtins.length (withLock many).layers + 100 < 127;
      expected = true;
    };
  };
}
