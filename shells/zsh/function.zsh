# The function that people call; its short forms follow.
# An alias of that name, global or not, would hide it.
\builtin unalias '__NAME__' 2>/dev/null || \builtin true
# `function`: zsh defines nothing where the name in `NAME()` is an alias. Quoted: nor a global one.
function '__NAME__' {
    __cs_run '__NAME__' "$@"
}
