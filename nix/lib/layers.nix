# The layers of the image, in order. What is large lies alone and what changes together lies together, so that a change
# of code moves one small layer, and weights are shared by every image that has them.
#
#   base | root file system | each big wheel | small wheels | environment | each large file | data | links | package
{
  lock,
  base,
  derive,
  environment,
  fetch,
  interpreter,
  links,
  package,
  packed,
  server,
  tools,
  wheels,
  ...
}:
let
  # Bytes of the wheel file from which a wheel has a layer of its own.
  big = 8388608;
  # Engines stop at 127 layers. Beyond these numbers the smaller wheels join the small ones, and files share layers.
  # A base image with many layers (modelpack/images/manifest.py stops at 100) leaves fewer.
  below = builtins.length (lock.image_base.layers or [ ]);
  mostWheels = lesser 40 ((110 - below) / 2);
  mostFiles = lesser 50 ((110 - below) / 2);

  zstd = "${tools}/bin/zstd";
  take = count: list: builtins.genList (builtins.elemAt list) (lesser count (builtins.length list));
  lesser = a: b: if a < b then a else b;
  # Lists of `size` consecutive elements; the last may be shorter.
  groups =
    size: list:
    builtins.genList (
      index:
      builtins.genList (offset: builtins.elemAt list (index * size + offset)) (
        lesser size (builtins.length list - index * size)
      )
    ) ((builtins.length list + size - 1) / size);

  # about: for people; paths: derivations or store paths.
  layer =
    compression: about: paths:
    derive.builder "layer" [ "streams" "tarstream" ] {
      name = "layer-${fetch.storeName about}";
      plan = {
        name = about;
        inherit compression paths;
        zstd = if compression == "zstd" then zstd else null;
      };
    };
  compressed = layer lock.image.compression;

  root = derive.builder "root" [ "layer" "streams" "tarstream" ] {
    name = "layer-root";
    plan = {
      inherit base zstd;
      inherit (links) tree;
      inherit (lock.base) suite;
      inherit (lock.image) compression user;
    };
  };

  linked = derive.builder "links" [ "layer" "root" "streams" "tarstream" "within" ] {
    name = "layer-links";
    plan = {
      inherit zstd;
      inherit (links) links tree;
      inherit (lock.image) compression;
    };
  };

  locked = builtins.genList (index: {
    inherit (builtins.elemAt lock.python.wheels index) name version size;
    path = builtins.elemAt wheels index;
  }) (builtins.length wheels);
  bySize = builtins.sort (a: b: a.size > b.size || (a.size == b.size && a.name < b.name)) locked;
  alone = map (wheel: wheel.name) (
    take mostWheels (builtins.filter (wheel: wheel.size >= big) bySize)
  );
  isAlone = wheel: builtins.elem wheel.name alone;
  others = builtins.filter (wheel: !isAlone wheel) locked;

  # Trees may share a large file; its store path is in one layer all the same.
  files = builtins.attrValues (
    builtins.listToAttrs (
      map (file: {
        name = builtins.unsafeDiscardStringContext "${file.source}";
        value = file;
      }) (builtins.concatMap (tree: tree.files) (builtins.attrValues packed))
    )
  );
  byPath = builtins.sort (a: b: a.path < b.path) files;
  perLayer = (builtins.length files + mostFiles - 1) / mostFiles;

  # A tree beside its large files, with copies of the small ones.
  data = map (name: packed.${name}.path) (builtins.attrNames (builtins.removeAttrs packed [ "code" ]));
  code = if packed ? code then [ packed.code.path ] else [ ];

  uncompressed =
    group:
    let
      first = (builtins.head group).path;
      more = builtins.length group - 1;
    in
    layer "none" (if more == 0 then first else "${first} and ${toString more} more") (
      map (file: file.source) group
    );

  unlessEmpty = about: paths: if paths == [ ] then [ ] else [ (compressed about paths) ];
in
[
  (compressed "base ${lock.base.suite}" [ base ])
  root
]
++ unlessEmpty interpreter.name (if interpreter.ofBase then [ ] else [ interpreter.path ])
++ map (wheel: compressed "${wheel.name} ${wheel.version}" [ wheel.path ]) (builtins.filter isAlone locked)
++ unlessEmpty "small wheels" (map (wheel: wheel.path) others)
++ [ (compressed "environment" [ environment ]) ]
++ map uncompressed (if files == [ ] then [ ] else groups perLayer byPath)
++ unlessEmpty "data" data
++ (if links.links == { } then [ ] else [ linked ])
++ [ (compressed "package" (code ++ [ server package ])) ]
