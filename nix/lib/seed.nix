# The one thing no derivation builds: a static busybox in a folder, which has to exist before anything can run.
{ lock, fetch, ... }:
fetch.folder "seed" lock.base.seed_nar_sha256
