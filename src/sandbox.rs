//! What holds a sandbox: bubblewrap and podman, and the command lines they take. Pure, but for finding them.
