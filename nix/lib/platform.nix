# What differs between the machines that packages are for and are built on.
_:
{
  # By Debian architecture: GNU triplet, and the dynamic linker's path below a merged /usr.
  amd64 = {
    system = "x86_64-linux";
    triplet = "x86_64-linux-gnu";
    loader = "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2";
  };
  arm64 = {
    system = "aarch64-linux";
    triplet = "aarch64-linux-gnu";
    loader = "usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1";
  };
}
