# One store path per wheel of the lock, in the lock's order.
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
map (
  wheel:
  unpack {
    name = fetch.storeName "${wheel.name}-${wheel.version}";
    plan = {
      inherit (wheel) name;
      wheel = fetch.file wheel;
      python = lock.python.version;
      inherit (interpreter) compiler;
    };
  }
) lock.python.wheels
