# The function that people call; its short forms follow.
# An alias of that name would hide it.
\builtin unalias '__NAME__' 2>/dev/null || \builtin true
# In posix mode bash takes no name with '-', and one that is not interactive would end here.
if ! [[ -o posix && '__NAME__' == *-* ]]; then
    # `function`: where all of this is read before the first line runs (inside an `if`, say), the
    # name in `NAME()` is still an alias.
    function __NAME__ {
        __cs_run '__NAME__' "$@"
    }
fi
