# A function: a wheel of the lock, and its file, to the store path that it is unpacked in.
{
  lock,
  derive,
  fetch,
  interpreter,
  ...
}:
let
  unpack = derive.builder "wheel" [ "bytecode" "problem" ];
in
wheel: file:
unpack {
  name = fetch.storeName "${wheel.name}-${wheel.version}";
  plan = {
    inherit (wheel) name;
    wheel = file;
    python = lock.python.version;
    inherit (interpreter) compiler;
  };
}
