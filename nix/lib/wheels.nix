# One store path per wheel of the lock, in the lock's order.
{
  lock,
  built,
  distribution,
  unpack,
  ...
}:
map (
  wheel: unpack wheel (if wheel ? build then "${built.${wheel.name}}/wheel" else distribution wheel)
) lock.python.wheels
